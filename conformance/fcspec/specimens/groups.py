"""Modules in which several names lead to one tensor: tied groups, and submodules that are registered twice."""

from __future__ import annotations

import copy
from typing import Any

import torch
from torch import Tensor, nn

from fcspec.specimens.base import ForwardAction, Names, get, parameter, probe, values_like


class Group:
    """All the names of one tensor in a module.

    Attributes:
        module: the module to call.
        names: the dotted names, in registration order.
        own: the tensor that they share before any call.
        x: an input that the module takes.
    """

    def __init__(self, module: nn.Module, *names: str) -> None:
        self.module, self.names = module, names
        self.own: Tensor = get(module, names[0])
        self.x = torch.linspace(0.5, 1.5, 3)

    def value(self, seed: int = 1) -> Tensor:
        """A fresh plain tensor that could stand here."""
        return values_like(self.own, seed)

    def in_forward(self, act: ForwardAction) -> None:
        """Have the module's forward call `act(module)`; a result that is not None becomes the result of forward."""
        type(self.module).in_forward = staticmethod(act)  # type: ignore[attr-defined]

    def current(self) -> list[Any]:
        """What each of the names gives now; in forward, what forward sees."""
        return [get(self.module, name) for name in self.names]


def _tied(names: Names, *places: str) -> Group:
    """One tensor in several slots, each described by a string: a dot for each submodule down, then "p" for a parameter, "b" for
    a buffer, "n" for a non-persistent buffer. So "p" is a parameter of the root, and "..n" a buffer of a child of a child.
    """
    root = probe(names)
    tensor = parameter()
    shared: Any = tensor if any(place.endswith("p") for place in places) else torch.rand(3)
    root.register_parameter(names.attribute(), parameter())
    found = []
    for place in places:
        owner, path = root, []
        for _ in range(place.count(".")):
            path.append(names.attribute())
            owner.add_module(path[-1], probe(names))
            owner = owner.get_submodule(path[-1])
        path.append(names.attribute())
        if place.endswith("p"):
            owner.register_parameter(path[-1], shared)
        else:
            owner.register_buffer(path[-1], shared, persistent=not place.endswith("n"))
        owner.register_buffer(names.attribute(), torch.rand(3))
        found.append(".".join(path))
    return Group(root, *found)


def tied_in_one_module(names: Names) -> Group:
    return _tied(names, "p", "p")


def tied_across_modules(names: Names) -> Group:
    return _tied(names, ".p", "...p")


def tied_root_and_child(names: Names) -> Group:
    return _tied(names, "p", ".p")


def buffers_within(names: Names) -> Group:
    return _tied(names, "b", "n")


def buffers_across(names: Names) -> Group:
    return _tied(names, ".n", "..b")


def parameter_and_buffer(names: Names) -> Group:
    return _tied(names, "p", "b")


def parameter_and_buffer_across(names: Names) -> Group:
    return _tied(names, "..p", ".b")


def three_within(names: Names) -> Group:
    return _tied(names, "p", "p", "p")


def three_across(names: Names) -> Group:
    return _tied(names, "p", ".p", "..p")


def three_buffers(names: Names) -> Group:
    return _tied(names, "b", ".n", ".b")


def four_mixed(names: Names) -> Group:
    return _tied(names, "p", "b", ".p", "..b")


PAIRS = (tied_in_one_module, tied_across_modules, tied_root_and_child)
BUFFER_PAIRS = (buffers_within, buffers_across)
MIXED_PAIRS = (parameter_and_buffer, parameter_and_buffer_across)
ALL_PAIRS = (*PAIRS, *BUFFER_PAIRS, *MIXED_PAIRS)
LARGE = (three_within, three_across, three_buffers, four_mixed)


def two_buffers(names: Names, own: Tensor) -> Group:
    """This very tensor as two buffers of one module, whose forward returns its argument: the tensor may be of any kind."""
    module, keys = probe(names), (names.attribute(), names.attribute())
    for key in keys:
        module.register_buffer(key, own)
    group = Group(module, *keys)
    group.in_forward(lambda _: group.x)
    return group


def shared_buffer(names: Names, own: Tensor) -> Group:
    """This very tensor as the buffer of a submodule that is registered twice; forward returns its argument."""
    key, child = names.attribute(), probe(names)
    child.register_buffer(key, own)
    group = _registered_twice(names, child, key)
    group.in_forward(lambda _: group.x)
    return group


def _registered_twice(names: Names, child: nn.Module, key: str, deep: bool = False) -> Group:
    """`child`, which owns `key`, registered under two names: in one module; if `deep`, in two, at different depths."""
    root, first, second = probe(names), names.attribute(), names.attribute()
    root.add_module(first, child)
    if deep:
        middle, path = probe(names), names.attribute()
        middle.add_module(second, child)
        root.add_module(path, middle)
        second = f"{path}.{second}"
    else:
        root.add_module(second, child)
    return Group(root, f"{first}.{key}", f"{second}.{key}")


def _child(names: Names, key: str, kind: str) -> Any:
    child = probe(names)
    if kind == "parameter":
        child.register_parameter(key, parameter())
    else:
        child.register_buffer(key, torch.rand(3))
    child.register_parameter(names.attribute(), parameter())
    return child


def shared_submodule(names: Names) -> Group:
    key = names.attribute()
    return _registered_twice(names, _child(names, key, "parameter"), key)


def shared_submodule_at_two_depths(names: Names) -> Group:
    key = names.attribute()
    return _registered_twice(names, _child(names, key, "parameter"), key, deep=True)


def shared_buffer_owner(names: Names) -> Group:
    key = names.attribute()
    return _registered_twice(names, _child(names, key, "buffer"), key)


def shared_batch_norm(names: Names) -> Group:
    group = _registered_twice(names, nn.BatchNorm1d(3), "running_mean", deep=True)
    group.x = torch.linspace(0.5, 1.5, 12).reshape(4, 3)
    return group


SHARED = (shared_submodule, shared_submodule_at_two_depths)
SHARED_BUFFERS = (shared_buffer_owner, shared_batch_norm)


def _copied(names: Names, kind: str) -> Group:
    """A layer and its `copy.copy`: two modules that have one dict of parameters, and one of buffers."""
    root, key, paths = probe(names), names.attribute(), (names.attribute(), names.attribute())
    layer = _child(names, key, kind)
    for path, module in zip(paths, (layer, copy.copy(layer)), strict=True):
        root.add_module(path, module)
    return Group(root, *(f"{path}.{key}" for path in paths))


def copied_layer(names: Names) -> Group:
    return _copied(names, "parameter")


def copied_buffer_owner(names: Names) -> Group:
    return _copied(names, "buffer")


ONE_STORE = (copied_layer, copied_buffer_owner)
