"""What a plan's call amounts to, computed without any functional_call: by assignment, and a plain call."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize

from fcspec.calls import plan_source
from fcspec.calls.plan import ADD, MOVE, PARAMETER, Act, Place, Plan


@dataclass(frozen=True)
class Left:
    """What a place holds after the call: its own tensor, another one (its number), or None; `gone`: nothing, or no tensor."""

    what: str
    number: float | None = None


OWN_TENSOR, NEW, NONE, GONE = "own", "new", "none", "gone"


@dataclass
class Expected:
    """What a plan's call amounts to.

    Attributes:
        refused: the clause by which the call is an error; None: it is none.
        raises: forward raises; `result` is then missing.
        restored: the places that hold their own tensor again, whatever forward did.
        left: what each place holds after the call.
        own: the number of each place's own tensor after the call; missing: as before.
        given: the number of each given tensor after the call.
        entries: by name, what the dict holds: GIVEN or a new tensor; missing: free.
        gradients: of given tensors, after backward; empty where the result has none.
        own_gradients: of own tensors, by place.
    """

    refused: str | None = None
    raises: bool = False
    result: float | None = None
    restored: frozenset[Place] = frozenset()
    left: dict[Place, Left] = field(default_factory=dict)
    own: dict[Place, float] = field(default_factory=dict)
    given: dict[int, float] = field(default_factory=dict)
    entries: dict[str, Left] = field(default_factory=dict)
    gradients: dict[int, float | None] = field(default_factory=dict)
    own_gradients: dict[Place, float | None] = field(default_factory=dict)


X = 3.0
"""The input of every plan's call."""


def run(text: str, scope: dict[str, Any]) -> None:
    exec(_compile(text), scope)


@functools.lru_cache(maxsize=4096)
def _compile(text: str) -> Any:
    return compile(text, "<plan>", "exec")


def scope() -> dict[str, Any]:
    """What a plan's source code may name."""
    return {"__name__": "plan", "torch": torch, "nn": nn, "parametrize": parametrize}


def restored(plan: Plan, names: Iterable[str]) -> frozenset[Place]:
    """The given places, and those that are tied to them. A regular name gives none."""
    places = [plan.places[name] for name in names if name in plan.places]
    real = [place for place in places if place.part is not None]
    tied = (mate for place in real for mate in plan.groups.get(place, ()) if plan.tied)
    return frozenset((*real, *tied))


def refusal(plan: Plan) -> str | None:
    """The clause by which the call is an error; None where it is none."""
    names = [name for name, _ in plan.entries]
    if len(set(names)) < len(names):
        return "dicts.distinct"
    if any(not isinstance(what, int) for _, what in plan.entries):
        return "dicts.bad-value"
    for name in names:
        if name not in plan.places:
            path, _, key = name.rpartition(".")
            if path and not any(known.startswith(f"{path}.") for known in plan.places):
                return "strict.unexpected" if plan.strict else "dicts.bad-name"
            if key in ("training", "forward"):
                return "dicts.not-a-tensor"
            if plan.strict:
                return "strict.unexpected"
    numbers = {name: plan.values[what].number for name, what in plan.entries if isinstance(what, int)}
    if plan.tied and (conflict := _conflict(plan, numbers)):
        return conflict
    return _missing(plan, names) if plan.strict and not any(isinstance(one, str) for one in plan.dicts) else None


def _conflict(plan: Plan, numbers: Mapping[str, int]) -> str | None:
    for group in set(plan.groups.values()):
        given = {name: number for name, number in numbers.items() if plan.places.get(name) in group}
        if len(set(given.values())) > 1:
            if len(group) == 1:
                return "tie.shared-submodule"
            complete = {plan.places[name] for name in given} == set(group)
            return "tie.conflict" if complete else "tie.conflict-in-part"
    return None


def _missing(plan: Plan, names: Iterable[str]) -> str | None:
    given = {plan.places[name] for name in names if name in plan.places}
    for place, group in plan.groups.items():
        if place not in given and not (plan.tied and given & set(group)):
            if given & set(group):
                return "strict.tied-off"
            return "strict.buffers" if plan.slot(place).kind != PARAMETER else "strict.missing"
    return None


def expect(plan: Plan) -> Expected:
    """Build the module, assign the values to its slots, call it plainly, and look."""
    if refused := refusal(plan):
        return Expected(refused=refused, restored=frozenset(plan.groups), left=_all_own(plan))
    twin = plan.without_parametrizations({name for name, _ in plan.entries})
    names = scope()
    run(plan_source.definitions(twin), names)
    for number in range(len(plan.values)):
        names[f"value{number}"] = eval(_compile_expression(plan_source.value(plan, number)), names)
    dicts = eval(_compile_expression(plan_source.dicts(plan)), names)
    given: dict[str, Tensor] = {}
    for one in dicts if plan.as_tuple else (dicts,):
        given.update(one)
    owners = {place: _Stand(twin, place, names) for place in twin.groups}
    own = {place: stand.now() for place, stand in owners.items()}
    in_force: dict[Place, Tensor] = {}
    for name, value in given.items():
        if name in twin.places:
            in_force[twin.places[name]] = value
    for place, value in [*in_force.items()]:
        for mate in twin.groups.get(place, ()) if plan.tied else ():
            in_force.setdefault(mate, value)
    for place, value in in_force.items():
        owners[place].assign(value)
    expected = Expected(restored=restored(plan, given))
    try:
        result = names["model"](torch.tensor(X))
        expected.result = result.item()
    except RuntimeError:
        if "error" not in names:
            raise
        expected.raises = True
    _look(plan, twin, expected, given, in_force, owners, own)
    expected.given = {number: names[f"value{number}"].item() for number in range(len(plan.values))}
    acts = [act.what for node in plan.nodes for act in node.acts]
    if not expected.raises and ADD not in acts and result.requires_grad and _one_tensor_a_group(plan):
        result.backward()
        for number in range(len(plan.values)):
            tensor = names[f"value{number}"]
            if tensor.requires_grad:
                expected.gradients[number] = None if tensor.grad is None else tensor.grad.item()
        for place, tensor in own.items():
            if place in plan.groups and tensor.requires_grad and (place.node, place.key) not in _disabled(plan):
                expected.own_gradients[place] = None if tensor.grad is None else tensor.grad.item()
    return expected


@functools.lru_cache(maxsize=4096)
def _compile_expression(text: str) -> Any:
    return compile(text, "<plan>", "eval")


class _Stand:
    """A place of a module that was built from a plan."""

    def __init__(self, plan: Plan, place: Place, names: dict[str, Any]) -> None:
        self.owner = eval(_compile_expression(plan_source.owner(plan, place)), names)
        self.store = vars(self.owner)[plan.slot(place).store]
        self.key = place.part

    def now(self) -> Any:
        return self.store.get(self.key, ...)

    def assign(self, value: Tensor) -> None:
        self.store[self.key] = value


def _disabled(plan: Plan) -> set[tuple[int, str]]:
    places = (plan.places[name] for name, _ in plan.entries if name in plan.places)
    return {(place.node, place.key) for place in places if place.part is None}


def _one_tensor_a_group(plan: Plan) -> bool:
    """Otherwise it is free which of two equal tensors the rest of the group holds."""
    by_group: dict[object, set[object]] = {}
    for name, what in plan.entries:
        place = plan.places.get(name)
        if place is not None and place.part is not None:
            by_group.setdefault(plan.groups.get(place, place), set()).add(what)
    return all(len(values) == 1 for values in by_group.values()) or not plan.tied


def _all_own(plan: Plan) -> dict[Place, Left]:
    return {place: Left(OWN_TENSOR) for place in plan.groups}


def _look(
    plan: Plan,
    twin: Plan,
    expected: Expected,
    given: Mapping[str, Tensor],
    in_force: Mapping[Place, Tensor],
    stands: Mapping[Place, _Stand],
    own: Mapping[Place, Tensor],
) -> None:
    off = _disabled(plan)
    for place in plan.groups:
        if (place.node, place.key) in off:
            expected.left[place] = Left(OWN_TENSOR)
            continue
        now = stands[place].now()
        kept = place in expected.restored or now is own[place]
        expected.left[place] = Left(OWN_TENSOR) if kept else _left(now)
        expected.own[place] = own[place].item()
    for name, value in given.items():
        if name not in twin.places:
            expected.entries[name] = Left(OWN_TENSOR)
            continue
        place = twin.places[name]
        now = stands[place].now()
        mates = (mate for mate in twin.groups.get(place, ()) if mate not in {twin.places.get(one) for one in given})
        if plan.tied and any(stands[mate].now() is not in_force.get(mate) for mate in mates):
            continue  # inplace.tied-rebinding
        if Act(MOVE, place.key) in plan.nodes[place.node].acts:
            continue  # neither a rebinding nor a deletion
        changed = now is not value and (now is None or isinstance(now, Tensor))
        expected.entries[name] = _left(now) if changed else Left(OWN_TENSOR)


def _left(now: Any) -> Left:
    if isinstance(now, Tensor):
        return Left(NEW, now.item())
    return Left(NONE) if now is None else Left(GONE)
