"""What a module, the process and torch hold now, and what changed since; read by identity."""
