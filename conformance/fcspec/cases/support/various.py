"""Calls of many kinds, for what each of them could leave behind: `for call in various(names): call.attempt(functional_call)`."""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from fcspec.specimens.base import Names, fresh_values, parameter
from fcspec.specimens.groups import Group, buffers_across, shared_submodule, tied_in_one_module
from fcspec.specimens.parametrized import nested_doubled
from fcspec.specimens.sites import Site, nested_parameter


@dataclass
class Call:
    """What is passed to functional_call; the call may be refused."""

    kind: str
    module: nn.Module
    values: Any
    flags: dict[str, Any] = field(default_factory=dict)

    def attempt(self, functional_call: Any) -> None:
        """Make the call, whatever comes of it."""
        with contextlib.suppress(Exception):
            functional_call(self.module, self.values, torch.ones(3), **self.flags)

    def given(self) -> list[Tensor]:
        """The tensors that are given."""
        dicts = self.values if isinstance(self.values, tuple) else (self.values,)
        return [value for one in dicts for value in one.values() if isinstance(value, Tensor)]


def various(names: Names) -> Iterator[Call]:
    """Calls that differ in what the implementation has to find out; each has a module of its own, and tensors of its own."""
    for make in (tied_in_one_module, buffers_across, shared_submodule):
        for seeds in ((1, 1), (1, 2)):
            yield from _of_group(make(names), f"values {seeds} of {make.__name__}", *seeds)
    yield from _of_site(nested_parameter(names), names)
    computed = nested_doubled(names)
    for name in (computed.name, *computed.originals):
        yield Call(f"parametrized: {name}", computed.module, {name: computed.value()})
    yield from _refused(nested_parameter(names))


def _of_group(group: Group, kind: str, *seeds: int) -> Iterator[Call]:
    for flags in ({}, {"tie_weights": False}, {"strict": True}):
        values = {name: group.value(seed) for name, seed in zip(group.names, seeds, strict=True)}
        others = fresh_values(group.module) if "strict" in flags else {}
        yield Call(f"{kind}, {flags}", group.module, others | values, flags)
    yield Call(f"{kind}, one name", group.module, {group.names[0]: group.value()})


def _of_site(site: Site, names: Names) -> Iterator[Call]:
    new, plain = (site.sibling_name(names.attribute()) for _ in range(2))
    setattr(site.owner, plain.rpartition(".")[2], torch.ones(3))
    for value in (site.value(), parameter(), site.value().requires_grad_() * 1, None):
        yield Call(f"a new name: {value}", site.module, {new: value, site.name: site.value()})
        yield Call(f"a plain tensor: {value}", site.module, {plain: value})
    yield Call("all names", site.module, fresh_values(site.module), {"strict": True})


def _refused(site: Site) -> Iterator[Call]:
    for name in ("nowhere.weight", "", 3, site.sibling_name("forward"), f".{site.other}"):
        yield Call(f"a name: {name!r}", site.module, {site.name: site.value(), name: site.value()})
    yield Call("a number", site.module, {site.name: site.value(), site.other: 3.0})
    yield Call("two dicts", site.module, ({site.name: site.value()}, {site.name: site.value()}))
    yield Call("missing", site.module, {site.name: site.value()}, {"strict": True})
    yield Call("unexpected", site.module, fresh_values(site.module) | {"nowhere": site.value()}, {"strict": True})
    yield Call("no module", object(), {site.name: site.value()})  # type: ignore[arg-type]
