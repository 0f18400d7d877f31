"""A call as data: drawn, computed, compared, shrunk, printed."""
