"""What a call must do and leave beyond result, dicts and slots, as assertions: what forward sees, what else of the modules is as
before, what is printed, warned about and kept alive."""

from __future__ import annotations

import re
from collections.abc import Iterator

from fcspec.calls import plan_source
from fcspec.calls.assertion import Assertion, Context, Shown
from fcspec.calls.class_source import attribute
from fcspec.calls.expected import Expected
from fcspec.calls.kinds import Act, ValueKind
from fcspec.calls.plan import CallPlan, Place

NAMED_BY_PLAN = ("dicts", "result", "error", "seen")
"""Variables of a plan's source code that can keep given tensors alive."""

_LOOKS = {
    "orders": "the order of the keys of each module's stores",
    "shapes": "class, attributes and submodules of each module",
    "hooks": "what each module has of hooks",
}


def in_forward(plan: CallPlan, expected: Expected) -> Iterator[Assertion]:
    """The module is called once, it is the one that was passed, and it holds the given tensors."""
    if expected.refused_by is not None:
        return
    expressions = [re.sub(r"\bmodel\b", "module", _held(plan, place)) for place in expected.in_force]
    setup = (
        "seen = []\n"
        f"model.register_forward_pre_hook(lambda module, args: seen.append((module, [{', '.join(expressions)}])))"
    )
    which = "seen[1:2]" if plan.around.in_cached else "seen"  # the first call and the last one are plain ones
    if not plan.around.in_cached:
        shown = Shown("the number of calls of the module", "len(seen)", "1")
        yield Assertion("call.once", "assert len(seen) < 2", shown, setup)
    shown = Shown(
        "the module that was called", f"[type(module) for module, held in {which}]", "the very module that was passed"
    )
    yield Assertion("call.same-module", f"assert all(module is model for module, held in {which})", shown, setup)
    for index, (place, number) in enumerate(expected.in_force.items()):
        clause = "parametrize.regular-name" if place.part is None else "swap.identity"
        found = f"[held[{index}] for module, held in {which}]"
        shown = Shown(f"in forward {expressions[index]}", found, "the very tensor that was given,", f"value{number}")
        yield Assertion(clause, f"assert all(held[{index}] is value{number} for module, held in {which})", shown, setup)


def _held(plan: CallPlan, place: Place) -> str:
    if place.part is not None:
        return plan_source.held(plan, place)
    return attribute(plan_source.expressions(plan)[place.module], place.key)


def after_call(plan: CallPlan, expected: Expected) -> Iterator[Assertion]:
    """What else of the modules is as before; nothing is printed or warned about."""
    if _leaves_no_trace(plan, expected):
        modules = f"modules = ({', '.join(_modules(plan))},)"
        for clause, variable, looked in (
            ("restore.order", "orders", "[*module._parameters], [*module._buffers]"),
            ("restore.shape", "shapes", "type(module), sorted(vars(module)), [*map(id, module._modules.values())]"),
            ("restore.shape", "hooks", "[[*its] for key, its in vars(module).items() if key.endswith('_hooks')]"),
        ):
            now = f"[({looked}) for module in modules]".replace("'", '"')
            shown = Shown(f"after the call {_LOOKS[variable]}", now, "what it was before,", variable)
            yield Assertion(clause, f"assert {now} == {variable}", shown, f"{modules}\n{variable} = {now}")
        if plan.groups:
            tensors = f"tensors = ({', '.join(plan_source.held(plan, place) for place in plan.groups)},)"
            now = "[tensor.is_inference() or tensor._version for tensor in tensors]"
            shown = Shown("the list of the versions of own tensors", now, "what it was before,", "versions")
            yield Assertion("restore.versions", f"assert {now} == versions", shown, f"{tensors}\nversions = {now}")
    shown = Shown("the list of warnings", "[str(warning.message) for warning in heard]", "[]")
    yield Assertion("state.warnings", "assert heard == []", shown, context=Context.WARNINGS)
    shown = Shown("what was printed", "printed.getvalue()", "nothing")
    yield Assertion("state.silent", 'assert printed.getvalue() == ""', shown, context=Context.OUTPUT)


def _modules(plan: CallPlan) -> Iterator[str]:
    """The expressions of all modules, those of parametrizations included."""
    for number, path in enumerate(plan_source.expressions(plan)):
        yield path
        by = [slot.key for slot in plan.modules[number].slots if slot.by is not None]
        yield from (f"{path}.parametrizations{key}" for key in ("", *(f".{key}" for key in by)) if by)


def at_last(plan: CallPlan, expected: Expected) -> Iterator[Assertion]:
    """Nothing keeps given tensors alive. A cycle may, until it is collected."""
    values = [f"value{number}" for number, value in enumerate(plan.values) if value.kind is not ValueKind.OWN]
    if not values or not _leaves_no_trace(plan, expected):
        return
    setup = f"alive = [{', '.join(f'weakref.ref({value})' for value in values)}]"
    code = (
        f"{' = '.join([*values, *NAMED_BY_PLAN])} = None\n"
        "for generation in (0, 2):\n"  # what is new first: a collection of all that there is takes long
        "    if any(reference() is not None for reference in alive):\n"
        "        gc.collect(generation)\n"
        "assert all(reference() is None for reference in alive)"
    )
    found = "sum(reference() is not None for reference in alive)"
    shown = Shown("the number of given tensors that are alive after the call", found, "0")
    yield Assertion("restore.no-references", code, shown, setup, drops_names=True)


def _leaves_no_trace(plan: CallPlan, expected: Expected) -> bool:
    """Whether forward itself changes nothing of the module but what the call puts back."""
    if expected.refused_by is not None:
        return True
    acts = [(number, planned) for number, module in enumerate(plan.modules) for planned in module.acts]
    if Act.ADD_IN_PLACE in plan.acts and any(value.kind is ValueKind.OWN for value in plan.values):
        return False
    touched = {(number, key) for number, planned in acts for key in (planned.key, planned.other)}
    return all(place in expected.restored for place in plan.groups if (place.module, place.key) in touched)
