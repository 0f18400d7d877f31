"""The modules under call: small, neutral, and named differently in every case.

A test that is about one slot takes a `Site`: a module, one dotted name in it, and a way to act in forward where that slot lives.
"""

from __future__ import annotations

import random
import zlib
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

Act = Callable[[Any], Any]
"""What a site does in forward: called with the owner of the slot; a result that is not None becomes forward's."""

_SYLLABLES = [
    "ba",
    "be",
    "bo",
    "da",
    "de",
    "do",
    "ka",
    "ke",
    "ko",
    "la",
    "le",
    "lo",
    "ma",
    "me",
    "mo",
    "na",
    "ne",
    "no",
    "ra",
    "re",
    "ro",
    "sa",
    "se",
    "so",
    "ta",
    "te",
    "to",
    "va",
    "ve",
    "vo",
    "za",
    "ze",
    "zo",
]


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
    """A module whose forward adds what it owns to its input, calls its children in turn, and does what the test asks.

    Subclassed anew for every specimen. `act` is looked up on the class, so a module's own `__dict__` stays a plain module's.
    """

    act: Act | None = None

    def forward(self, x: Tensor) -> Any:
        if type(self).act is not None:
            result = type(self).act(self)  # type: ignore[misc]
            if result is not None:
                return result
        for scale, tensor in enumerate([*self._parameters.values(), *self._buffers.values()], 2):
            if tensor is not None:
                x = x + scale * tensor
        for child in self._modules.values():
            x = child(x) if child is not None else x
        return x


def probe(names: Names) -> Any:
    """A Probe of a class of its own."""
    return type(names.type(), (Probe,), {})()


def values_like(tensor: Tensor, seed: int = 1) -> Tensor:
    """A fresh value of the same shape, dtype and device; another seed, another value."""
    generator = torch.Generator().manual_seed(seed)
    return torch.rand(tensor.shape, generator=generator, dtype=torch.float64).to(tensor.dtype) + 1


class Site:
    """One slot of a module, and the forward that can reach it.

    Attributes:
        module: the module to call.
        name: the slot's dotted name.
        owner: the module that holds it.
        key: its key there.
        own: the tensor it holds before any call.
        x: an input that the module takes.
    """

    def __init__(self, module: nn.Module, name: str, caller: nn.Module | None = None) -> None:
        self.module, self.name = module, name
        path, _, self.key = name.rpartition(".")
        self.owner = module.get_submodule(path)
        self.caller = caller if caller is not None else self.owner
        self.own: Tensor = getattr(self.owner, self.key)
        self.x = torch.linspace(0.5, 1.5, 3)

    def value(self, seed: int = 1) -> Tensor:
        """A fresh plain tensor that could stand here."""
        return values_like(self.own, seed)

    def inside(self, act: Act) -> None:
        """Have forward call `act(owner)`, where the slot lives; a result that is not None becomes the result of that forward."""
        type(self.caller).act = staticmethod(lambda _: act(self.owner))  # type: ignore[attr-defined]

    def inside_get(self) -> Any:
        """What stands in the slot now, read past any API: for use in forward and after."""
        for store in (self.owner._parameters, self.owner._buffers):
            if self.key in store:
                return store[self.key]
        raise LookupError(self.key)


def _parameter(size: int = 3) -> nn.Parameter:
    return nn.Parameter(torch.rand(size))


def flat_parameter(names: Names) -> Site:
    module, key = probe(names), names.attribute()
    module.register_parameter(key, _parameter())
    module.register_parameter(names.attribute(), _parameter())
    module.register_buffer(names.attribute(), torch.rand(3))
    return Site(module, key)


def flat_buffer(names: Names, persistent: bool = True) -> Site:
    module, key = probe(names), names.attribute()
    module.register_buffer(names.attribute(), torch.rand(3))
    module.register_parameter(names.attribute(), _parameter())
    module.register_buffer(key, torch.rand(3), persistent=persistent)
    module.register_buffer(names.attribute(), torch.rand(3))
    return Site(module, key)


def non_persistent_buffer(names: Names) -> Site:
    return flat_buffer(names, persistent=False)


def nested(names: Names, site: Site) -> Site:
    """The same slot three modules down: in a child, in a ModuleDict, in a Sequential."""
    child, entry = names.attribute(), names.attribute()
    root, middle = probe(names), probe(names)
    sequential = nn.Sequential(nn.Identity(), site.module)
    middle.add_module(child, CallableDict({entry: sequential}))
    middle.register_parameter(names.attribute(), _parameter())
    root.add_module(child, middle)
    return Site(root, f"{child}.{child}.{entry}.1.{site.name}", site.caller)


class CallableDict(nn.ModuleDict):
    """A ModuleDict that a Probe can call: its modules in turn."""

    def forward(self, x: Any) -> Any:
        for child in self.values():
            x = child(x)
        return x


def nested_parameter(names: Names) -> Site:
    return nested(names, flat_parameter(names))


def nested_buffer(names: Names) -> Site:
    return nested(names, flat_buffer(names))


def listed_parameter(names: Names) -> Site:
    """In a ParameterList inside a ModuleList; the containers are not called, their owner reads them."""
    root, modules, parameters = probe(names), names.attribute(), names.attribute()
    inner = probe(names)
    inner.add_module(parameters, nn.ParameterList([_parameter(), _parameter()]))
    type(inner).forward = lambda self, x: _act_or(
        self, lambda: x + 2 * getattr(self, parameters)[0] + 3 * getattr(self, parameters)[1]
    )
    root.add_module(modules, nn.ModuleList([inner]))
    type(root).forward = lambda self, x: getattr(self, modules)[0](x)
    return Site(root, f"{modules}.0.{parameters}.1", inner)


def _act_or(module: Any, otherwise: Callable[[], Any]) -> Any:
    result = type(module).act(module) if type(module).act is not None else None
    return otherwise() if result is None else result


PARAMETERS = (flat_parameter, nested_parameter, listed_parameter)
BUFFERS = (flat_buffer, non_persistent_buffer, nested_buffer)
SITES = (*PARAMETERS, *BUFFERS)
