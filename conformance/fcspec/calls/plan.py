"""A call as plain data: the module, what its forward does, the values, how they are split, the flags.

A plan is what is drawn (strategies.py), judged (differential.py) and printed. It becomes a module by way of its source code
(source.py), and by no other way, so that what is printed is what was judged.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator
from dataclasses import dataclass, replace

PARAMETER, BUFFER, HIDDEN = "parameter", "buffer", "non-persistent buffer"

MODULE, SEQUENTIAL, MODULES, KEYED = "module", "Sequential", "ModuleList", "ModuleDict"
PARAMETERS, KEYED_PARAMETERS = "ParameterList", "ParameterDict"

SQUARE, DOUBLE, SHIFT, PRODUCT = "Square", "Double", "Shift", "Product"
"""Parametrizations: without right_inverse, with an exact one, with one that is none, with two originals."""

ADD, REBIND = "adds in place", "rebinds"
TO_NONE, TO_OTHER, TO_MODULE, DELETE, MOVE = "binds None", "binds a string", "binds a module", "deletes", "moves"
EARLY, LATE = (ADD, REBIND), (TO_NONE, TO_OTHER, TO_MODULE, DELETE, MOVE)

TENSOR, GRAD, AS_PARAMETER, OWN = "tensor", "requires_grad", "Parameter", "own"

ALONE, IN_TUPLE = "{x}", "({x},)"
BY_KEYWORD, ALL_BY_KEYWORD = '(), {{"x": {x}}}', 'args=(), kwargs={{"x": {x}}}'
"""How the argument x is passed."""

NAMED_PARAMETERS = "dict(model.named_parameters())"
NAMED_BUFFERS = "dict(model.named_buffers())"
STATE_DICT = "model.state_dict()"


@dataclass(frozen=True)
class Slot:
    """A registered parameter or buffer.

    Attributes:
        tensor: which own tensor; slots with one number hold one object. None: registered as None.
        by: the parametrization that computes it, if any.
    """

    key: str
    kind: str
    tensor: int | None
    by: str | None = None

    @property
    def store(self) -> str:
        return "_parameters" if self.kind == PARAMETER else "_buffers"

    @property
    def parts(self) -> tuple[str, ...]:
        """Where it is registered: under its key; parametrized, under the names of its originals."""
        if self.by is None:
            return (self.key,)
        return ("original0", "original1") if self.by == PRODUCT else ("original",)


@dataclass(frozen=True)
class Act:
    """What a forward does to a slot of its own module."""

    what: str
    key: str


@dataclass(frozen=True)
class Node:
    """A module.

    Attributes:
        name: its class, where it has one of its own.
        children: (key, number of a node of the plan); one number twice is one module twice, a number not above its own a circle.
        hook: ("pre" or "post", key): a hook that reads this slot.
        raises: its forward ends so.
    """

    name: str
    form: str = MODULE
    slots: tuple[Slot, ...] = ()
    children: tuple[tuple[str, int], ...] = ()
    acts: tuple[Act, ...] = ()
    hook: tuple[str, str] | None = None
    raises: bool = False

    def slot(self, key: str) -> Slot:
        return next(slot for slot in self.slots if slot.key == key)


@dataclass(frozen=True)
class Value:
    """A given tensor: a number, and TENSOR, GRAD, AS_PARAMETER or OWN: the module's own tensor at that place."""

    number: int
    kind: str = TENSOR
    place: Place | None = None


@dataclass(frozen=True)
class Place:
    """What a name leads to: a part of a slot of a node. The regular name of a parametrized tensor leads to no part."""

    node: int
    key: str
    part: str | None


Entries = tuple[tuple[str, int | str], ...]
"""(name, number of a value, or source code of what is no value)."""


@dataclass(frozen=True)
class Plan:
    """
    Attributes:
        nodes: the first is the module to call.
        dicts: each of them entries, or the source code of a whole dict.
        as_tuple: whether they are passed as a tuple; otherwise there is one.
        flags: tie_weights and strict, where they are passed.
        arguments: how x, the one argument of every forward, is passed.
    """

    nodes: tuple[Node, ...]
    values: tuple[Value, ...] = ()
    dicts: tuple[Entries | str, ...] = ((),)
    as_tuple: bool = False
    flags: tuple[tuple[str, bool], ...] = ()
    arguments: str = ALONE

    # ---------------------------------------------------------------------------------------- what it amounts to

    @property
    def tied(self) -> bool:
        return dict(self.flags).get("tie_weights", True)

    @property
    def strict(self) -> bool:
        return dict(self.flags).get("strict", False)

    @property
    def entries(self) -> Entries:
        """All entries that are written down one by one."""
        return tuple(entry for one in self.dicts if not isinstance(one, str) for entry in one)

    @functools.cached_property
    def places(self) -> dict[str, Place]:
        """Every name, the regular names of parametrized tensors included."""
        found = {}
        for prefix, number in self._paths():
            for slot in self.nodes[number].slots:
                for part in slot.parts:
                    inner = part if slot.by is None else f"parametrizations.{slot.key}.{part}"
                    found[prefix + inner] = Place(number, slot.key, part)
                if slot.by is not None:
                    found[prefix + slot.key] = Place(number, slot.key, None)
        return found

    def _paths(self, prefix: str = "", number: int = 0, above: tuple[int, ...] = ()) -> Iterator[tuple[str, int]]:
        yield prefix, number
        for key, child in self.nodes[number].children:
            if child not in (*above, number):
                yield from self._paths(f"{prefix}{key}.", child, (*above, number))

    @functools.cached_property
    def groups(self) -> dict[Place, tuple[Place, ...]]:
        """Every registered place with a tensor -> all places of its tensor."""
        by_tensor: dict[object, list[Place]] = {}
        for place in dict.fromkeys(self.places.values()):
            slot = self.slot(place)
            if place.part is not None and slot.tensor is not None:
                by_tensor.setdefault(slot.tensor if slot.by is None else place, []).append(place)
        return {place: tuple(group) for group in by_tensor.values() for place in group}

    def slot(self, place: Place) -> Slot:
        return self.nodes[place.node].slot(place.key)

    def names(self, place: Place) -> tuple[str, ...]:
        return tuple(name for name, its in self.places.items() if its == place)

    def without_parametrizations(self, names: set[str]) -> Plan:
        """The same module, where the regular names among these are plain slots."""
        off = {(place.node, place.key) for name, place in self.places.items() if name in names and place.part is None}
        nodes = tuple(
            replace(node, slots=tuple(replace(one, by=None if (i, one.key) in off else one.by) for one in node.slots))
            for i, node in enumerate(self.nodes)
        )
        return replace(self, nodes=nodes)

    def first(self, tensor: int | None) -> tuple[int, str]:
        """The (node, key) that a tensor is made for."""
        return next((i, slot.key) for i, node in enumerate(self.nodes) for slot in node.slots if slot.tensor == tensor)
