"""Modules with a property that returns a tensor of a submodule, as adapters have: its name is no name of a slot."""

from __future__ import annotations

from typing import Any

from torch import nn

from fcspec.specimens.base import Names, parameter, probe
from fcspec.specimens.sites import Site, nested


class Computed(Site):
    """A Site whose owner has a property.

    Attributes:
        computed: the name of the property, which is no slot's.
        computed_name: that name as a dotted one.
    """

    def __init__(self, site: Site, computed: str) -> None:
        super().__init__(site.module, site.name, site.caller)
        self.computed = computed
        self.computed_name = site.sibling_name(computed)


def _adapter(names: Names, settable: bool) -> tuple[Site, str]:
    root, child, key, computed = probe(names), names.attribute(), names.attribute(), names.attribute()
    root.register_parameter(names.attribute(), parameter())
    slot = names.attribute()
    root.register_parameter(slot, parameter())
    root.add_module(child, probe(names))
    getattr(root, child).register_parameter(key, parameter())

    def read(self: Any) -> Any:
        return getattr(getattr(self, child), key)

    def write(self: Any, value: Any) -> None:
        setattr(getattr(self, child), key, value if isinstance(value, nn.Parameter) else nn.Parameter(value))

    setattr(type(root), computed, property(read, write if settable else None))
    return Site(root, slot), computed


def read_only(names: Names) -> Computed:
    return Computed(*_adapter(names, settable=False))


def nested_settable(names: Names) -> Computed:
    site, computed = _adapter(names, settable=True)
    return Computed(nested(names, site), computed)


COMPUTED = (read_only, nested_settable)
