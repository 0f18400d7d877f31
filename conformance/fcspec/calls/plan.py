"""A call as plain data: the module, what its forward does, the given values, how they are split into dicts, the flags.

drawing.py draws plans, comparison.py judges them, script.py prints them. A plan becomes a module only through its source code
(plan_source.py), so that the printed script makes the call that was judged.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator
from dataclasses import dataclass, replace

from fcspec.calls.kinds import Act, Form, HookKind, Idiom, Kind, Parametrization, Passing, ValueKind
from fcspec.calls.surroundings import NOTHING_UNUSUAL, Surroundings

X = 3.0
"""The input of every plan's call."""


@dataclass(frozen=True)
class PlannedSlot:
    """A registered parameter or buffer.

    Attributes:
        tensor: the number of the module's tensor that it holds; slots with equal numbers hold the same object. None: it is
            registered as None.
        by: the parametrization that computes it, if any.
    """

    key: str
    kind: Kind
    tensor: int | None
    by: Parametrization | None = None

    @property
    def store(self) -> str:
        return "_parameters" if self.kind is Kind.PARAMETER else "_buffers"

    @property
    def parts(self) -> tuple[str, ...]:
        """The keys that it is registered under: its own; where it is parametrized, those of its originals."""
        if self.by is None:
            return (self.key,)
        return ("original0", "original1") if self.by is Parametrization.PRODUCT else ("original",)


@dataclass(frozen=True)
class PlannedAct:
    """What a forward does to one slot of its own module, and to another one of it, where the act is about two."""

    act: Act
    key: str
    other: str = ""


@dataclass(frozen=True)
class PlannedHook:
    """A hook that reads one slot of its own module."""

    kind: HookKind
    key: str


@dataclass(frozen=True)
class PlannedModule:
    """A module.

    Attributes:
        name: the name of its class, where its form is MODULE.
        children: pairs of a key and the number of a module of the plan. The same number twice is a shared submodule. A number
            that is not above this module's own is a cycle.
        raises: its forward raises at its end.
        calls_inside: its forward calls a submodule by functional_call, with a value for one slot: the submodule's number, the
            slot's key.
    """

    name: str
    form: Form = Form.MODULE
    slots: tuple[PlannedSlot, ...] = ()
    children: tuple[tuple[str, int], ...] = ()
    acts: tuple[PlannedAct, ...] = ()
    hook: PlannedHook | None = None
    raises: bool = False
    calls_inside: tuple[int, str] | None = None

    def slot(self, key: str) -> PlannedSlot:
        return next(slot for slot in self.slots if slot.key == key)

    def acts_on(self, key: str) -> set[Act]:
        return {planned.act for planned in self.acts if key in (planned.key, planned.other)}

    @property
    def can_raise(self) -> bool:
        return self.raises or (self.hook is not None and self.hook.kind is HookKind.FORWARD_THAT_RAISES)


@dataclass(frozen=True)
class Place:
    """What a name leads to: a part of a slot of a module. The regular name of a parametrized tensor leads to no part."""

    module: int
    key: str
    part: str | None


@dataclass(frozen=True)
class Value:
    """A given tensor, and the number that it holds.

    Attributes:
        place: where the module holds the tensor, where it is the module's own one.
    """

    number: float
    kind: ValueKind = ValueKind.TENSOR
    place: Place | None = None


Entries = tuple[tuple[str, int | str], ...]
"""Pairs of a name and the index of a value, or the source code of something that is no tensor."""


@dataclass(frozen=True)
class CallPlan:
    """A call.

    Attributes:
        modules: the first one is the module to call.
        dicts: each is a sequence of entries, or an idiom that makes a whole dict.
        as_tuple: the dicts are passed as a tuple; otherwise there is only one.
        flags: tie_weights and strict, where they are passed.
    """

    modules: tuple[PlannedModule, ...]
    values: tuple[Value, ...] = ()
    dicts: tuple[Entries | Idiom, ...] = ((),)
    as_tuple: bool = False
    flags: tuple[tuple[str, bool], ...] = ()
    passing: Passing = Passing.ALONE
    around: Surroundings = NOTHING_UNUSUAL

    @property
    def tie_weights(self) -> bool:
        return dict(self.flags).get("tie_weights", True)

    @property
    def strict(self) -> bool:
        return dict(self.flags).get("strict", False)

    @property
    def entries(self) -> Entries:
        """The entries of all dicts that no idiom makes."""
        return tuple(entry for one in self.dicts if not isinstance(one, Idiom) for entry in one)

    @property
    def has_idiom(self) -> bool:
        return any(isinstance(one, Idiom) for one in self.dicts)

    @property
    def acts(self) -> set[Act]:
        """What any forward does."""
        return {planned.act for module in self.modules for planned in module.acts}

    @functools.cached_property
    def places(self) -> dict[str, Place]:
        """Every name, with the place that it leads to; the regular names of parametrized tensors included."""
        found = {}
        for prefix, number in self._paths():
            for slot in self.modules[number].slots:
                for part in slot.parts:
                    inner = part if slot.by is None else f"parametrizations.{slot.key}.{part}"
                    found[prefix + inner] = Place(number, slot.key, part)
                if slot.by is not None:
                    found[prefix + slot.key] = Place(number, slot.key, None)
        return found

    def _paths(self, prefix: str = "", number: int = 0, above: tuple[int, ...] = ()) -> Iterator[tuple[str, int]]:
        yield prefix, number
        for key, child in self.modules[number].children:
            if child not in (*above, number):
                yield from self._paths(f"{prefix}{key}.", child, (*above, number))

    @functools.cached_property
    def groups(self) -> dict[Place, tuple[Place, ...]]:
        """Every place that holds a tensor, with all places that hold the same tensor."""
        by_tensor: dict[object, list[Place]] = {}
        for place in dict.fromkeys(self.places.values()):
            slot = self.slot(place)
            if place.part is not None and slot.tensor is not None:
                shared = slot.by is not Parametrization.PRODUCT  # whose originals are new tensors
                by_tensor.setdefault(slot.tensor if shared else place, []).append(place)
        return {place: tuple(group) for group in by_tensor.values() for place in group}

    def slot(self, place: Place) -> PlannedSlot:
        return self.modules[place.module].slot(place.key)

    def names_of(self, place: Place) -> tuple[str, ...]:
        return tuple(name for name, its in self.places.items() if its == place)

    def without_parametrizations(self, names: set[str]) -> CallPlan:
        """The same call, where those of these names that are regular names lead to slots without parametrization."""
        off = {(place.module, place.key) for name, place in self.places.items() if name in names and place.part is None}
        modules = tuple(
            replace(
                module,
                slots=tuple(replace(slot, by=None if (i, slot.key) in off else slot.by) for slot in module.slots),
            )
            for i, module in enumerate(self.modules)
        )
        return replace(self, modules=modules)

    def first_slot_with(self, tensor: int | None) -> tuple[int, str]:
        """The module's number and the key of the first slot that holds this tensor."""
        return next(
            (i, slot.key) for i, module in enumerate(self.modules) for slot in module.slots if slot.tensor == tensor
        )
