"""A plan's call compared with what it must amount to: judged law by law, and printed as a script that shows one law broken."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fcspec.calls import plan_source
from fcspec.calls.attribution import Naming
from fcspec.calls.expected import GONE, NEW, NONE, OWN_TENSOR, Expected, Left, X, expect, run, scope
from fcspec.calls.plan import HIDDEN, LATE, PARAMETER, Place, Plan
from fcspec.errors import in_words
from fcspec.spec import load_spec


@dataclass(frozen=True)
class Check:
    """One statement about the call.

    Attributes:
        before: what to note before the call.
        after: an assertion.
        backward: it is about gradients, after backward.
    """

    clause: str
    after: str
    before: str = ""
    backward: bool = False


@dataclass(frozen=True)
class Broken:
    """A law that a call broke.

    Attributes:
        message: what happened.
        check: the assertion that failed; None: it is the call itself that raised, or did not.
        raised: whether the call raised.
    """

    clause: str
    message: str
    check: Check | None
    raised: bool


def judge(plan: Plan, functional_call: Callable[..., Any]) -> list[Broken]:
    """Make the plan's call, and say which laws it breaks, the first of them first."""
    expected = expect(plan)
    checks = [*_checks(plan, expected)]
    names = scope()
    names["functional_call"] = functional_call
    run(plan_source.definitions(plan), names)
    for line in _value_lines(plan):
        run(line, names)
    run(f"dicts = {plan_source.dicts(plan)}", names)
    for check in checks:
        run(check.before, names)
    broken, raised = [], None
    try:
        run(f"result = {_call(plan, 'dicts')}", names)
    except Exception as error:
        raised = error
    if (clause := _outcome(plan, expected, raised, names.get("error"))) is not None:
        message = "accepted, and is an error" if raised is None else in_words(raised)
        broken.append(Broken(clause, message, None, raised is not None))
    went_back = False
    for check in checks:
        if check.backward and not went_back:
            if raised is not None:
                break
            went_back = True
            try:
                run("result.backward()", names)
            except Exception as error:
                broken.append(Broken(check.clause, f"backward: {in_words(error)}", check, False))
                break
        if raised is not None and "result" in check.after:
            continue
        try:
            run(check.after, names)
        except Exception as error:
            words = f"does not hold: {check.after}" if isinstance(error, AssertionError) else in_words(error)
            broken.append(Broken(check.clause, words, check, raised is not None))
    return broken


def _outcome(plan: Plan, expected: Expected, raised: Exception | None, error: Exception | None) -> str | None:
    if expected.refused is not None:
        return expected.refused if raised is None else None
    if expected.raises:
        return "call.exception" if raised is not error else None
    return Naming(plan).refused() if raised is not None else None


def outcome_clause(plan: Plan) -> str:
    """The clause that a call breaks that does not come back at all."""
    expected = expect(plan)
    return expected.refused or ("call.exception" if expected.raises else Naming(plan).refused())


def _call(plan: Plan, dicts: str) -> str:
    flags = "".join(f", {name}={value}" for name, value in plan.flags)
    return f"functional_call(model, {dicts}, {plan.arguments.format(x=f'torch.tensor({X})')}{flags})"


def _value_lines(plan: Plan) -> Iterator[str]:
    for number in range(len(plan.values)):
        yield f"value{number} = {plan_source.value(plan, number)}"


# --------------------------------------------------------------------------------------------------------- checks


def _checks(plan: Plan, expected: Expected) -> Iterator[Check]:
    naming = Naming(plan)
    if expected.refused is not None:
        note = "calls = []\nmodel.register_forward_pre_hook(lambda *call: calls.append(call))"
        yield Check(expected.refused, "assert calls == []", note)
    elif not expected.raises:
        yield Check(naming.result(), f"assert result.item() == {expected.result}")
    yield from _of_parametrizations(plan, naming)
    yield from _of_dicts(plan, expected, naming)
    for place in plan.groups:
        yield from _of_slot(plan, expected, naming, place)
    yield from _of_order(plan, expected)
    yield from _of_leftovers(plan, expected)
    yield from _of_gradients(plan, expected, naming)
    yield from _of_process()


def _of_process() -> Iterator[Check]:
    """No forward of a plan draws a random number. (Modes that a call leaves are gone when it has returned: see tampering.py.)"""
    yield Check("state.rng", "assert torch.equal(torch.get_rng_state(), state)", "state = torch.get_rng_state()")


def _of_parametrizations(plan: Plan, naming: Naming) -> Iterator[Check]:
    for number, name in enumerate(naming.regular):
        place = plan.places[name]
        path = plan_source.expressions(plan)[place.node]
        note = (
            f"runs{number} = []\n"
            f"{path}.parametrizations.{place.key}[0].register_forward_hook(lambda *call: runs{number}.append(call))"
        )
        yield Check("parametrize.not-run", f"assert runs{number} == []", note)
        active = f'assert parametrize.is_parametrized({path}, "{place.key}")'
        yield Check("parametrize.still-active", active)


def _of_dicts(plan: Plan, expected: Expected, naming: Naming) -> Iterator[Check]:
    for number, one in enumerate(plan.dicts):
        if isinstance(one, str):
            continue
        its = f"dicts[{number}]" if plan.as_tuple else "dicts"
        keys = list(dict.fromkeys(name for name, _ in one))
        yield Check("dicts.unchanged", f"assert list({its}) == {keys}".replace("'", '"'))
        for name, what in one:
            left = Left(OWN_TENSOR) if expected.refused else expected.entries.get(name)
            if left is None or not isinstance(what, int) or (expected.raises and left.what != OWN_TENSOR):
                continue  # inplace.on-exception, inplace.tied-rebinding
            entry = f'{its}["{name}"]'
            says = {
                OWN_TENSOR: f"{entry} is value{what}",
                NEW: f"{entry}.item() == {left.number}",
                NONE: f"{entry} is None or {entry} is value{what}",  # inplace.only-tensors leaves it open
            }
            yield Check(naming.entry(name, left.what != OWN_TENSOR), f"assert {says[left.what]}")
    for number, value in expected.given.items():
        yield Check(naming.given_written(number), f"assert value{number}.item() == {value}")


def _of_slot(plan: Plan, expected: Expected, naming: Naming, place: Place) -> Iterator[Check]:
    left = expected.left[place]
    own, was = f"own{[*plan.groups].index(place)}", f"number{[*plan.groups].index(place)}"
    held, owner, refused = plan_source.held(plan, place), plan_source.owner(plan, place), expected.refused is not None
    restored = place in expected.restored or refused or (left.what == OWN_TENSOR and place not in expected.own)
    clause = naming.restored(place, refused) if restored else "inplace.not-given"
    note = f"{own} = {held}"
    if left.what == OWN_TENSOR:
        yield Check(clause, f"assert {held} is {own}", note)
        yield Check(clause, f'assert {owner}.{plan.slot(place).store}.get("{place.part}") is {own}', note)
    elif left.what != GONE:
        says = f"{held} is None" if left.what == NONE else f"{held}.item() == {left.number}"
        yield Check(clause, f"assert {says}")
    if plan.slot(place).by is None and restored:
        yield from _of_stores(plan, place, clause)
    written = naming.written(place, restored, refused)
    if place in expected.own:
        yield Check(written, f"assert {own}.item() == {expected.own[place]}", note)
    else:
        yield Check(written, f"assert {own}.item() == {was}", f"{note}\n{was} = {own}.item()")


def _of_stores(plan: Plan, place: Place, clause: str) -> Iterator[Check]:
    slot, owner = plan.slot(place), plan_source.owner(plan, place)
    others = [store for store in ("_parameters", "_buffers", "_modules", "__dict__") if store != slot.store]
    yield Check(
        clause, f'assert not any("{slot.key}" in store for store in ({", ".join(f"{owner}.{s}" for s in others)}))'
    )
    if slot.kind != PARAMETER:
        which = "in" if slot.kind == HIDDEN else "not in"
        yield Check(clause, f'assert "{slot.key}" {which} {owner}._non_persistent_buffers_set')


def _of_order(plan: Plan, expected: Expected) -> Iterator[Check]:
    for number, node in enumerate(plan.nodes):
        late = {act.key for act in node.acts if act.what in LATE}
        places = [place for place in plan.groups if place.node == number and place.key in late]
        if late and (expected.refused or set(places) <= expected.restored):
            path = plan_source.expressions(plan)[number]
            for store in ("_parameters", "_buffers"):
                note = f"order{number}{store} = list({path}.{store})"
                yield Check("restore.order", f"assert list({path}.{store}) == order{number}{store}", note)


def _of_leftovers(plan: Plan, expected: Expected) -> Iterator[Check]:
    """Names that the module did not have, of owners that it has."""
    for name, _ in plan.entries:
        path, _, key = name.rpartition(".")
        known = name in plan.places or expected.refused == "dicts.not-a-tensor"
        if not known and (not path or any(other.startswith(f"{path}.") for other in plan.places)):
            owner = f'model.get_submodule("{path}")' if path else "model"
            yield Check("restore.no-leftovers", f'assert not hasattr({owner}, "{key}")')


def _of_gradients(plan: Plan, expected: Expected, naming: Naming) -> Iterator[Check]:
    for number, gradient in expected.gradients.items():
        grad = f"value{number}.grad"
        says = f"{grad} is None" if gradient is None else f"{grad} is not None and {grad}.item() == {gradient}"
        yield Check(naming.gradient(number), f"assert {says}", backward=True)
    for place, gradient in expected.own_gradients.items():
        own = f"own{[*plan.groups].index(place)}"
        says = (
            f"{own}.grad is None" if gradient is None else f"{own}.grad is not None and {own}.grad.item() == {gradient}"
        )
        yield Check("grad.own", f"assert {says}", f"{own} = {plan_source.held(plan, place)}", backward=True)


# --------------------------------------------------------------------------------------------------------- scripts


def code(plan: Plan, broken: Broken, address: str) -> str:
    """A script that makes the plan's call, and fails where the implementation at `address` breaks this law."""
    clause, check = load_spec()[broken.clause], broken.check
    law = " ".join(clause.law.replace("`", "").split())
    head = textwrap.wrap(f"{clause.slug} · {clause.level}: {law}", 110, initial_indent="# ", subsequent_indent="# ")
    definitions = plan_source.definitions(plan)
    before = [] if check is None or not check.before else check.before.splitlines()
    after = [] if check is None else check.after.splitlines()
    uses_dicts = "dicts" in " ".join(after)
    text = plan_source.dicts(plan)
    call = _call(plan, "dicts" if uses_dicts else text)
    values = [*_value_lines(plan), *([f"dicts = {text}"] if uses_dicts else [])]
    if check is not None and check.backward:
        after = ["result.backward()", *after]
    if " result" in " ".join(after) or "result." in " ".join(after):
        call = f"result = {call}"
    body = "\n".join([*values, *before, *_guarded(call, broken, expect(plan)), *after])
    for number in range(len(plan.values)):
        body = _inlined(body, f"value{number}", plan_source.value(plan, number))
    body = _tidied(body)
    imports = ["import torch", "from torch import nn"]
    if "parametrize." in definitions + body:
        imports.append("from torch.nn.utils import parametrize")
    lines = [*head, *_import_of(address), *imports]
    return "\n".join(_sorted_imports(lines)) + "\n\n\n" + definitions + body + "\n"


def _guarded(call: str, broken: Broken, expected: Expected) -> list[str]:
    """The call, and what to do where it raises."""
    if broken.check is not None:
        return ["try:", f"    {call}", "except Exception:", "    pass"] if broken.raised else [call]
    if expected.refused is not None:
        return ["try:", f"    {call}", "except Exception:", "    pass", "else:", '    raise AssertionError("no error")']
    if expected.raises:
        lines = ["try:", f"    {call}", "except Exception as raised:", "    assert raised is error"]
        return [*lines, "else:", '    raise AssertionError("no error")']
    return [call]


def _inlined(body: str, name: str, text: str) -> str:
    """A variable that is used once is none."""
    rest = body.replace(f"{name} = {text}\n", "", 1)
    return re.sub(rf"\b{name}\b", lambda _: text, rest) if len(re.findall(rf"\b{name}\b", rest)) == 1 else body


def _tidied(body: str) -> str:
    """Numbered variables of which there is one lose their number."""
    for word in ("value", "own", "number", "runs", "order"):
        numbered = set(re.findall(rf"\b{word}\d+\w*\b", body))
        if len(numbered) == 1:
            body = re.sub(rf"\b{numbered.pop()}\b", word, body)
    return body


def _import_of(address: str) -> list[str]:
    place, _, attribute = address.rpartition(":")
    first, _, rest = attribute.partition(".")
    lines = []
    if place.endswith(".py"):
        path = Path(place).resolve()
        lines = ["import sys", f'sys.path.insert(0, "{path.parent}")']
        place = path.stem
    lines.append(f"from {place} import {first}{'' if first == 'functional_call' or rest else ' as functional_call'}")
    return [*lines, *([f"functional_call = {attribute}"] if rest else [])]


def _sorted_imports(lines: list[str]) -> list[str]:
    head = [line for line in lines if line.startswith("#")]
    rest = [line for line in lines if not line.startswith("#")]
    if any(line.startswith("import sys") for line in rest):
        return head + rest
    plain = [line for line in rest if line.startswith("import")]
    others = [line for line in rest if not line.startswith(("import", "functional_call"))]
    return head + plain + sorted(others) + [line for line in rest if line.startswith("functional_call")]
