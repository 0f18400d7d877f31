"""Objects compared by identity."""

from __future__ import annotations

from typing import Any

from torch import Tensor


class ById:
    """An object, equal to itself alone whatever its `__eq__` says; kept alive, so that no other one takes over its identity."""

    __slots__ = ("what",)

    def __init__(self, what: Any) -> None:
        self.what = what

    def __eq__(self, other: object) -> bool:
        return isinstance(other, ById) and self.what is other.what

    def __hash__(self) -> int:
        return id(self.what)

    def __repr__(self) -> str:
        what = self.what
        if isinstance(what, Tensor):
            return f"{type(what).__name__}{tuple(what.shape)}"
        name = getattr(what, "__qualname__", None)
        return name if isinstance(name, str) else type(what).__name__
