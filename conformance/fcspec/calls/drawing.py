"""What hypothesis draws: plans (plans.py), each about one topic and neutral to the others.

Where SPEC.md leaves implementations free (MAY), nothing is drawn: no None or NaN, no other values for two names of one slot
without ties, no regular name beside its original, no rebinding of a parametrized tensor.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from typing import Any

from hypothesis import strategies as st

from fcspec.calls.plan import (
    ADD,
    ALL_BY_KEYWORD,
    ALONE,
    AS_PARAMETER,
    BUFFER,
    BY_KEYWORD,
    DELETE,
    DOUBLE,
    GRAD,
    HIDDEN,
    IN_TUPLE,
    KEYED,
    KEYED_PARAMETERS,
    MODULE,
    MODULES,
    MOVE,
    NAMED_BUFFERS,
    NAMED_PARAMETERS,
    OWN,
    PARAMETER,
    PARAMETERS,
    PRODUCT,
    REBIND,
    SEQUENTIAL,
    SHIFT,
    SQUARE,
    STATE_DICT,
    TENSOR,
    TO_MODULE,
    TO_NONE,
    TO_OTHER,
    Act,
    Node,
    Place,
    Plan,
    Slot,
    Value,
)

Draw = Callable[[st.SearchStrategy[Any]], Any]

CONFLICT, TWICE, NO_TENSOR, NO_OWNER, NOT_A_TENSOR = "conflict", "twice", "no tensor", "no owner", "not a tensor"


@dataclass(frozen=True)
class Topic:
    """What plans are about.

    Attributes:
        forms: containers too.
        ties: the size of a tied group that every plan has; 0: none.
        shared: a submodule is registered under two names.
        parametrized: "regular" or "original": what is given for a parametrized tensor that every plan has.
        acts: forward does one of these to a slot.
        others: it does it to a slot that is not given.
        several: several names of a group are given.
        equal: different tensors with equal values for them.
        untied: tie_weights=False.
        explicit: tie_weights is passed where it is the default, too.
        kinds: of given tensors.
        passed: how x is passed.
        faults: what makes the call an error, beside missing names under strict.
    """

    name: str
    forms: bool = False
    ties: int = 0
    shared: bool = False
    parametrized: str | None = None
    acts: tuple[str, ...] = ()
    others: bool = False
    raises: bool = False
    split: bool = False
    several: bool = False
    equal: bool = False
    untied: bool = False
    explicit: bool = False
    strict: bool = False
    hooks: bool = False
    nones: bool = False
    circular: bool = False
    extra: bool = False
    kinds: tuple[str, ...] = (TENSOR,)
    slots: tuple[str, ...] = (PARAMETER, BUFFER, HIDDEN)
    idioms: tuple[tuple[str, ...], ...] = ()
    passed: tuple[str, ...] = (ALONE,)
    faults: tuple[str, ...] = ()


ANY_KIND = (TENSOR, GRAD, AS_PARAMETER)

TOPICS = (
    Topic("values", forms=True, kinds=ANY_KIND),
    Topic("own values", forms=True, kinds=(OWN, *ANY_KIND)),
    Topic("tuples", split=True, kinds=ANY_KIND),
    Topic("arguments", forms=True, split=True, passed=(IN_TUPLE, BY_KEYWORD, ALL_BY_KEYWORD)),
    Topic("hooks", hooks=True),
    Topic("two tied names", ties=2, kinds=ANY_KIND),
    Topic("several of two tied names", ties=2, several=True, kinds=ANY_KIND),
    Topic("three tied names", ties=3, several=True, kinds=ANY_KIND),
    Topic("equal values", ties=2, several=True, equal=True),
    Topic("ties ignored", ties=2, untied=True, several=True),
    Topic("different values", ties=3, several=True, faults=(CONFLICT,)),
    Topic("shared submodule", shared=True, slots=(PARAMETER,)),
    Topic("shared buffers", shared=True, slots=(BUFFER, HIDDEN)),
    Topic("shared submodule, several names", shared=True, several=True),
    Topic("shared submodule, ties ignored", shared=True, untied=True),
    Topic("shared submodule, rebound", shared=True, several=True, acts=(REBIND,)),
    Topic("regular names", parametrized="regular", slots=(PARAMETER,), kinds=ANY_KIND),
    Topic("regular names of buffers", parametrized="regular", slots=(BUFFER,)),
    Topic("originals", parametrized="original", kinds=ANY_KIND),
    Topic("rebinding", acts=(REBIND,), kinds=ANY_KIND),
    Topic("rebinding, tuples", acts=(REBIND,), split=True),
    Topic("rebinding to None", acts=(TO_NONE,)),
    Topic("in place", acts=(ADD,), kinds=ANY_KIND),
    Topic("not given", acts=(ADD, REBIND, TO_NONE), others=True),
    Topic("deleted", acts=(DELETE,)),
    Topic("no tensor any more", acts=(TO_OTHER, TO_MODULE)),
    Topic("moved", acts=(MOVE,)),
    Topic("forward raises", raises=True, acts=(ADD, REBIND)),
    Topic("strict", forms=True, strict=True, split=True),
    Topic("strict, nothing registered", strict=True, nones=True),
    Topic("strict, tied", strict=True, ties=2),
    Topic("unknown names", extra=True, strict=True),
    Topic("refused", faults=(TWICE, NO_TENSOR, NO_OWNER, NOT_A_TENSOR)),
    Topic("idioms", forms=True, idioms=((NAMED_PARAMETERS,), (NAMED_PARAMETERS, NAMED_BUFFERS))),
    Topic("state_dict()", ties=2, idioms=((STATE_DICT,),), slots=(PARAMETER,)),
    Topic("circular", circular=True),
    Topic("tied names, rebound or written", forms=True, ties=2, several=True, split=True, acts=(REBIND, ADD)),
    Topic("tied names, deleted or moved, forward raises", ties=2, raises=True, acts=(DELETE, MOVE, TO_NONE)),
    Topic("tied names in a shared submodule", shared=True, ties=2, several=True),
    Topic("originals, hooks, containers", forms=True, parametrized="original", hooks=True, split=True, kinds=ANY_KIND),
    Topic("regular names, strict tuples of the others", parametrized="regular", split=True, extra=True, hooks=True),
)
"""What `fcspec explore` goes through."""


@dataclass(frozen=True)
class Words:
    """Names for classes, submodules and slots."""

    classes: tuple[str, ...] = ("Model", "Child", "Second", "Third", "Fourth")
    children: tuple[str, ...] = ("left", "right", "up", "down", "inner", "outer")
    keys: tuple[str, ...] = tuple("abcdefghklmnpqrstuvw")


@dataclass
class _Drawing:
    """A plan in the making."""

    draw: Draw
    topic: Topic
    words: Words
    nodes: list[Node] = field(default_factory=list)
    target: tuple[int, str] | None = None

    def __post_init__(self) -> None:
        self._keys, self._children = iter(self.words.keys), iter(self.words.children)
        self._tensors = itertools.count(1)

    def some(self, options: Iterable[Any]) -> Any:
        return self.draw(st.sampled_from(list(options)))

    def maybe(self) -> bool:
        return bool(self.draw(st.booleans()))

    # ------------------------------------------------------------------------------------------------- the module

    def module(self) -> None:
        topic = self.topic
        self.nodes = [Node(self.words.classes[0])]
        for _ in range(self.draw(st.integers(1 if topic.shared else 0, 3 if topic.forms else 2))):
            self._add_node()
        for number, node in enumerate(self.nodes):
            if node.form == MODULE:
                for _ in range(self.draw(st.integers(0, 2))):
                    self._add_slot(number)
            elif node.form in (PARAMETERS, KEYED_PARAMETERS):
                for position in range(self.draw(st.integers(1, 2))):
                    key = str(position) if node.form == PARAMETERS else next(self._keys)
                    self._put(number, Slot(key, PARAMETER, next(self._tensors)))
        if topic.nones:
            self._put(0, Slot(next(self._keys), self.some((PARAMETER, BUFFER)), None))
        if topic.shared:
            self._share()
        if topic.ties:
            self._tie(topic.ties)
        if topic.parametrized is not None:
            by = self.some((SQUARE, DOUBLE, PRODUCT) if topic.parametrized == "original" else (SHIFT, DOUBLE, SQUARE))
            self.target = self._add_slot(self._any_module(), by=by)
        if not any(slot.tensor is not None for node in self.nodes for slot in node.slots):
            self._add_slot(self._any_module())
        if topic.circular:
            number = self._any_module()
            self._add_child(number, self.draw(st.integers(0, number)))
        if topic.acts:
            self._act()
        if topic.raises:
            number = self._any_module()
            self.nodes[number] = replace(self.nodes[number], raises=True)
        if topic.hooks:
            number = self._any_module()
            slots = self.nodes[number].slots
            key = self.some(slots).key if slots else self._add_slot(number)[1]
            self.nodes[number] = replace(self.nodes[number], hook=(self.some(("post", "pre")), key))

    def _add_node(self) -> None:
        number = len(self.nodes)
        parents = [i for i, one in enumerate(self.nodes) if one.form not in (PARAMETERS, KEYED_PARAMETERS)]
        parent = self.some(parents)
        plain = not self.topic.forms or self.nodes[parent].form != MODULE
        forms = (MODULE, SEQUENTIAL, MODULES, KEYED, PARAMETERS, KEYED_PARAMETERS)
        form = MODULE if plain else self.some(forms)
        self.nodes.append(Node(self.words.classes[number], form))
        self._add_child(parent, number)

    def _add_child(self, parent: int, child: int) -> None:
        node = self.nodes[parent]
        key = str(len(node.children)) if node.form in (SEQUENTIAL, MODULES) else next(self._children)
        self.nodes[parent] = replace(node, children=(*node.children, (key, child)))

    def _any_module(self) -> int:
        return int(self.some(i for i, one in enumerate(self.nodes) if one.form == MODULE))

    def _add_slot(self, number: int, tensor: int | None = None, by: str | None = None) -> tuple[int, str]:
        slot = Slot(
            next(self._keys), self.some(self.topic.slots), next(self._tensors) if tensor is None else tensor, by
        )
        self._put(number, slot)
        return number, slot.key

    def _put(self, number: int, slot: Slot) -> None:
        self.nodes[number] = replace(self.nodes[number], slots=(*self.nodes[number].slots, slot))

    def _share(self) -> None:
        child = self.draw(st.integers(1, len(self.nodes) - 1))
        if not self.nodes[child].slots:
            self._add_slot(child)
        self.target = child, self.some(self.nodes[child].slots).key
        self._add_child(self.draw(st.integers(0, child - 1)), child)

    def _tie(self, size: int) -> None:
        tensor = next(self._tensors)
        for _ in range(size):
            self.target = self._add_slot(self._any_module(), tensor)

    def _act(self) -> None:
        number, key = self.target or (-1, "")
        if self.target is None or self.topic.others:
            number = self._any_module()
            slots = [slot for slot in self.nodes[number].slots if slot.tensor is not None]
            key = self.some(slots).key if slots else self._add_slot(number)[1]
        self.nodes[number] = replace(self.nodes[number], acts=(Act(self.some(self.topic.acts), key),))
        self.target = number, key

    # ------------------------------------------------------------------------------------------------- the values

    def plan(self) -> Plan:
        self.module()
        plan = Plan(tuple(self.nodes), flags=self._flags(), arguments=self._arguments())
        if self.topic.idioms:
            idiom = self.some(self.topic.idioms)
            return replace(plan, dicts=idiom, as_tuple=len(idiom) > 1)
        return self._split(self._fault(replace(plan, **self._values(plan, self._names(plan)))))

    def _arguments(self) -> str:
        passed = self.topic.passed
        named = len(passed) > 1 and self.nodes[0].form == MODULE  # Sequential calls its argument otherwise
        return str(self.some(passed)) if named else ALONE

    def _flags(self) -> tuple[tuple[str, bool], ...]:
        strict = (("strict", True),) if self.topic.strict and self.maybe() else ()
        passed = self.topic.untied or self.topic.explicit
        return ((("tie_weights", not self.topic.untied),) if passed else ()) + strict

    def _names(self, plan: Plan) -> list[str]:
        """Of which names a value is given: of the target's at least one, of the others any."""
        regular = self.topic.parametrized == "regular"
        names = [n for n, place in plan.places.items() if place in plan.groups]
        wanted: list[str] = []
        if self.target is not None:
            wanted = self._wanted(plan, regular)
        if self.topic.others:
            names = [name for name in names if name not in wanted]
            wanted = []
        if regular:
            names = [name for name in names if plan.slot(plan.places[name]).by is None]
        every = self.topic.strict and self.maybe()
        chosen = [name for name in names if name not in wanted and (every or self.maybe())]
        # Of the names of one group only what the topic is about: they came by `wanted`, or by no other.
        if not self.topic.several and not every:
            taken = {plan.groups[plan.places[name]] for name in wanted if plan.places[name] in plan.groups}
            chosen = [name for name in chosen if plan.groups[plan.places[name]] not in taken]
        return [*wanted, *chosen] if self.maybe() else [*chosen, *wanted]

    def _wanted(self, plan: Plan, regular: bool) -> list[str]:
        number, key = self.target or (0, "")
        places = [place for place in plan.places.values() if (place.node, place.key) == (number, key)]
        if self.topic.parametrized is not None:
            places = [place for place in places if (place.part is None) == regular]
        elif not self.topic.acts or self.topic.shared:
            places = [mate for place in places for mate in plan.groups[place]]
        names = [name for name, place in plan.places.items() if place in places]
        least = 2 if self.topic.several and len(names) > 1 else 1
        chosen: list[str] = self.draw(
            st.lists(st.sampled_from(names), min_size=least, max_size=None if self.topic.several else 1, unique=True)
        )
        return chosen

    def _values(self, plan: Plan, names: list[str]) -> dict[str, Any]:
        values: list[Value] = []
        entries: list[tuple[str, int | str]] = []
        by_group: dict[tuple[Any, ...], int] = {}
        for name in names:
            place = plan.places[name]
            group = plan.groups.get(place, (place,)) if plan.tied else (place,)
            if group in by_group and not self.topic.equal:
                entries.append((name, by_group[group]))
                continue
            kind = self.some(self.topic.kinds)
            own = kind == OWN and place.part is not None
            first = values[by_group[group]].number if group in by_group else 11 + len(values)
            values.append(Value(first, kind, place if own else None))
            by_group.setdefault(group, len(values) - 1)
            entries.append((name, len(values) - 1))
        if self.topic.extra:
            values.append(Value(11 + len(values), self.some(ANY_KIND)))
            entries.append((self._prefix(plan) + next(self._keys), len(values) - 1))
        return {"values": tuple(values), "dicts": (tuple(entries),)}

    def _prefix(self, plan: Plan) -> str:
        plain = {name.rpartition(".")[0] for name, place in plan.places.items() if plan.slot(place).by is None}
        prefix = self.some(sorted(plain | {""}))
        return f"{prefix}." if prefix else ""

    def _split(self, plan: Plan) -> Plan:
        if not self.topic.split or plan.as_tuple:
            return plan
        parts: tuple[list[Any], ...] = ([], [])
        for entry in plan.entries:
            parts[self.maybe()].append(entry)
        return replace(plan, dicts=tuple(map(tuple, parts)), as_tuple=True)

    def _fault(self, plan: Plan) -> Plan:
        if not self.topic.faults:
            return plan
        entries, values = list(plan.entries), list(plan.values)
        match self.some(self.topic.faults):
            case "conflict":
                number, key = self.target or (0, "")
                group = set(plan.groups[Place(number, key, key)])
                names = [name for name, _ in entries if plan.places[name] in group]
                name = self.some(names)
                values.append(Value(11 + len(values)))
                entries = [(one, len(values) - 1 if one == name else what) for one, what in entries]
            case "twice":
                if not entries:
                    name, values = next(iter(plan.groups)), [*values, Value(11 + len(values))]
                    entries.append((plan.names(name)[0], len(values) - 1))
                again = self.some(entries)
                return replace(plan, values=tuple(values), dicts=(tuple(entries), (again,)), as_tuple=True)
            case "no tensor":
                entries = self._with(
                    entries, self.some([name for name in plan.places if name not in dict(entries)] or ["z"]), "3.0"
                )
            case "no owner":
                values.append(Value(11 + len(values)))
                entries = self._with(entries, f"nowhere.{next(self._keys)}", len(values) - 1)
            case "not a tensor":
                values.append(Value(11 + len(values)))
                entries = self._with(entries, self.some(("training", "forward")), len(values) - 1)
        return replace(plan, values=tuple(values), dicts=(tuple(entries),))

    def _with(self, entries: list[tuple[str, int | str]], name: str, what: int | str) -> list[tuple[str, int | str]]:
        place = self.draw(st.integers(0, len(entries)))
        return [*entries[:place], (name, what), *entries[place:]]


@st.composite
def plans(draw: Draw, topic: Topic, words: Words | None = None) -> Plan:
    """Plans about one topic."""
    return _Drawing(draw, topic, words or Words()).plan()
