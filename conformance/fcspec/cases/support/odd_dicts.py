"""Dicts that are dicts, and do what a dict need not do."""

from __future__ import annotations

import collections

import torch


class Elsewhere(collections.UserDict[str, torch.Tensor], dict[str, torch.Tensor]):  # type: ignore[misc]
    """A dict that keeps what it holds elsewhere: who goes past its own methods, to those of dict, finds it empty."""


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
