"""Modules with a tensor that torch.nn.utils.parametrize computes."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn
from torch.nn.utils import parametrize

from fcspec.specimens.base import Names, parameter, probe
from fcspec.specimens.sites import Site, nested


class Parametrized(Site):
    """A Site whose tensor is parametrized.

    Attributes:
        name: the regular name, which the parametrization computes.
        originals: the names of the tensors that it is computed from.
        ran: each run of a method of the parametrizations, in order: "forward" or "right_inverse".
    """

    def __init__(self, site: Site, ran: list[str]) -> None:
        super().__init__(site.module, site.name, site.caller)
        path = self.name.removesuffix(self.key)
        held = self.owner.get_submodule(f"parametrizations.{self.key}")
        self.originals = [f"{path}parametrizations.{self.key}.{name}" for name in (*held._parameters, *held._buffers)]
        self.ran = ran
        ran.clear()


def parametrization(names: Names, ran: list[str], forward: Any, right_inverse: Any = None) -> Any:
    """A parametrization of a class of its own that appends the name of each method that runs to `ran`."""

    def noting_forward(_: Any, *originals: Any) -> Any:
        ran.append("forward")
        return forward(*originals)

    def noting_right_inverse(_: Any, value: Any) -> Any:
        ran.append("right_inverse")
        return right_inverse(value)

    methods: dict[str, Any] = {"forward": noting_forward}
    if right_inverse is not None:
        methods["right_inverse"] = noting_right_inverse
    return type(names.type(), (nn.Module,), methods)()


def _site(names: Names, kind: str = "parameter") -> Site:
    module, key = probe(names), names.attribute()
    type(module).forward = lambda self, x: _read(self, x, key)
    if kind == "parameter":
        module.register_parameter(key, parameter())
    else:
        module.register_buffer(key, torch.rand(3))
    module.register_parameter(names.attribute(), parameter())
    return Site(module, key)


def _read(module: Any, x: Any, key: str) -> Any:
    """x * module.<key> + the sum of the parameters. The parametrized tensor is read once, by its regular name, as modules do."""
    result = type(module).in_forward(module) if type(module).in_forward is not None else None
    return x * getattr(module, key) + sum(list(module._parameters.values())) if result is None else result


def _build(names: Names, site: Site, *parts: tuple[Any, ...]) -> Parametrized:
    ran: list[str] = []
    for part in parts:
        parametrize.register_parametrization(site.owner, site.key, parametrization(names, ran, *part))
    return Parametrized(site, ran)


_DOUBLE = (lambda original: 2 * original, lambda value: value / 2)


def squared(names: Names) -> Parametrized:
    """Without right_inverse."""
    return _build(names, _site(names), (torch.square,))


def doubled(names: Names) -> Parametrized:
    """With an exact right_inverse."""
    return _build(names, _site(names), _DOUBLE)


def shifted(names: Names) -> Parametrized:
    """With a right_inverse that does not invert: after assigning `v` the tensor is `v + 1`, so an assignment changes it."""
    return _build(names, _site(names), (lambda original: original + 1, lambda value: value))


def chained(names: Names) -> Parametrized:
    return _build(names, _site(names), _DOUBLE, (lambda original: original + 1, lambda value: value - 1))


def two_originals(names: Names) -> Parametrized:
    product = (lambda first, second: first * second**2, lambda value: (value, torch.full_like(value, 1.0)))
    return _build(names, _site(names), product)


def scaled(names: Names) -> Parametrized:
    """Its original times a parameter of the parametrization, which has the last name of `originals`."""
    ran: list[str] = []
    key, site = names.attribute(), _site(names)
    scaling = parametrization(names, ran, torch.mul)
    scaling.register_parameter(key, parameter())
    type(scaling).forward = lambda self, original: original * getattr(self, key)
    parametrize.register_parametrization(site.owner, site.key, scaling)
    found = Parametrized(site, ran)
    found.originals.append(f"parametrizations.{site.key}.0.{key}")
    return found


def buffer_squared(names: Names) -> Parametrized:
    return _build(names, _site(names, "buffer"), (torch.square,))


def buffer_doubled(names: Names) -> Parametrized:
    return _build(names, _site(names, "buffer"), _DOUBLE)


def nested_squared(names: Names) -> Parametrized:
    return _build(names, nested(names, _site(names)), (torch.square,))


def nested_doubled(names: Names) -> Parametrized:
    return _build(names, nested(names, _site(names)), _DOUBLE)


# All have a right_inverse: that it may be missing is the law of parametrize.no-right-inverse.
PARAMETRIZED = (doubled, nested_doubled, shifted)


def under_two_paths(names: Names, site: Site) -> tuple[Any, list[str]]:
    """A module that has this site's module as two of its children, and the two names of the tensor there."""
    root, paths = probe(names), [names.attribute(), names.attribute()]
    for path in paths:
        root.add_module(path, site.module)
    return root, [f"{path}.{site.name}" for path in paths]


def several_doubled(names: Names, count: int = 3) -> tuple[Any, list[str]]:
    """A module that stacks its parametrized parameters, and their names."""
    module, keys = probe(names), [names.attribute() for _ in range(count)]
    type(module).forward = lambda self, _: _act_or_stack(self, keys)
    for key in keys:
        module.register_parameter(key, parameter())
        parametrize.register_parametrization(module, key, parametrization(names, [], *_DOUBLE))
    return module, keys


def _act_or_stack(module: Any, keys: list[str]) -> Any:
    if type(module).in_forward is not None:
        type(module).in_forward(module)
    return torch.stack([getattr(module, key) for key in keys])
