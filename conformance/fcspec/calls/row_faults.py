"""The one fault of a row of features of a refused call."""

from __future__ import annotations

from dataclasses import replace

from fcspec.calls.features import Fault, Faulty, RefusedFeatures
from fcspec.calls.kinds import ValueKind
from fcspec.calls.plan import CallPlan, Value
from fcspec.calls.row_modules import Keys

EntryList = list[tuple[str, int | str]]

_ULP = 1e-6
"""Just enough to make another float32 of a value above 8."""

_NO_TENSOR = {
    Fault.FLOAT: "3.0",
    Fault.CALLABLE: "(lambda: torch.tensor(3.0))",
    Fault.DICT: '{"x": torch.tensor(3.0)}',
}


def with_fault(
    row: RefusedFeatures, plan: CallPlan, of_target: EntryList, others: EntryList, path: str, keys: Keys
) -> CallPlan:
    """The plan with these entries, and with the row's fault.

    Args:
        path: the target's module as the beginning of a name.
    """
    return _Faults(row, plan, of_target, others, path, keys).plan()


class _Faults:
    def __init__(
        self, row: RefusedFeatures, plan: CallPlan, of_target: EntryList, others: EntryList, path: str, keys: Keys
    ) -> None:
        self._row, self._plan, self._path, self._keys = row, plan, path, keys
        self._of_target, self._others = of_target, others
        self._entries = [*of_target, *others]
        self._values = [*plan.values]

    def plan(self) -> CallPlan:
        row, new = self._row, self._path + self._keys.unknown
        match row.fault:
            case Fault.IN_TWO_DICTS:
                one = self._of_target[-1:] if row.last else self._of_target[:1]
                return self._with_dicts(*((one, self._entries) if row.last else (self._entries, one)))
            case Fault.ONE_DICT_TWICE:
                plan = self._with_dicts(self._entries, self._entries)
                return replace(plan, around=replace(plan.around, one_dict_twice=True))
            case Fault.NEW_NAME_TWICE:
                return self._with_dicts([(new, self._new_value()), *self._entries], [(new, self._new_value())])
            case Fault.FLOAT | Fault.CALLABLE | Fault.DICT:
                return self._with_no_tensor(new)
            case Fault.CONFLICT | Fault.CONFLICT_BY_ULP:
                return self._with_conflict()
            case Fault.MISSING:
                return self._with_dict(self._entries if row.in_part else self._others)
            case Fault.MISSING_OTHER:
                return self._with_dict(self._entries)
            case _:
                return self._with_entry(self._wrong_name(new), self._new_value())

    def _wrong_name(self, new: str) -> str:
        row, path, name = self._row, self._path, self._of_target[0][0]
        key = name.removeprefix(path)
        match row.fault:
            case Fault.NO_OWNER:
                return f"{path}{self._keys.nowhere}.{self._keys.target}"
            case Fault.LEADING_DOT:
                return f".{name}"
            case Fault.DOUBLE_DOT:
                return f"{path}.{key}" if path else f"{self._keys.child(4)}..{self._keys.slot(9)}"
            case Fault.TRAILING_DOT:
                return f"{name}."
            case Fault.WRAPPER_PREFIX:
                return f"{'_orig_mod' if row.last else 'module'}.{name}"
            case Fault.NOT_A_TENSOR:
                return f"{path}{'forward' if row.last else 'training'}"
            case Fault.SUBMODULE:
                return path.removesuffix(".")
            case _:
                return new

    def _with_no_tensor(self, new: str) -> CallPlan:
        row, code = self._row, _NO_TENSOR[self._row.fault]
        name = new if row.faulty is Faulty.NEW else self._of_target[0][0]
        if row.fault is Fault.DICT and row.faulty is Faulty.SLOT and self._path and row.last:
            self._entries = self._others  # a name that is given twice would hide the dict
            key = name.removeprefix(self._path)
            return self._with_entry(self._path.removesuffix("."), f'{{"{key}": torch.tensor(3.0)}}')
        return self._with_entry(name, code)

    def _with_conflict(self) -> CallPlan:
        row, (_, first) = self._row, self._of_target[0]
        assert isinstance(first, int)
        changed, _ = self._of_target[-1 if row.last else 1]
        value = self._plan.values[first]
        kind = ValueKind.TENSOR if value.kind is ValueKind.OWN else value.kind
        number = value.number + (_ULP if row.fault is Fault.CONFLICT_BY_ULP else 70)
        if value.place is not None:  # its own number is that of the slot
            number = float(self._plan.slot(value.place).tensor or 0) + (number - value.number)
        added = self._new_value(number, kind)
        return self._with_dict([(name, added if name == changed else what) for name, what in self._entries])

    # ------------------------------------------------------------------------------------------------------ building

    def _new_value(self, number: float | None = None, kind: ValueKind = ValueKind.TENSOR) -> int:
        self._values.append(Value(11.0 + len(self._values) if number is None else number, kind))
        return len(self._values) - 1

    def _with_entry(self, name: str, what: int | str) -> CallPlan:
        """One entry more, or another value for one."""
        if name in dict(self._entries):
            return self._with_dict([(one, what if one == name else its) for one, its in self._entries])
        new = [(name, what)]
        return self._with_dict([*self._entries, *new] if self._row.last else [*new, *self._entries])

    def _with_dict(self, entries: EntryList) -> CallPlan:
        return replace(self._plan, values=tuple(self._values), dicts=(tuple(entries),))

    def _with_dicts(self, *dicts: EntryList) -> CallPlan:
        return replace(self._plan, values=tuple(self._values), dicts=tuple(map(tuple, dicts)), as_tuple=True)
