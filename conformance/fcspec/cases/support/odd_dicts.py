"""Dicts that are dicts, and do what a dict need not do."""

from __future__ import annotations

import collections
from collections.abc import Callable
from typing import Any

import torch


class Elsewhere(collections.UserDict[str, torch.Tensor], dict[str, torch.Tensor]):  # type: ignore[misc]
    """A dict that keeps what it holds elsewhere: who goes past its own methods, to those of dict, finds it empty."""


class Noting(dict[str, torch.Tensor]):
    """A dict that notes what is set by its own methods; who goes past them, as by `|=`, sets something else."""

    def __init__(self, values: Any) -> None:
        super().__init__(values)
        self.noted: dict[str, torch.Tensor] = {}

    def __setitem__(self, name: str, value: torch.Tensor) -> None:
        self.noted[name] = value

    def update(self, *args: Any, **kwargs: torch.Tensor) -> None:
        self.noted.update(*args, **kwargs)


class Computing(dict[str, Callable[[], torch.Tensor]]):
    """A dict that makes a value whenever it is asked for one: who goes past its methods finds functions."""

    def __getitem__(self, name: str) -> Any:
        return super().__getitem__(name)()

    def get(self, name: str, default: Any = None) -> Any:
        return self[name] if name in self else default  # noqa: SIM401  # get is this function

    def items(self) -> Any:
        return [(name, self[name]) for name in self]

    def values(self) -> Any:
        return [self[name] for name in self]

    def copy(self) -> Computing:
        return type(self)(super().items())


class Moving(collections.OrderedDict[str, torch.Tensor]):
    """A dict whose last entry is the one that was used last: who goes through its names meanwhile goes astray."""

    def __getitem__(self, name: str) -> torch.Tensor:
        self.move_to_end(name)
        return super().__getitem__(name)

    def __setitem__(self, name: str, value: torch.Tensor) -> None:
        super().__setitem__(name, value)
        self.move_to_end(name)

    def items(self) -> Any:
        return [(name, super(Moving, self).__getitem__(name)) for name in self]

    def values(self) -> Any:
        return [value for _, value in self.items()]

    def copy(self) -> Moving:
        return type(self)(self.items())


class Refusing(dict[str, torch.Tensor]):
    """A dict that refuses assignment to one name, or, where that is None, to all."""

    refused: str | None = None

    def __setitem__(self, name: str, value: torch.Tensor) -> None:
        if self.refused in (None, name):
            raise TypeError("read-only")
        super().__setitem__(name, value)

    def update(self, *args: object, **kwargs: torch.Tensor) -> None:
        for name, value in dict(*args, **kwargs).items():
            self[name] = value
