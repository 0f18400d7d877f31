"""Which clause a plan's call breaks: by what is wrong with it, and by what the plan contains."""

from __future__ import annotations

import functools

from fcspec.calls.plan import (
    ADD,
    ALONE,
    AS_PARAMETER,
    DELETE,
    IN_TUPLE,
    MOVE,
    OWN,
    PARAMETER,
    PRODUCT,
    REBIND,
    SQUARE,
    STATE_DICT,
    TO_MODULE,
    TO_OTHER,
    Place,
    Plan,
    Value,
)


class Naming:
    """The clauses that a plan can break. The more special law comes first."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.given = {name: plan.places[name] for name, _ in plan.entries if name in plan.places}
        self.acts = {act.what for node in plan.nodes for act in node.acts}
        self.groups = [self._group(place) for place in self.given.values()]

    def _group(self, place: Place) -> tuple[Place, ...]:
        return self.plan.groups.get(place, (place,))

    def _values(self, name: str) -> Value | None:
        what = dict(self.plan.entries)[name]
        return self.plan.values[what] if isinstance(what, int) else None

    @functools.cached_property
    def regular(self) -> list[str]:
        return [name for name, place in self.given.items() if place.part is None]

    @functools.cached_property
    def originals(self) -> list[str]:
        return [n for n, place in self.given.items() if place.part is not None and self.plan.slot(place).by is not None]

    @functools.cached_property
    def circular(self) -> bool:
        return any(child <= number for number, node in enumerate(self.plan.nodes) for _, child in node.children)

    @functools.cached_property
    def split(self) -> bool:
        return self.plan.as_tuple

    def is_shared(self, place: Place) -> bool:
        """Is the slot's module registered under two names?"""
        return len(self.plan.names(place)) > 1

    @functools.cached_property
    def shared(self) -> bool:
        return any(self.is_shared(place) for place in self.plan.places.values())

    @functools.cached_property
    def large(self) -> bool:
        return any(len(group) > 2 for group in self.groups)

    @functools.cached_property
    def tied(self) -> bool:
        return any(len(group) > 1 for group in self.groups)

    @functools.cached_property
    def several(self) -> list[list[str]]:
        """The names given for a group, where there are several."""
        by_group: dict[object, list[str]] = {}
        for name, place in self.given.items():
            by_group.setdefault(self._group(place), []).append(name)
        return [names for names in by_group.values() if len(names) > 1]

    @functools.cached_property
    def equal(self) -> list[list[str]]:
        """The names given for a group, where their values are different tensors."""
        entries = dict(self.plan.entries)
        return [names for names in self.several if len({entries[name] for name in names}) > 1]

    # -------------------------------------------------------------------------------------------------- what breaks

    def refused(self) -> str:
        """The call raised, and is no error."""
        if self.plan.arguments != ALONE:
            return self.result()
        if self.circular:
            return "call.circular"
        if self.regular:
            return self._regular_refused(self.regular[0])
        if STATE_DICT in self.plan.dicts:
            return "dicts.state-dict"
        if self.plan.tied and self.equal:
            one = self.equal[0]
            return "tie.shared-submodule" if len({self.given[name] for name in one}) == 1 else "tie.equal-values"
        if self.plan.tied and self.several:
            return self._several_refused()
        if self.plan.strict:
            return self._strict_refused()
        return self._otherwise_refused()

    def _regular_refused(self, name: str) -> str:
        slot, value = self.plan.slot(self.given[name]), self._values(name)
        if slot.kind != PARAMETER:
            return "parametrize.buffer"
        if slot.by == SQUARE:
            return "parametrize.no-right-inverse"
        return "parametrize.regular-parameter" if value and value.kind == AS_PARAMETER else "parametrize.regular-name"

    def _several_refused(self) -> str:
        group = self._group(self.given[self.several[0][0]])
        if any(self.is_shared(place) for place in group):
            return "tie.shared-submodule"
        return "tie.large-group" if len(group) > 2 else "tie.same-object"

    def _strict_refused(self) -> str:
        if any(slot.tensor is None for node in self.plan.nodes for slot in node.slots):
            return "strict.none"
        if self.originals:
            return "strict.parametrized"
        return "strict.tied" if self.tied and self.plan.tied else "strict.exact"

    def _otherwise_refused(self) -> str:
        if {TO_OTHER, TO_MODULE} & self.acts:
            return "restore.rebound-non-tensor"
        if DELETE in self.acts:
            return "restore.deleted"
        if MOVE in self.acts:
            return "restore.rebound"
        if any(name not in self.plan.places for name, _ in self.plan.entries):
            return "strict.off"
        return self.result()

    def result(self) -> str:
        """The result is another one."""
        if self.plan.arguments != ALONE:
            return "args.tuple" if self.plan.arguments == IN_TUPLE else "args.kwargs"
        if self.regular:
            buffer = self.plan.slot(self.given[self.regular[0]]).kind != PARAMETER
            return "parametrize.buffer" if buffer else "parametrize.regular-name"
        if self.originals:
            return self._original()
        if any(self.is_shared(place) for place in self.given.values()):
            return "tie.shared-submodule"
        if self.tied:
            return self._tied_result()
        if self.given and any(node.hook is not None for node in self.plan.nodes):
            return "call.hooks"
        return self._plain_result()

    def _original(self) -> str:
        slots = [self.plan.slot(self.given[name]) for name in self.originals]
        if any(slot.kind != PARAMETER for slot in slots):
            return "parametrize.buffer"
        return "parametrize.several-originals" if any(slot.by == PRODUCT for slot in slots) else "parametrize.original"

    def _tied_result(self) -> str:
        if not self.plan.tied:
            return "tie.off-different" if self.several else "tie.off"
        if self.large:
            return "tie.large-group"
        kinds = {self.plan.slot(place).kind == PARAMETER for group in self.groups if len(group) > 1 for place in group}
        return "tie.across-kinds" if len(kinds) > 1 else "tie.one-name" if True in kinds else "tie.buffers"

    def _plain_result(self) -> str:
        if not self.given:
            return "dicts.idioms" if any(isinstance(one, str) for one in self.plan.dicts) else "call.no-values"
        if self.split:
            return "dicts.tuple"
        if any("." in name for name in self.given):
            return "swap.nested"
        parameter = any(self.plan.slot(place).kind == PARAMETER for place in self.given.values())
        return "swap.parameter" if parameter else "swap.buffer"

    def restored(self, place: Place, refused: bool) -> str:
        """A slot does not hold its own tensor again."""
        slot = self.plan.slot(place)
        if slot.by is not None:
            return "parametrize.still-active"
        if self.is_shared(place):
            return "restore.shared-submodule" if slot.kind == PARAMETER else "restore.shared-buffer-owner"
        if refused:
            return "restore.rejected"
        if {TO_OTHER, TO_MODULE} & self.acts:
            return "restore.rebound-non-tensor"
        acts = {act.what for act in self.plan.nodes[place.node].acts if act.key == place.key}
        if DELETE in acts:
            return "restore.deleted"
        if acts - {ADD}:
            return "restore.rebound"
        return "restore.exception" if any(node.raises for node in self.plan.nodes) else "restore.objects"

    def written(self, place: Place, restored: bool, refused: bool) -> str:
        """An own tensor has other contents than it should."""
        if not restored and not refused:
            return "inplace.not-given"
        return "inplace.module-untouched" if ADD in self.acts else self.restored(place, refused)

    def entry(self, name: str, changed: bool) -> str:
        """A dict does not hold what it should."""
        place = self.given.get(name)
        acts = set() if place is None else {a.what for a in self.plan.nodes[place.node].acts if a.key == place.key}
        if not acts - {ADD}:
            return "dicts.unchanged"
        if not changed:
            return "inplace.only-tensors"
        if sum(its == place for its in self.given.values()) > 1:
            return "inplace.rebinding-shared"
        if self.split:
            return "inplace.rebinding-tuple"
        return "inplace.nested" if "." in name else "inplace.rebinding"

    def given_written(self, number: int) -> str:
        """A given tensor has other contents than it should."""
        if ADD not in self.acts:
            return "inplace.rebinding" if REBIND in self.acts else "swap.identity"
        names = [name for name, what in self.plan.entries if what == number]
        return "inplace.nested" if any("." in name for name in names) else "inplace.same-tensor"

    def gradient(self, number: int) -> str:
        """A given tensor has another gradient than it should."""
        names = [name for name, what in self.plan.entries if what == number]
        if any(name in self.regular for name in names):
            return "parametrize.regular-name-gradient"
        if any(name in self.originals for name in names):
            return self._original()
        if self.plan.values[number].kind == OWN:
            return "grad.own-given"
        if any(len(self._group(self.given[name])) > 1 for name in names if name in self.given):
            return "tie.gradient"
        return "grad.twice" if len(names) > 1 else "grad.given"
