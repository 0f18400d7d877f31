"""Whether a plan's call is an error, and by which clause."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from fcspec.calls.kinds import Kind
from fcspec.calls.plan import CallPlan


def clause_that_refuses(plan: CallPlan) -> str | None:
    """The clause by which the call is an error; None where it is none."""
    addition = plan.around.addition
    if addition is not None and addition.refused_by and plan.tie_weights:
        return addition.refused_by
    names = [name for name, _ in plan.entries]
    if len(set(names)) < len(names):
        return "dicts.distinct"
    if any(not isinstance(what, int) for _, what in plan.entries):
        return "dicts.bad-value"
    for name in names:
        if name not in plan.places and (clause := _unknown(plan, name)):
            return clause
    numbers = {name: plan.values[what].number for name, what in plan.entries if isinstance(what, int)}
    if plan.tie_weights and (clause := _conflict(plan, numbers)):
        return clause
    return _missing(plan, names) if plan.strict and not plan.has_idiom else None


def _unknown(plan: CallPlan, name: str) -> str | None:
    path, _, key = name.rpartition(".")
    if not all(name.split(".")):
        return "strict.unexpected" if plan.strict else "dicts.bad-name"
    if path and not any(known.startswith(f"{path}.") for known in plan.places):
        return "strict.unexpected" if plan.strict else "dicts.bad-name"
    if key in ("training", "forward") or any(known.startswith(f"{name}.") for known in plan.places):
        return "dicts.not-a-tensor"
    return "strict.unexpected" if plan.strict else None


def _conflict(plan: CallPlan, numbers: Mapping[str, float]) -> str | None:
    regular = [(place,) for place in plan.places.values() if place.part is None]
    for group in dict.fromkeys([*plan.groups.values(), *regular]):
        given = {name: number for name, number in numbers.items() if plan.places.get(name) in group}
        if len(set(given.values())) > 1:
            if len(group) == 1:
                return "tie.shared-submodule"
            complete = {plan.places[name] for name in given} == set(group)
            return "tie.conflict" if complete else "tie.conflict-in-part"
    return None


def _missing(plan: CallPlan, names: Iterable[str]) -> str | None:
    given = {plan.places[name] for name in names if name in plan.places}
    for place, group in plan.groups.items():
        if place not in given and not (plan.tie_weights and given & set(group)):
            if given & set(group):
                return "strict.tied-off"
            return "strict.missing" if plan.slot(place).kind is Kind.PARAMETER else "strict.buffers"
    return None
