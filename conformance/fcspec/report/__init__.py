"""A run as plain data, and its faces. Imports neither torch nor pytest."""
