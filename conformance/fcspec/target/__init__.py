"""From an address to the one place where the implementation is called, and what it changed of the code that judges it."""
