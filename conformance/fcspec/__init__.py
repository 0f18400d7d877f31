"""fcspec: a specification and a conformance suite for torch.func.functional_call."""

import importlib

__version__ = "0.1.0"

_LAZY = {
    "check": "fcspec.api",
    "Report": "fcspec.api",
    "UsageError": "fcspec.errors",
    "parametrize": "fcspec.parametrizing",
}


def __getattr__(name: str) -> object:
    """Names of __init__.pyi, imported where they are used: `import fcspec` costs nothing."""
    if name not in _LAZY:
        raise AttributeError(f"module 'fcspec' has no attribute {name!r}")
    import random

    state = random.getstate()
    try:
        return getattr(importlib.import_module(_LAZY[name]), name)
    finally:
        random.setstate(state)  # rich draws from it when it is imported
