"""Which clause a plan's call breaks: it depends on what is wrong, and on what the plan contains."""

from __future__ import annotations

import functools

from fcspec.calls.kinds import Act, Idiom, Kind, Parametrization, Passing, ValueKind
from fcspec.calls.plan import CallPlan, Place, Value
from fcspec.calls.surroundings import DictClass


class Attribution:
    """The clauses that a plan's call can break. Of two laws that say the same of a call, the more special one counts.

    Attributes:
        given: the places that given names lead to; names that the module does not have are left out.
        groups: for each of them, all places that hold the same tensor.
    """

    def __init__(self, plan: CallPlan) -> None:
        self.plan = plan
        self.given = {name: plan.places[name] for name, _ in plan.entries if name in plan.places}
        self.groups = [self._group(place) for place in self.given.values()]

    # ----------------------------------------------------------------------------------------- what the plan contains

    def _group(self, place: Place) -> tuple[Place, ...]:
        return self.plan.groups.get(place, (place,))

    def _value(self, name: str) -> Value | None:
        what = dict(self.plan.entries)[name]
        return self.plan.values[what] if isinstance(what, int) else None

    def _is_parameter(self, place: Place) -> bool:
        return self.plan.slot(place).kind is Kind.PARAMETER

    def _is_in_shared_submodule(self, place: Place) -> bool:
        return len(self.plan.names_of(place)) > 1

    @functools.cached_property
    def regular_names(self) -> list[str]:
        """The given names that are the regular name of a parametrized tensor."""
        return [name for name, place in self.given.items() if place.part is None]

    @functools.cached_property
    def original_names(self) -> list[str]:
        """The given names that are the name of an original of a parametrized tensor."""
        places = self.given.items()
        return [name for name, place in places if place.part is not None and self.plan.slot(place).by is not None]

    @functools.cached_property
    def has_cycle(self) -> bool:
        return any(child <= number for number, module in enumerate(self.plan.modules) for _, child in module.children)

    @functools.cached_property
    def gives_tied_name(self) -> bool:
        return any(len(group) > 1 for group in self.groups)

    @functools.cached_property
    def names_of_one_group(self) -> list[list[str]]:
        """The names given for a group, for each group of which there are several."""
        by_group: dict[object, list[str]] = {}
        for name, place in self.given.items():
            by_group.setdefault(self._group(place), []).append(name)
        return [names for names in by_group.values() if len(names) > 1]

    @functools.cached_property
    def names_with_several_tensors(self) -> list[list[str]]:
        """Of these, those that are given different tensors."""
        entries = dict(self.plan.entries)
        return [names for names in self.names_of_one_group if len({entries[name] for name in names}) > 1]

    # ------------------------------------------------------------------------------------------- the call or its result

    def clause_if_refused(self) -> str:
        """The clause that is broken where the call raises, and is no error."""
        if self.plan.passing is not Passing.ALONE or self._clause_of_surroundings():
            return self.clause_of_result()
        if self.has_cycle:
            return "call.circular"
        if self.regular_names:
            return self._clause_if_regular_name_refused(self.regular_names[0])
        if Idiom.STATE_DICT in self.plan.dicts:
            return "dicts.state-dict"
        if self.plan.tie_weights and self.names_with_several_tensors:
            places = {self.given[name] for name in self.names_with_several_tensors[0]}
            return "tie.shared-submodule" if len(places) == 1 else "tie.equal-values"
        if self.plan.tie_weights and self.names_of_one_group:
            return self._clause_if_one_group_refused(self.names_of_one_group[0])
        if self.plan.strict:
            return self._clause_if_strict_refused()
        return self._clause_if_otherwise_refused()

    def _clause_if_regular_name_refused(self, name: str) -> str:
        slot, value = self.plan.slot(self.given[name]), self._value(name)
        if slot.kind is not Kind.PARAMETER:
            return "parametrize.buffer"
        if slot.by is Parametrization.SQUARE:
            return "parametrize.no-right-inverse"
        is_parameter = value is not None and value.kind is ValueKind.PARAMETER
        return "parametrize.regular-parameter" if is_parameter else "parametrize.regular-name"

    def _clause_if_one_group_refused(self, names: list[str]) -> str:
        group = self._group(self.given[names[0]])
        if any(self._is_in_shared_submodule(place) for place in group):
            return "tie.shared-submodule"
        return "tie.large-group" if len(group) > 2 else "tie.same-object"

    def _clause_if_strict_refused(self) -> str:
        if any(slot.tensor is None for module in self.plan.modules for slot in module.slots):
            return "strict.none"
        if self.original_names:
            return "strict.parametrized"
        return "strict.tied" if self.gives_tied_name and self.plan.tie_weights else "strict.exact"

    def _clause_if_otherwise_refused(self) -> str:
        acts = self.plan.acts
        if {Act.BIND_STRING, Act.BIND_MODULE} & acts:
            return "restore.rebound-non-tensor"
        if Act.DELETE in acts:
            return "restore.deleted"
        if Act.MOVE in acts:
            return "restore.rebound"
        if any(name not in self.plan.places for name, _ in self.plan.entries):
            return "strict.off"
        return self.clause_of_result()

    def _clause_of_surroundings(self) -> str | None:
        """The clause about what surrounds the call, if one is."""
        around = self.plan.around
        if around.addition is not None:
            return around.addition.clause
        if around.in_cached and any(slot.by is not None for module in self.plan.modules for slot in module.slots):
            return "parametrize.cached"
        if any(module.calls_inside is not None for module in self.plan.modules):
            return "restore.nested"
        return None if around.dict_class is DictClass.DICT else "dicts.subclass"

    def clause_of_result(self) -> str:
        """The clause that is broken where the result is wrong."""
        if clause := self._clause_of_surroundings():
            return clause
        if self.plan.passing is not Passing.ALONE:
            return "args.tuple" if self.plan.passing is Passing.IN_TUPLE else "args.kwargs"
        if self.regular_names:
            parameter = self._is_parameter(self.given[self.regular_names[0]])
            return "parametrize.regular-name" if parameter else "parametrize.buffer"
        if self.original_names:
            return self._clause_of_originals()
        if any(self._is_in_shared_submodule(place) for place in self.given.values()):
            return "tie.shared-submodule"
        if self.gives_tied_name:
            return self._clause_of_tied_result()
        if self.given and any(module.hook is not None for module in self.plan.modules):
            return "call.hooks"
        return self._clause_of_plain_result()

    def _clause_of_originals(self) -> str:
        slots = [self.plan.slot(self.given[name]) for name in self.original_names]
        if any(slot.kind is not Kind.PARAMETER for slot in slots):
            return "parametrize.buffer"
        several = any(slot.by is Parametrization.PRODUCT for slot in slots)
        return "parametrize.several-originals" if several else "parametrize.original"

    def _clause_of_tied_result(self) -> str:
        if not self.plan.tie_weights:
            return "tie.off-different" if self.names_of_one_group else "tie.off"
        if any(len(group) > 2 for group in self.groups):
            return "tie.large-group"
        kinds = {self._is_parameter(place) for group in self.groups if len(group) > 1 for place in group}
        return "tie.across-kinds" if len(kinds) > 1 else "tie.one-name" if True in kinds else "tie.buffers"

    def _clause_of_plain_result(self) -> str:
        if not self.given:
            return "dicts.idioms" if self.plan.has_idiom else "call.no-values"
        if self.plan.as_tuple:
            return "dicts.tuple"
        if any("." in name for name in self.given):
            return "swap.nested"
        return "swap.parameter" if any(map(self._is_parameter, self.given.values())) else "swap.buffer"

    # ------------------------------------------------------------------------------------------ what the call leaves

    def clause_of_restoration(self, place: Place, refused: bool) -> str:
        """The clause that is broken where a place does not hold its own tensor again.

        Args:
            refused: the call is an error.
        """
        if self.plan.slot(place).by is not None:
            return "parametrize.still-active"
        if self._is_in_shared_submodule(place):
            return "restore.shared-submodule" if self._is_parameter(place) else "restore.shared-buffer-owner"
        if refused:
            return "restore.rejected"
        if {Act.BIND_STRING, Act.BIND_MODULE} & self.plan.acts:
            return "restore.rebound-non-tensor"
        acts = self.plan.modules[place.module].acts_on(place.key)
        if Act.DELETE in acts:
            return "restore.deleted"
        if acts - {Act.ADD_IN_PLACE}:
            return "restore.rebound"
        return "restore.exception" if any(module.can_raise for module in self.plan.modules) else "restore.objects"

    def clause_of_own_contents(self, place: Place, restored: bool, refused: bool) -> str:
        """The clause that is broken where the tensor that the module holds in a place has wrong contents.

        Args:
            restored: the place must hold its own tensor again, whatever forward did.
            refused: the call is an error.
        """
        if not restored and not refused:
            return "inplace.not-given"
        written = Act.ADD_IN_PLACE in self.plan.acts
        return "inplace.module-untouched" if written else self.clause_of_restoration(place, refused)

    def clause_of_entry(self, name: str, changed: bool) -> str:
        """The clause that is broken where a dict holds something wrong.

        Args:
            changed: it must hold something else than what was given.
        """
        place = self.given.get(name)
        acts = set() if place is None else self.plan.modules[place.module].acts_on(place.key)
        if not acts - {Act.ADD_IN_PLACE}:
            return "dicts.unchanged"
        if not changed:
            return "inplace.only-tensors"
        if sum(its == place for its in self.given.values()) > 1:
            return "inplace.rebinding-shared"
        if self.plan.as_tuple:
            return "inplace.rebinding-tuple"
        return "inplace.nested" if "." in name else "inplace.rebinding"

    def clause_of_given_contents(self, number: int) -> str:
        """The clause that is broken where a given tensor has wrong contents."""
        if Act.ADD_IN_PLACE not in self.plan.acts:
            return "inplace.rebinding" if Act.REBIND in self.plan.acts else "swap.identity"
        names = [name for name, what in self.plan.entries if what == number]
        return "inplace.nested" if any("." in name for name in names) else "inplace.same-tensor"

    def clause_of_gradient(self, number: int) -> str:
        """The clause that is broken where a given tensor has a wrong gradient."""
        names = [name for name, what in self.plan.entries if what == number]
        if any(name in self.regular_names for name in names):
            return "parametrize.regular-name-gradient"
        if any(name in self.original_names for name in names):
            return self._clause_of_originals()
        if self.plan.values[number].kind is ValueKind.OWN:
            return "grad.own-given"
        if any(len(self._group(self.given[name])) > 1 for name in names if name in self.given):
            return "tie.gradient"
        return "grad.twice" if len(names) > 1 else "grad.given"
