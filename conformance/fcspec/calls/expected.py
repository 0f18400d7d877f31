"""What a plan's call must amount to, computed without any functional_call: assign the values to the module, and call it."""

from __future__ import annotations

import contextlib
import enum
import functools
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from fcspec.calls import plan_source
from fcspec.calls.assigning import call_with_assigned
from fcspec.calls.execution import evaluate, execute, new_namespace
from fcspec.calls.kinds import Act
from fcspec.calls.plan import CallPlan, Place, X
from fcspec.calls.refusals import clause_that_refuses


class Content(enum.Enum):
    """What a place of the module, or an entry of a dict, holds after the call."""

    OWN = enum.auto()
    """A place: the tensor that the module held there before."""
    GIVEN = enum.auto()
    """An entry: the tensor that was given."""
    NEW = enum.auto()
    """A tensor that forward bound."""
    NONE = enum.auto()
    NO_TENSOR = enum.auto()
    """Nothing, or an object that is neither a tensor nor None."""


@dataclass(frozen=True)
class Held:
    """What a place or an entry holds; where that is a new tensor, with the number that the tensor contains."""

    content: Content
    number: float | None = None


@dataclass
class Expected:
    """What a plan's call must amount to.

    Attributes:
        refused_by: the clause by which the call is an error; None: it is none. An error leaves everything as it was.
        raises: forward raises; `result` is then None.
        in_force: the given tensor that each place holds in forward, by index; a regular name is a place of its own. Missing: it
            is free which one, or none.
        restored: the places that hold their own tensor again, whatever forward did.
        places: what each place holds after the call.
        own_numbers: what each place's own tensor contains after the call; missing: what it contained before.
        given_numbers: what each given tensor contains after the call.
        entries: what the dict holds under each given name after the call; missing: it is free.
        given_gradients: of given tensors after backward; empty where backward cannot or must not run.
        own_gradients: of each place's own tensor, likewise.
        plain_result: of a call of the module with its own tensors, where one follows inside parametrize.cached().
    """

    refused_by: str | None = None
    raises: bool = False
    result: float | None = None
    in_force: dict[Place, int] = field(default_factory=dict)
    restored: frozenset[Place] = frozenset()
    places: dict[Place, Held] = field(default_factory=dict)
    own_numbers: dict[Place, float] = field(default_factory=dict)
    given_numbers: dict[int, float] = field(default_factory=dict)
    entries: dict[str, Held] = field(default_factory=dict)
    given_gradients: dict[int, float | None] = field(default_factory=dict)
    own_gradients: dict[Place, float | None] = field(default_factory=dict)
    plain_result: float | None = None


def expect(plan: CallPlan) -> Expected:
    """Compute what a plan's call must amount to."""
    if clause := clause_that_refuses(plan):
        own = {place: Held(Content.OWN) for place in plan.groups}
        return Expected(refused_by=clause, restored=frozenset(plan.groups), places=own)
    call = _PlainCall(plan)
    call.assign_values()
    call.run_forward()
    expected = Expected(
        raises=call.result is None,
        result=None if call.result is None else call.result.item(),
        restored=_restored(plan, call.given),
        given_numbers={number: value.item() for number, value in enumerate(call.values)},
    )
    expected.in_force = _in_force(call)
    _expect_places(expected, call)
    _expect_entries(expected, call)
    _expect_gradients(expected, call)
    if plan.around.in_cached:
        expected.plain_result = _result_with_own_tensors(plan)
    return expected


def _in_force(call: _PlainCall) -> dict[Place, int]:
    found: dict[Place, int] = {}
    for place, value in call.assigned.items():
        several = {id(call.given[name]) for name in call.names_of_group(place)}
        if len(several) == 1:
            its = Place(place.module, place.key, None) if call.disables(place) else place
            numbers = [number for number, one in enumerate(call.values) if one is value]
            if numbers:  # else it is a tensor of the module's own, of an idiom such as dict(model.named_parameters())
                found[its] = numbers[0]
    return found


def _result_with_own_tensors(plan: CallPlan) -> float:
    namespace = {**new_namespace(), "functional_call": call_with_assigned}
    execute(plan_source.definitions(plan), namespace)
    return float(namespace["model"](torch.tensor(X)).item())


class _PlainCall:
    """A plan's module, to which the given values are assigned, and which is then called without functional_call.

    A value for a regular name disables the parametrization. The module is therefore built without it: the regular name leads
    to a slot like any other.

    Attributes:
        unparametrized: the plan that the module is built from.
        values: the given tensors.
        given: the given tensors by name.
        slots: every place of the module.
        own: the tensor that each place held before values were assigned.
        assigned: the given tensor that was assigned to each place.
        result: None before the call, and where forward raises.
    """

    def __init__(self, plan: CallPlan) -> None:
        self.plan = plan
        self.unparametrized = plan.without_parametrizations({name for name, _ in plan.entries})
        self._namespace = {**new_namespace(), "functional_call": call_with_assigned}
        execute(plan_source.definitions(self.unparametrized), self._namespace)
        for line in plan_source.value_assignments(plan):
            execute(line, self._namespace)
        dicts = evaluate(plan_source.dicts(plan), self._namespace)
        self.values: list[Tensor] = [self._namespace[f"value{number}"] for number in range(len(plan.values))]
        self.given: dict[str, Tensor] = {}
        for one in dicts if plan.as_tuple else (dicts,):
            self.given.update(one)
        self.slots = {
            place: _BuiltSlot(self.unparametrized, place, self._namespace) for place in self.unparametrized.groups
        }
        self.own: dict[Place, Tensor] = {place: slot.held() for place, slot in self.slots.items()}
        self.assigned: dict[Place, Tensor] = {}
        self.result: Tensor | None = None

    def assign_values(self) -> None:
        """Assign each given tensor to the place that its name leads to, and, where ties count, to the places tied to it."""
        places = self.unparametrized.places
        self.assigned = {places[name]: value for name, value in self.given.items() if name in places}
        for place, value in [*self.assigned.items()]:
            for mate in self.mates(place):
                self.assigned.setdefault(mate, value)
        for place, value in self.assigned.items():
            self.slots[place].assign(value)

    def run_forward(self) -> None:
        try:
            with torch.no_grad() if self.plan.around.without_grad else contextlib.nullcontext():
                self.result = self._namespace["model"](torch.tensor(X))
        except RuntimeError:
            if not any(module.can_raise for module in self.plan.modules):
                raise

    def mates(self, place: Place) -> list[Place]:
        """The places that take a given value together with this one. One whose parametrization is disabled takes none."""
        if not self.plan.tie_weights or self.disables(place):
            return []
        return [mate for mate in self.unparametrized.groups.get(place, ()) if not self.disables(mate)]

    def names_of_group(self, place: Place) -> list[str]:
        """The given names of this place, and of those that take a given value together with it."""
        group = {place, *self.mates(place)}
        return [name for name in self.given if self.unparametrized.places.get(name) in group]

    def disables(self, place: Place) -> bool:
        """Whether the plan gives a value for the regular name of the tensor that this place is an original of."""
        return (place.module, place.key) in self._disabled

    @functools.cached_property
    def _disabled(self) -> set[tuple[int, str]]:
        given = (self.plan.places[name] for name, _ in self.plan.entries if name in self.plan.places)
        return {(place.module, place.key) for place in given if place.part is None}


class _BuiltSlot:
    """A place of a module that was built from a plan."""

    def __init__(self, plan: CallPlan, place: Place, namespace: dict[str, Any]) -> None:
        owner = evaluate(plan_source.owner(plan, place), namespace)
        self._store = vars(owner)[plan.slot(place).store]
        self._key = place.part

    def held(self) -> Any:
        """What it holds now; ... where it holds nothing."""
        return self._store.get(self._key, ...)

    def assign(self, value: Tensor) -> None:
        self._store[self._key] = value


def _restored(plan: CallPlan, names: Iterable[str]) -> frozenset[Place]:
    """The places that are given, and those tied to them. A regular name leads to none of the module's places."""
    places = [plan.places[name] for name in names if name in plan.places]
    real = [place for place in places if place.part is not None]
    tied = (mate for place in real for mate in plan.groups.get(place, ()) if plan.tie_weights)
    return frozenset((*real, *tied))


def _expect_places(expected: Expected, call: _PlainCall) -> None:
    for place in call.plan.groups:
        if call.disables(place):
            expected.places[place] = Held(Content.OWN)
            continue
        now, own = call.slots[place].held(), call.own[place]
        kept = place in expected.restored or now is own
        expected.places[place] = Held(Content.OWN) if kept else _what_replaced(now)
        expected.own_numbers[place] = own.item()


def _expect_entries(expected: Expected, call: _PlainCall) -> None:
    plan, places = call.plan, call.unparametrized.places
    given = {places[name] for name in call.given if name in places}
    for name, value in call.given.items():
        if name not in places:
            expected.entries[name] = Held(Content.GIVEN)
            continue
        place = places[name]
        mates = [mate for mate in call.mates(place) if mate not in given]
        if any(call.slots[mate].held() is not call.assigned.get(mate) for mate in mates):
            continue  # inplace.tied-rebinding
        if Act.MOVE in plan.modules[place.module].acts_on(place.key):
            continue  # neither a rebinding nor a deletion
        now = call.slots[place].held()
        rebound = now is not value and (now is None or isinstance(now, Tensor))
        expected.entries[name] = _what_replaced(now) if rebound else Held(Content.GIVEN)


def _what_replaced(now: Any) -> Held:
    if isinstance(now, Tensor):
        return Held(Content.NEW, now.item())
    return Held(Content.NONE if now is None else Content.NO_TENSOR)


def _expect_gradients(expected: Expected, call: _PlainCall) -> None:
    plan, result = call.plan, call.result
    in_place = Act.ADD_IN_PLACE in plan.acts
    if result is None or in_place or not result.requires_grad or not _has_one_value_a_group(plan):
        return
    result.backward()  # type: ignore[no-untyped-call]
    for number, value in enumerate(call.values):
        if value.requires_grad:
            expected.given_gradients[number] = _gradient(value)
    for place, own in call.own.items():
        if place in plan.groups and own.requires_grad and not call.disables(place):
            expected.own_gradients[place] = _gradient(own)


def _gradient(tensor: Tensor) -> float | None:
    return None if tensor.grad is None else tensor.grad.item()


def _has_one_value_a_group(plan: CallPlan) -> bool:
    """Whether no tied group is given several tensors: it is free which of them the other names of the group then hold."""
    by_group: dict[object, set[object]] = {}
    for name, what in plan.entries:
        place = plan.places.get(name)
        if place is not None:
            by_group.setdefault(plan.groups.get(place, place), set()).add(what)
    return all(len(values) == 1 for values in by_group.values()) or not plan.tie_weights
