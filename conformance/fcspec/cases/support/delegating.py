"""A wrapper that hands on what it lacks to the module in it."""

from torch import nn


def delegating(self, name):
    """A wrapper's `__getattr__`: attributes that it lacks are looked up on its child."""
    try:
        return nn.Module.__getattr__(self, name)
    except AttributeError:
        return getattr(next(iter(vars(self)["_modules"].values())), name)
