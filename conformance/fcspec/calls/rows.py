"""A plan for a row of features."""

from __future__ import annotations

from dataclasses import replace

from fcspec.calls.features import (
    AcceptedFeatures,
    Alike,
    Given,
    GivenValue,
    NewName,
    Others,
    RefusedFeatures,
    Row,
    Split,
)
from fcspec.calls.kinds import ValueKind
from fcspec.calls.module_drawing import Words
from fcspec.calls.plan import CallPlan, Entries, Place, Value
from fcspec.calls.row_faults import with_fault
from fcspec.calls.row_modules import RowModules
from fcspec.calls.surroundings import PriorCall, Surroundings

_KINDS = {
    GivenValue.TENSOR: ValueKind.TENSOR,
    GivenValue.REQUIRES_GRAD: ValueKind.REQUIRES_GRAD,
    GivenValue.PARAMETER: ValueKind.PARAMETER,
    GivenValue.OWN: ValueKind.OWN,
    GivenValue.EQUAL_TO_OWN: ValueKind.TENSOR,
    GivenValue.INFERENCE: ValueKind.INFERENCE,
}


def plan_of(row: Row, words: Words | None = None) -> CallPlan:
    built = RowModules(row, words or Words())
    flags = (("tie_weights", row.tie_weights), ("strict", row.strict))
    plan = CallPlan(
        tuple(built.modules),
        flags=tuple((name, value) for name, value in flags if value is not None),
        around=_surroundings(row, built.owner),
    )
    if isinstance(row, AcceptedFeatures):
        plan = replace(plan, passing=row.passing)
    return _Giving(row, plan, built).plan()


def _surroundings(row: Row, owner: int) -> Surroundings:
    around = Surroundings(dict_class=row.dict_class, mixin=row.mixin, prior=row.prior, addition=row.added)
    if row.prior is PriorCall.REPLACED_CHILD:
        around = replace(around, replaced=owner)
    if isinstance(row, AcceptedFeatures):
        around = replace(around, in_cached=row.in_cached, mode=row.mode)
    return around


class _Giving:
    """Chooses the names that are given, and their values.

    Attributes:
        names: of the target's group, the target's own first; without regular names.
        regular_names: of the target.
    """

    def __init__(self, row: Row, plan: CallPlan, built: RowModules) -> None:
        self.row, self._plan, self._built = row, plan, built
        target = [name for name, its in plan.places.items() if (its.module, its.key) == (built.owner, built.target)]
        self.regular_names = [name for name in target if plan.places[name].part is None]
        originals = [name for name in target if plan.places[name].part is not None]
        self._group = {mate for name in originals for mate in plan.groups[plan.places[name]]}
        mates = [name for name, its in plan.places.items() if its in self._group and name not in originals]
        self.names = [*originals, *mates]
        self.values: list[Value] = []

    def plan(self) -> CallPlan:
        entries = self._of_target()
        others = [*self._of_second_parametrized(), *self._of_others(), *self._of_new_name()]
        plan = replace(self._plan, values=tuple(self.values))
        if isinstance(self.row, RefusedFeatures):
            return with_fault(self.row, plan, entries, others, self._path, self._built.keys)
        return _split(self.row, plan, entries, others)

    @property
    def _path(self) -> str:
        """The target's module as the beginning of a name."""
        path = (self.regular_names or self.names)[0].rpartition(".")[0]
        return f"{path}." if path else ""

    # -------------------------------------------------------------------------------------------------- of the target

    def _chosen(self) -> list[str]:
        chosen = {
            Given.NONE: [],
            Given.FIRST: self.names[:1],
            Given.LAST: self.names[-1:],
            Given.ALL: self.names,
            Given.REGULAR: self.regular_names[:1],
            Given.REGULAR_BY_ALL_PATHS: self.regular_names,
        }[self.row.given]
        return chosen[:-1] if isinstance(self.row, RefusedFeatures) and self.row.in_part else chosen

    def _of_target(self) -> list[tuple[str, int | str]]:
        alike = self.row.alike if isinstance(self.row, AcceptedFeatures) else Alike.SAME
        entries: list[tuple[str, int | str]] = []
        by_group: dict[tuple[Place, ...], int] = {}
        for name in self._chosen():
            place = self._plan.places[name]
            group = self._plan.groups.get(place, (place,))
            if group not in by_group or alike is Alike.DIFFERENT:
                by_group[group] = self._new_value(place)
            elif alike is Alike.EQUAL:
                self.values.append(self.values[by_group[group]])
                by_group[group] = len(self.values) - 1
            entries.append((name, by_group[group]))
        return entries

    def _new_value(self, place: Place | None) -> int:
        wanted, number = self.row.value, 11.0 + len(self.values)
        real = place is not None and place.part is not None
        kind = _KINDS[wanted]
        if real and wanted is GivenValue.EQUAL_TO_OWN:
            assert place is not None
            number = float(self._plan.slot(place).tensor or number)
        if kind is ValueKind.OWN and not real:
            kind = ValueKind.TENSOR
        self.values.append(Value(number, kind, place if kind is ValueKind.OWN else None))
        return len(self.values) - 1

    # -------------------------------------------------------------------------------------------------- of other names

    def _of_second_parametrized(self) -> list[tuple[str, int | str]]:
        """Its regular name, where the target's is given."""
        if not (isinstance(self.row, AcceptedFeatures) and self.row.second_by and self.row.given.is_regular):
            return []
        key = self._built.keys.second_parametrized
        name = next(name for name, its in self._plan.places.items() if its.key == key and its.part is None)
        return [(name, self._new_value(self._plan.places[name]))]

    def _of_others(self) -> list[tuple[str, int | str]]:
        plan, row = self._plan, self.row
        regular = isinstance(row, AcceptedFeatures) and row.given.is_regular
        seen = set(self._group)
        by_place: dict[Place, int] = {}
        entries: list[tuple[str, int | str]] = []
        every_path = plan.strict and not plan.tie_weights  # strict.shared-slot-off
        for name, place in plan.places.items():
            wanted = row.others is Others.ALL or (row.others is Others.OF_OWNER and place.module == self._built.owner)
            disabled = regular and place.key == self._built.keys.second_parametrized
            if not wanted or disabled or place in seen or place not in plan.groups:
                continue
            if place not in by_place:
                by_place[place] = self._new_value(place)
            elif not every_path:
                continue
            entries.append((name, by_place[place]))
        return entries

    def _of_new_name(self) -> list[tuple[str, int | str]]:
        if not isinstance(self.row, AcceptedFeatures) or self.row.new_name is NewName.NONE:
            return []
        kind = _KINDS[self.row.value]
        usual = kind not in (ValueKind.OWN, ValueKind.INFERENCE)
        self.values.append(Value(11.0 + len(self.values), kind if usual else ValueKind.TENSOR))
        path = "" if self.row.new_name is NewName.ROOT else self._path
        return [(path + self._built.keys.unknown, len(self.values) - 1)]


def _split(
    row: AcceptedFeatures, plan: CallPlan, of_target: list[tuple[str, int | str]], others: list[tuple[str, int | str]]
) -> CallPlan:
    entries = (*of_target, *others)
    last: tuple[Entries, ...] = ((),) if row.added is not None else ()  # of an addition, where nothing else is given
    dicts: dict[Split, tuple[Entries, ...]] = {
        Split.ONE_DICT: (entries,),
        Split.TUPLE_OF_ONE: (entries,),
        Split.OTHERS_FIRST: (tuple(others), tuple(of_target)),
        Split.ONE_EACH: tuple((entry,) for entry in entries) or last,
        Split.EMPTY_FIRST: ((), entries),
    }
    return replace(plan, dicts=dicts[row.split], as_tuple=row.split is not Split.ONE_DICT)
