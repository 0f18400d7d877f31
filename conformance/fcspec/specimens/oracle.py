"""The right answer, computed without any functional_call: a copy of the module that was given the values by assignment."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

from torch import Tensor, nn

from fcspec.state.module_state import slots


def holding(module: nn.Module, values: Mapping[str, Tensor | None], *, tied: bool = True) -> nn.Module:
    """A copy of the module that holds these very tensors.

    Args:
        values: by any name of a slot.
        tied: a value also reaches the slots that hold the same tensor as the named one and are not named themselves.
    """
    copied = copy.deepcopy(module)
    places = {name: (owner, store, key) for name, owner, store, key in slots(copied)}
    groups: dict[int, list[tuple[nn.Module, str, str]]] = {}
    for owner, store, key in places.values():
        groups.setdefault(id(vars(owner)[store][key]), []).append((owner, store, key))
    new: list[tuple[tuple[nn.Module, str, str], Tensor | None]] = []
    for name, value in values.items():
        owner, store, key = places[name]
        group = groups[id(vars(owner)[store][key])] if tied and vars(owner)[store][key] is not None else []
        new = [(place, value) for place in group] + new + [(places[name], value)]
    for (owner, store, key), value in new:
        vars(owner)[store][key] = value
    return copied


def result(module: nn.Module, values: Mapping[str, Tensor | None], *args: Any, tied: bool = True, **kwargs: Any) -> Any:
    """What the module's call gives when it holds these values."""
    return holding(module, values, tied=tied)(*args, **kwargs)
