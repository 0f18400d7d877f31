"""The strategy by which hypothesis draws plans (plan.py), each about one topic (topics.py) and neutral to the others.

Nothing is drawn where SPEC.md leaves implementations free (MAY): no None or NaN, no different values for two names of one slot
where ties are off, no regular name beside its original, no rebinding of a parametrized tensor.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import hypothesis
from hypothesis import strategies as st

from fcspec.calls.completion import completed
from fcspec.calls.features import Row, factors
from fcspec.calls.kinds import Form, Idiom, Passing, ValueKind
from fcspec.calls.module_drawing import Choices, Draw, ModuleDrawing, SlotAddress, Words
from fcspec.calls.plan import CallPlan, Place, PlannedModule, Value
from fcspec.calls.rows import plan_of
from fcspec.calls.topics import ANY_VALUE, Fault, Feature, ParametrizedName, Topic

EntryList = list[tuple[str, int | str]]


@st.composite
def plans(draw: Draw, topic: Topic, words: Words | None = None) -> CallPlan:
    """Plans about one topic."""
    if topic.table is not None:
        return plan_of(draw(rows(topic.table)), words)
    choices = Choices(draw, words or Words())
    modules = ModuleDrawing(choices, topic)
    modules.draw()
    return _CallDrawing(choices, topic, tuple(modules.modules), modules.target).plan()


MOST_FEATURES = 4
"""So many factors of a drawn row may be at other values than their defaults, beside those that the rules then ask for."""


@st.composite
def rows(draw: Draw, table: type[Row]) -> Row:
    """Rows of a table of features: few factors at any value, the others at their defaults where the rules allow it."""
    values = factors(table)
    names = draw(st.lists(st.sampled_from([*values]), max_size=MOST_FEATURES, unique=True))
    chosen: dict[str, Any] = {name: draw(st.sampled_from(values[name])) for name in names}
    row = completed(table, chosen)
    hypothesis.assume(row is not None)
    assert row is not None
    return row


class _CallDrawing:
    """Draws the values that a module is called with, their split into dicts, the flags and the way x is passed.

    Args:
        target: the slot that the topic is about, where it is about one.
    """

    def __init__(
        self, choices: Choices, topic: Topic, modules: tuple[PlannedModule, ...], target: SlotAddress | None
    ) -> None:
        self.choices, self.topic, self.modules, self.target = choices, topic, modules, target

    def plan(self) -> CallPlan:
        plan = CallPlan(self.modules, flags=self._flags(), passing=self._passing())
        if self.topic.idioms:
            idioms: tuple[Idiom, ...] = self.choices.one_of(self.topic.idioms)
            return replace(plan, dicts=idioms, as_tuple=len(idioms) > 1)
        plan = self._with_values(plan, self._names(plan))
        if self.topic.faults:
            plan = self._with_fault(plan, self.choices.one_of(self.topic.faults))
        return self._split(plan) if Feature.SPLIT in self.topic.features and not plan.as_tuple else plan

    def _passing(self) -> Passing:
        passing = self.topic.passing
        named = len(passing) > 1 and self.modules[0].form is Form.MODULE  # Sequential calls its argument otherwise
        return Passing(self.choices.one_of(passing)) if named else Passing.ALONE

    def _flags(self) -> tuple[tuple[str, bool], ...]:
        features = self.topic.features
        strict = (("strict", True),) if Feature.STRICT in features and self.choices.maybe() else ()
        passed = bool(features & (Feature.TIES_OFF | Feature.TIES_ON))
        return ((("tie_weights", Feature.TIES_OFF not in features),) if passed else ()) + strict

    # -------------------------------------------------------------------------------------------------- the names

    def _names(self, plan: CallPlan) -> list[str]:
        """The names that are given: at least one of the target's, and any of the others."""
        features = self.topic.features
        names = [name for name, place in plan.places.items() if place in plan.groups]
        of_target = [] if self.target is None else self._names_of_target(plan, self.target)
        if Feature.ACTS_ON_OTHERS in features:
            names = [name for name in names if name not in of_target]
            of_target = []
        if self.topic.parametrized is ParametrizedName.REGULAR:
            names = [name for name in names if plan.slot(plan.places[name]).by is None]
        every = Feature.STRICT in features and self.choices.maybe()
        others = [name for name in names if name not in of_target and (every or self.choices.maybe())]
        if Feature.SEVERAL_NAMES not in features and not every:
            # Several names of one group are another topic.
            taken = {plan.groups[plan.places[name]] for name in of_target if plan.places[name] in plan.groups}
            others = [name for name in others if plan.groups[plan.places[name]] not in taken]
        return [*of_target, *others] if self.choices.maybe() else [*others, *of_target]

    def _names_of_target(self, plan: CallPlan, target: SlotAddress) -> list[str]:
        topic = self.topic
        places = [place for place in plan.places.values() if (place.module, place.key) == target]
        if topic.parametrized is not None:
            regular = topic.parametrized is ParametrizedName.REGULAR
            places = [place for place in places if (place.part is None) == regular]
        elif not topic.acts or Feature.SHARED_SUBMODULE in topic.features:
            places = [mate for place in places for mate in plan.groups[place]]
        names = [name for name, place in plan.places.items() if place in places]
        several = Feature.SEVERAL_NAMES in topic.features
        chosen: list[str] = self.choices.draw(
            st.lists(
                st.sampled_from(names),
                min_size=2 if several and len(names) > 1 else 1,
                max_size=None if several else 1,
                unique=True,
            )
        )
        return chosen

    # ------------------------------------------------------------------------------------------------- the values

    def _with_values(self, plan: CallPlan, names: list[str]) -> CallPlan:
        values: list[Value] = []
        entries: EntryList = []
        by_group: dict[tuple[Place, ...], int] = {}
        for name in names:
            place = plan.places[name]
            group = plan.groups.get(place, (place,)) if plan.tie_weights else (place,)
            if group in by_group and Feature.EQUAL_VALUES not in self.topic.features:
                entries.append((name, by_group[group]))
                continue
            kind = self.choices.one_of(self.topic.value_kinds)
            own = kind is ValueKind.OWN and place.part is not None
            number = values[by_group[group]].number if group in by_group else _unused_number(values)
            values.append(Value(number, kind, place if own else None))
            by_group.setdefault(group, len(values) - 1)
            entries.append((name, len(values) - 1))
        if Feature.UNKNOWN_NAME in self.topic.features:
            values.append(Value(_unused_number(values), self.choices.one_of(ANY_VALUE)))
            entries.append((self._prefix(plan) + next(self.choices.keys), len(values) - 1))
        return replace(plan, values=tuple(values), dicts=(tuple(entries),))

    def _prefix(self, plan: CallPlan) -> str:
        plain = {name.rpartition(".")[0] for name, place in plan.places.items() if plan.slot(place).by is None}
        prefix = self.choices.one_of(sorted(plain | {""}))
        return f"{prefix}." if prefix else ""

    def _split(self, plan: CallPlan) -> CallPlan:
        parts: tuple[EntryList, EntryList] = ([], [])
        for entry in plan.entries:
            parts[self.choices.maybe()].append(entry)
        return replace(plan, dicts=tuple(map(tuple, parts)), as_tuple=True)

    # ------------------------------------------------------------------------------------------------- the faults

    def _with_fault(self, plan: CallPlan, fault: Fault) -> CallPlan:
        match fault:
            case Fault.CONFLICTING_VALUES:
                return self._with_conflict(plan)
            case Fault.NAME_IN_TWO_DICTS:
                return self._with_name_in_two_dicts(plan)
            case Fault.VALUE_IS_NO_TENSOR:
                not_given = [name for name in plan.places if name not in dict(plan.entries)]
                return self._with_entry(plan, self.choices.one_of(not_given or ["z"]), "3.0")
            case Fault.NO_SUCH_SUBMODULE:
                return self._with_entry(plan, f"nowhere.{next(self.choices.keys)}")
            case Fault.NAME_OF_NO_TENSOR:
                return self._with_entry(plan, self.choices.one_of(("training", "forward")))

    def _with_conflict(self, plan: CallPlan) -> CallPlan:
        """The same call, where one name of the target's group is given another value."""
        assert self.target is not None
        number, key = self.target
        group = plan.groups[Place(number, key, key)]
        name = self.choices.one_of(name for name, _ in plan.entries if plan.places[name] in group)
        added = len(plan.values)
        entries = tuple((one, added if one == name else what) for one, what in plan.entries)
        return replace(_with_value(plan), dicts=(entries,))

    def _with_name_in_two_dicts(self, plan: CallPlan) -> CallPlan:
        entries = plan.entries
        if not entries:
            entries = ((plan.names_of(next(iter(plan.groups)))[0], len(plan.values)),)
            plan = _with_value(plan)
        return replace(plan, dicts=(entries, (self.choices.one_of(entries),)), as_tuple=True)

    def _with_entry(self, plan: CallPlan, name: str, source: str | None = None) -> CallPlan:
        """The same call with one entry more, for this source code or a new value."""
        entries, added = plan.entries, len(plan.values) if source is None else source
        at = self.choices.integer(0, len(entries))
        return replace(
            plan if source is not None else _with_value(plan),
            dicts=((*entries[:at], (name, added), *entries[at:]),),
        )


def _with_value(plan: CallPlan) -> CallPlan:
    return replace(plan, values=(*plan.values, Value(_unused_number(plan.values))))


def _unused_number(values: Sequence[Value]) -> int:
    return 11 + len(values)
