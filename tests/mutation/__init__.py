"""Wrong implementations, generated from correct ones: operators.py makes them, survivors.toml says why some are not caught."""
