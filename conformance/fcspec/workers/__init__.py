"""Forked children with a clock. Knows processes, never clauses."""
