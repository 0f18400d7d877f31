"""Commands of fcspec, and what several of them share."""
