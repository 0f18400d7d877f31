"""A module with a name of every kind, for what is refused whatever the name leads to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import nn
from torch.nn.utils import parametrize

from fcspec.specimens.base import Names, parameter, probe


@dataclass(frozen=True)
class NamedKinds:
    """A module, a name for each kind, and a value for every slot."""

    module: Any
    names: dict[str, str]
    values: dict[str, torch.Tensor]


def named_kinds(names: Names, nested: bool = True) -> NamedKinds:
    """A module whose forward reads nothing, and which owns a slot of every kind, or a layer of it does."""
    root = owner = probe(names, lambda self, x: x)
    weight, buffer, tied, computed, none, plain, new = (names.attribute() for _ in range(7))
    path = f"{names.attribute()}." if nested else ""
    if nested:
        owner = probe(names)
        root.add_module(path[:-1], owner)
    owner.register_parameter(weight, parameter())
    owner.register_buffer(buffer, torch.ones(3))
    owner.register_buffer(tied, getattr(owner, buffer))
    owner.register_parameter(computed, parameter())
    owner.register_buffer(none, None)
    parametrize.register_parametrization(owner, computed, nn.Identity())
    owner.__dict__[plain] = torch.ones(3)
    keys = {"parameter": weight, "buffer": buffer, "tied name": tied, "regular name": computed}
    keys |= {"slot of none": none, "plain attribute": plain, "new name": new}
    found = {kind: f"{path}{key}" for kind, key in keys.items()}
    found["original"] = f"{path}parametrizations.{computed}.original"
    shared = torch.ones(3)
    values = {found[kind]: torch.ones(3) for kind in ("parameter", "original")}
    return NamedKinds(root, found, values | {found[kind]: shared for kind in ("buffer", "tied name")})
