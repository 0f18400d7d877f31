"""What every specimen is made of: names drawn from a seed, a module that shows what it owns, fresh values."""

from __future__ import annotations

import random
import zlib
from collections.abc import Callable, Iterable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from fcspec.state.module_state import slots

Act = Callable[[Any], Any]
"""What a specimen does in forward: called with a module; a result that is not None becomes forward's."""

_SYLLABLES = [consonant + vowel for consonant in "bdklmnrstvz" for vowel in "aeo"]


class Names:
    """Names for classes and attributes, drawn from a seed, so that no implementation can recognise a specimen."""

    def __init__(self, seed: str) -> None:
        self._random = random.Random(zlib.crc32(seed.encode()))
        self._taken: set[str] = set()

    def attribute(self) -> str:
        while True:
            name = "".join(self._random.choices(_SYLLABLES, k=3))
            if name not in self._taken:
                self._taken.add(name)
                return name

    def type(self) -> str:
        return self.attribute().title()


class Probe(nn.Module):
    """A module whose forward adds up what it owns, calls its children in turn, and does what the test asks.

    Subclassed anew for every specimen. `act` is looked up on the class, so a module's own `__dict__` stays a plain module's.
    """

    act: Act | None = None

    def forward(self, x: Any) -> Any:
        if type(self).act is not None:
            result = type(self).act(self)  # type: ignore[misc]
            if result is not None:
                return result
        for scale, key in enumerate(sorted([*self._parameters, *self._buffers]), 2):  # in whatever order they stand
            tensor = getattr(self, key)
            if tensor is not None:
                x = x + scale * tensor * tensor
        for child in self._modules.values():
            x = child(x) if child is not None else x
        return x


def probe(names: Names, forward: Callable[..., Any] | None = None, **methods: Any) -> Any:
    """A Probe of a class of its own, with these methods."""
    if forward is not None:
        methods["forward"] = forward
    return type(names.type(), (Probe,), methods)()


def parameter(size: int = 3) -> nn.Parameter:
    return nn.Parameter(torch.rand(size))


def values_like(tensor: Tensor, seed: int = 1) -> Tensor:
    """A fresh value of the same shape, dtype and device; another seed, another value."""
    generator = torch.Generator().manual_seed(seed)
    value = torch.rand(tensor.shape, generator=generator, dtype=torch.float64, device=generator.device)
    return value.to(tensor.dtype).to(tensor.device) + 1


def fresh_values(module: nn.Module) -> dict[str, Tensor]:
    """A fresh value for every name of a module, all of them different."""
    return {
        name: values_like(vars(owner)[store][key], seed)
        for seed, (name, owner, store, key) in enumerate(slots(module), 10)
        if vars(owner)[store][key] is not None
    }


def get(module: nn.Module, name: str) -> Any:
    """What stands at a dotted name now; in forward: what forward sees there."""
    path, _, key = name.rpartition(".")
    return getattr(module.get_submodule(path), key)


def at(builders: Iterable[Callable[[Names], Any]], fixture: str = "site") -> pytest.MarkDecorator:
    """`@at(SITES)`: run the test with what each of these builders makes, as the fixture `site` (or `group`)."""
    return pytest.mark.parametrize(fixture, builders, indirect=True, ids=lambda builder: builder.__name__)
