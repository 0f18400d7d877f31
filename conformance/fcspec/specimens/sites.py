"""One slot somewhere in a module: what a test about a single parameter or buffer is run with."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from fcspec.specimens.base import ForwardAction, Names, get, parameter, probe, values_like
from fcspec.state.module_state import slots


class Site:
    """One slot of a module, and a way to run code in the forward of the module that reads it.

    Attributes:
        module: the module to call.
        name: the slot's dotted name.
        other: the name of another slot, not tied to it.
        owner: the module that holds it.
        key: its key there.
        caller: the module whose forward reads it; the owner, unless the owner is a container, which is not called.
        own: the tensor it holds before any call.
        x: an input that the module takes.
    """

    def __init__(self, module: nn.Module, name: str, caller: nn.Module | None = None) -> None:
        self.module, self.name = module, name
        path, _, self.key = name.rpartition(".")
        self.owner = module.get_submodule(path)
        self.caller = caller if caller is not None else self.owner
        self.own: Tensor = getattr(self.owner, self.key)
        self.other = next(other for other, *_ in slots(module) if other != name)
        self.x = torch.linspace(0.5, 1.5, 3)

    def value(self, seed: int = 1) -> Tensor:
        """A fresh plain tensor that could stand here."""
        return values_like(self.own, seed)

    def bindable(self, seed: int = 7) -> Tensor:
        """A fresh tensor that an assignment in forward registers: a Parameter in the place of a parameter, else a plain one."""
        return nn.Parameter(self.value(seed)) if isinstance(self.own, nn.Parameter) else self.value(seed)

    def in_forward(self, act: ForwardAction) -> None:
        """Have the forward of `caller` call `act(owner)`; a result that is not None becomes the result of that forward."""
        type(self.caller).in_forward = staticmethod(lambda _: act(self.owner))  # type: ignore[attr-defined]

    def current(self) -> Any:
        """What the attribute gives now: in forward, what forward sees; before and after the call, what the module has."""
        return getattr(self.owner, self.key)

    def get(self, name: str) -> Any:
        """What any name of the module gives now."""
        return get(self.module, name)

    def sibling_name(self, key: str) -> str:
        """The dotted name of another key of the owner."""
        return self.name.removesuffix(self.key) + key

    def rebind(self, new: Any) -> None:
        """Assign to the attribute, as a forward would. nn.Module refuses some kinds of value for a registered name: that name is
        deleted first.
        """
        direct = new is None or type(new) is type(self.own)
        if not direct and not (isinstance(new, nn.Module) and self.key in self.owner._buffers):
            delattr(self.owner, self.key)
        setattr(self.owner, self.key, new)


def flat_parameter(names: Names) -> Site:
    module, key = probe(names), names.attribute()
    module.register_parameter(key, parameter())
    module.register_parameter(names.attribute(), parameter())
    module.register_buffer(names.attribute(), torch.rand(3))
    return Site(module, key)


def flat_buffer(names: Names, persistent: bool = True) -> Site:
    module, key = probe(names), names.attribute()
    module.register_buffer(names.attribute(), torch.rand(3))
    module.register_parameter(names.attribute(), parameter())
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
    middle.add_module(child, callable_dict(names, {entry: sequential}))
    middle.register_parameter(names.attribute(), parameter())
    root.add_module(child, middle)
    return Site(root, f"{child}.{child}.{entry}.1.{site.name}", site.caller)


def callable_dict(names: Names, modules: dict[str, nn.Module]) -> nn.ModuleDict:
    """A ModuleDict with a forward, which calls its modules in turn."""

    def forward(self: nn.ModuleDict, x: Any) -> Any:
        for child in self.values():
            x = child(x)
        return x

    built: nn.ModuleDict = type(names.type(), (nn.ModuleDict,), {"forward": forward})(modules)
    return built


def nested_parameter(names: Names) -> Site:
    return nested(names, flat_parameter(names))


def nested_buffer(names: Names) -> Site:
    return nested(names, flat_buffer(names))


def nested_non_persistent_buffer(names: Names) -> Site:
    return nested(names, non_persistent_buffer(names))


def _container_of_parameters(names: Names, container: nn.Module, *keys: Any) -> Site:
    """A ParameterList or ParameterDict in a module in a ModuleList. It is not called: the module that holds it reads it."""
    root, modules, parameters = probe(names), names.attribute(), names.attribute()
    inner = probe(names)
    inner.add_module(parameters, container)
    type(inner).forward = lambda self, x: _act_or(
        self, lambda: x + 2 * getattr(self, parameters)[keys[0]] + 3 * getattr(self, parameters)[keys[1]]
    )
    root.add_module(modules, nn.ModuleList([inner]))
    type(root).forward = lambda self, x: getattr(self, modules)[0](x)
    return Site(root, f"{modules}.0.{parameters}.{keys[1]}", inner)


def _act_or(module: Any, otherwise: Callable[[], Any]) -> Any:
    result = type(module).in_forward(module) if type(module).in_forward is not None else None
    return otherwise() if result is None else result


def listed_parameter(names: Names) -> Site:
    return _container_of_parameters(names, nn.ParameterList([parameter(), parameter()]), 0, 1)


def keyed_parameter(names: Names) -> Site:
    keys = names.attribute(), names.attribute()
    return _container_of_parameters(names, nn.ParameterDict({key: parameter() for key in keys}), *keys)


FLAT = (flat_parameter, flat_buffer)
PARAMETERS = (flat_parameter, nested_parameter, listed_parameter)
BUFFERS = (flat_buffer, non_persistent_buffer, nested_buffer)
NESTED = (nested_parameter, nested_buffer, listed_parameter)
SITES = (*PARAMETERS, *BUFFERS)
