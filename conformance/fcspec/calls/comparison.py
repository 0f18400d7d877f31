"""A plan's call compared with what it must amount to, law by law."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from fcspec.calls import plan_source
from fcspec.calls.assertion import Assertion, Shown
from fcspec.calls.assertions import assertions
from fcspec.calls.attribution import Attribution
from fcspec.calls.execution import evaluate, execute, few_frames, new_namespace
from fcspec.calls.expected import Expected, expect
from fcspec.calls.plan import CallPlan
from fcspec.calls.surroundings import PriorCall
from fcspec.errors import in_words


@dataclass(frozen=True)
class BrokenLaw:
    """A law that a call broke.

    Attributes:
        message: what happened.
        assertion: the one that failed; None: the call itself raised, or did not.
        raised: whether the call raised.
    """

    clause: str
    message: str
    assertion: Assertion | None
    raised: bool


def broken_laws(plan: CallPlan, functional_call: Callable[..., Any]) -> list[BrokenLaw]:
    """Make the plan's call, and return the laws that it breaks.

    The first one is that which the exception breaks, or its absence, if there is one.
    """
    with few_frames() if Attribution(plan).has_cycle else contextlib.nullcontext():
        return _broken_laws(plan, functional_call)


def _broken_laws(plan: CallPlan, functional_call: Callable[..., Any]) -> list[BrokenLaw]:
    expected = expect(plan)
    stated = [*assertions(plan, expected)]
    namespace = new_namespace()
    namespace["functional_call"] = functional_call
    execute(plan_source.definitions(plan), namespace)
    own = _own_tensors(plan, namespace) if plan.around.prior is PriorCall.REFUSED else {}
    for line in [*plan_source.prior_call(plan), *plan_source.value_assignments(plan)]:
        execute(line, namespace)
    for held, tensor in own.items():
        if (left := _left_by_refused_call(held, tensor, namespace)) is not None:
            return [left]
    execute(f"dicts = {plan_source.dicts(plan)}", namespace)
    for setup, assertion in {assertion.setup: assertion for assertion in stated}.items():
        try:
            execute(setup, namespace)
        except Exception as error:  # a call before this one left the module in a state that no module of a plan has
            return [BrokenLaw(assertion.clause, in_words(error), assertion, False)]
    raised = None
    try:
        execute(plan_source.call_statement(plan, "dicts", assigned=True, contexts=_contexts(stated)), namespace)
    except Exception as error:
        raised = error
    broken = []
    if (clause := _clause_of_outcome(plan, expected, raised, namespace.get("error"))) is not None:
        message = "the call is accepted, expected an error" if raised is None else in_words(raised)
        broken.append(BrokenLaw(clause, message, None, raised is not None))
    has_raised, raised = raised is not None, None  # its traceback keeps given tensors alive
    return [*broken, *_failed(stated, namespace, has_raised)]


def _own_tensors(plan: CallPlan, namespace: dict[str, Any]) -> dict[str, Tensor]:
    """What the places of the plan hold, by the expression that reads it."""
    places = [place for place in plan.groups if place.part is not None]
    return {held: evaluate(held, namespace) for held in (plan_source.held(plan, place) for place in places)}


def _left_by_refused_call(held: str, own: Tensor, namespace: dict[str, Any]) -> BrokenLaw | None:
    """The law that a refused call before the call that is judged has broken, if the module is not as before."""
    clause, number = "restore.rejected", own.item()
    shown = Shown(f"after a call that was refused {held}", held, f"{number}")
    assertion = Assertion(clause, f"assert {held}.item() == {number}", shown)
    try:
        if evaluate(held, namespace) is own:
            return None
    except Exception:
        pass  # it is gone
    return BrokenLaw(clause, _what_came_out(assertion, namespace), assertion, False)


def _contexts(stated: Iterable[Assertion]) -> list[str]:
    return [*dict.fromkeys(assertion.context for assertion in stated if assertion.context)]


def _clause_of_outcome(
    plan: CallPlan, expected: Expected, raised: Exception | None, error: Exception | None
) -> str | None:
    """The clause that is broken by raising or by returning; None where none is."""
    if expected.refused_by is not None:
        return expected.refused_by if raised is None else None
    if expected.raises:
        return "call.exception" if raised is not error else None
    return Attribution(plan).clause_if_refused() if raised is not None else None


def _failed(stated: Iterable[Assertion], namespace: dict[str, Any], raised: bool) -> Iterator[BrokenLaw]:
    """Run assertions after the call, and backward before the first one that is about gradients."""
    backward_ran = False
    kept = {*new_namespace(), "__builtins__", "model", "alive"}
    for assertion in stated:
        if assertion.after_backward and not backward_ran:
            if raised:
                return
            backward_ran = True
            try:
                execute("result.backward()", namespace)
            except Exception as error:
                yield BrokenLaw(assertion.clause, f"backward: {in_words(error)}", assertion, False)
                return
        if raised and assertion.needs_return:
            continue
        if assertion.drops_names:
            for name in [name for name in namespace if name not in kept]:
                del namespace[name]
        try:
            execute(assertion.code, namespace)
        except AssertionError:
            yield BrokenLaw(assertion.clause, _what_came_out(assertion, namespace), assertion, raised)
        except Exception as error:
            line = assertion.code.splitlines()[-1]
            yield BrokenLaw(assertion.clause, f"{in_words(error)}, raised by: {line}", assertion, raised)


def _what_came_out(assertion: Assertion, namespace: dict[str, Any]) -> str:
    """What an assertion that does not hold found, and what it expected."""
    shown = assertion.shown
    if shown is None:
        return f"does not hold: {assertion.code.splitlines()[-1]}"
    try:
        before = f" {_in_words(evaluate(shown.before, namespace))}" if shown.before else ""
        return f"{shown.subject} is {_in_words(evaluate(shown.found, namespace))}, expected {shown.expected}{before}"
    except Exception as error:
        return f"{shown.subject} can't be told ({in_words(error)}), expected {shown.expected}"


def _in_words(value: Any) -> str:
    """A tensor by its class and numbers, without what else its repr has: a class can be one of the plan."""
    if isinstance(value, list):
        return f"[{', '.join(map(_in_words, value))}]"
    if not isinstance(value, Tensor):
        return repr(value)
    try:
        return f"{type(value).__name__}({value.tolist()})"
    except Exception:  # it has no numbers: it is of a transform that has ended
        return f"{type(value).__name__} without numbers"


def clause_if_no_return(plan: CallPlan) -> str:
    """The clause that is broken where the call hangs, crashes or leaves the process."""
    expected = expect(plan)
    if expected.refused_by is not None:
        return expected.refused_by
    return "call.exception" if expected.raises else Attribution(plan).clause_if_refused()
