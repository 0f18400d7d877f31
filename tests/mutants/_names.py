NAMES: dict[str, tuple[str, ...]] = {}
