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

ForwardAction = Callable[[Any], Any]
"""What a test has a specimen do in forward: called with a module; a result that is not None becomes forward's result."""

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


Builder = Callable[[Names], Any]
"""Makes a specimen whose classes and attributes have these names."""


class Probe(nn.Module):
    """A module whose forward runs `in_forward`, if a test has set it; else it adds up its tensors and calls its children in turn.

    Every specimen has a subclass of its own. `in_forward` is an attribute of that class, so that the `__dict__` of the module
    holds what the `__dict__` of any module holds.
    """

    in_forward: ForwardAction | None = None

    def forward(self, x: Any) -> Any:
        if type(self).in_forward is not None:
            result = type(self).in_forward(self)  # type: ignore[misc]
            if result is not None:
                return result
        for scale, key in enumerate(
            sorted([*self._parameters, *self._buffers]), 2
        ):  # registration order must not matter
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
    """The current value of a dotted name; in forward, what forward sees there."""
    path, _, key = name.rpartition(".")
    return getattr(module.get_submodule(path), key)


def with_site(builders: Iterable[Builder]) -> pytest.MarkDecorator:
    """`@with_site(SITES)`: run the test once for each of these builders of a Site; the fixture `site` is what it builds."""
    return _with("site", builders)


def with_group(builders: Iterable[Builder]) -> pytest.MarkDecorator:
    """`@with_group(PAIRS)`: run the test once for each of these builders of a Group; the fixture `group` is what it builds."""
    return _with("group", builders)


def _with(fixture: str, builders: Iterable[Builder]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize(fixture, builders, indirect=True, ids=lambda builder: builder.__name__)
