"""Report -> text. Pure functions: they run nothing."""
