"""Makes a plan that breaks a law smaller: slots and submodules that have no part in it are left out."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

from fcspec.calls.comparison import BrokenLaw
from fcspec.calls.expected import expect
from fcspec.calls.kinds import Form
from fcspec.calls.plan import CallPlan, PlannedModule

Judge = Callable[[CallPlan], list[BrokenLaw]]


def smallest(plan: CallPlan, broken: BrokenLaw, judge: Judge) -> tuple[CallPlan, BrokenLaw]:
    """The plan without all that can be left out one by one, and how it breaks the same law."""
    while (found := _smaller(plan, broken, judge)) is not None:
        plan, broken = found
    return plan, broken


def _smaller(plan: CallPlan, broken: BrokenLaw, judge: Judge) -> tuple[CallPlan, BrokenLaw] | None:
    for candidate in _with_less(plan):
        if _can_be_judged(candidate):
            its = next((one for one in judge(candidate) if one.clause == broken.clause), None)
            if its is not None:
                return candidate, its
    return None


def _can_be_judged(plan: CallPlan) -> bool:
    try:
        expect(plan)
    except Exception:  # something that is left names what is left out
        return False
    return True


def _with_less(plan: CallPlan) -> Iterator[CallPlan]:
    given = {plan.places[name] for name, _ in plan.entries if name in plan.places}
    for number, module in enumerate(plan.modules):
        for key, _ in module.children:
            if plan.around.replaced is None and (less := _without_child(plan, number, key)) is not None:
                yield less
    kept = {(place.module, place.key) for place in given}
    kept |= {module.calls_inside for module in plan.modules if module.calls_inside is not None}
    for number, module in enumerate(plan.modules):
        for slot in module.slots if module.form is Form.MODULE else ():
            if (number, slot.key) not in kept and not _names(module, slot.key):
                slots = tuple(one for one in module.slots if one is not slot)
                yield _with(plan, number, replace(module, slots=slots))


def _names(module: PlannedModule, key: str) -> bool:
    """Whether an act or a hook of the module is about a slot."""
    return bool(module.acts_on(key)) or (module.hook is not None and module.hook.key == key)


def _with(plan: CallPlan, number: int, module: PlannedModule) -> CallPlan:
    return replace(plan, modules=(*plan.modules[:number], module, *plan.modules[number + 1 :]))


def _without_child(plan: CallPlan, number: int, key: str) -> CallPlan | None:
    """The plan without a submodule, and without the modules that nothing reaches then; None: a given name leads there."""
    module = plan.modules[number]
    children = tuple(one for one in module.children if one[0] != key)
    less = _with(plan, number, replace(module, children=children))
    reached = {0}
    while more := {child for one in reached for _, child in less.modules[one].children} - reached:
        reached |= more
    inner = [module.calls_inside[0] for module in less.modules if module.calls_inside is not None]
    numbers = {old: new for new, old in enumerate(sorted(reached))}
    if not reached.issuperset(inner):
        return None
    less = replace(less, modules=tuple(_renumbered(less.modules[old], numbers) for old in numbers))
    names = {name for name, _ in plan.entries if name in plan.places}
    return less if names <= less.places.keys() and not any(value.place for value in plan.values) else None


def _renumbered(module: PlannedModule, numbers: dict[int, int]) -> PlannedModule:
    children = tuple((key, numbers[child]) for key, child in module.children)
    inner = module.calls_inside
    return replace(module, children=children, calls_inside=inner and (numbers[inner[0]], inner[1]))
