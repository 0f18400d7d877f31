"""Basic laws that others need: where the example of such a law does not come true, what fails in the same way has its cause."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from fcspec.report.model import ClauseResult
from fcspec.report.plainest import is_example
from fcspec.report.trace import actual, trace_of
from fcspec.report.verdict import Verdict

_NO_ERROR = "no error was raised"
_STATE_DIFFERS = re.compile(r"\b(?:is|are) .+, (?:was|were) ")
_SEVERAL_DICTS = re.compile(r"[(, ][(\[]\{")
_ANOTHER_OBJECT = re.compile(r", expected the very object (?!Parameter|None)")
_AFTER_EXCEPTIONS = ("restore.exception", "restore.base-exception", "restore.rejected", "restore.recursion-limit")
_KEYWORD = re.compile(r"\bkwargs=\{'|\{.*\}, (?:\(.*\)|[\w.]+\(.*\)|\d+), \{'")


@dataclass(frozen=True)
class Symptom:
    """How a law fails: in the case that is shown.

    Attributes:
        called: the call, in words.
        actual: what happened, in words.
        raised: the target raised an exception.
        plain: the case is an example of SPEC.md.
    """

    clause: str
    called: str
    actual: str
    raised: bool
    plain: bool

    @property
    def chapter(self) -> str:
        return self.clause.partition(".")[0]

    @property
    def accepts(self) -> bool:
        """What should have been refused."""
        return self.actual == _NO_ERROR

    @property
    def differs(self) -> bool:
        """Something is other than expected, and nothing was raised."""
        return not self.raised and not self.accepts


def symptom_of(result: ClauseResult, address: str) -> Symptom | None:
    """None where it does not just fail: a crash is no symptom of anything.

    Args:
        address: of the target.
    """
    case = result.plainest
    if case is None or result.verdict is not Verdict.FAIL:
        return None
    trace = trace_of(case, address)
    raised = bool(trace.raised) and not trace.is_of_test
    return Symptom(result.clause, case.stimulus or "", actual(case, trace.raised), raised, is_example(case.id))


@dataclass(frozen=True)
class Root:
    """
    Attributes:
        clauses: the basic laws, the first to mend first.
        words: what their examples show, in a line.
        explains: whether a symptom comes from that.
    """

    clauses: tuple[str, ...]
    words: str
    explains: Callable[[Symptom], bool]

    def found(self, symptoms: list[Symptom]) -> str | None:
        """The basic law whose example shows it; None: none does, so what fails alike may be about something else."""
        shown = [one.clause for one in symptoms if one.plain and self.explains(one)]
        return next((slug for slug in self.clauses if slug in shown), None)


def _of(*chapters: str) -> Callable[[Symptom], bool]:
    return lambda one: one.differs and one.chapter in chapters


def _not_restored(one: Symptom) -> bool:
    return one.differs and (one.chapter == "restore" or bool(_STATE_DIFFERS.search(one.actual)))


def _is_another(one: Symptom) -> bool:
    return one.differs and bool(_ANOTHER_OBJECT.search(one.actual))


ROOTS = (
    Root(
        ("args.kwargs",),
        "keyword arguments do not reach forward",
        lambda one: one.clause == "args.kwargs" or bool(_KEYWORD.search(one.called)),
    ),
    Root(
        ("strict.missing", "strict.unexpected"),
        "strict=True raises no error",
        lambda one: one.accepts and "strict=True" in one.called,
    ),
    Root(
        ("dicts.distinct",),
        "a name in two dicts raises no error",
        lambda one: one.accepts and bool(_SEVERAL_DICTS.search(one.called)),
    ),
    Root(
        ("tie.conflict",),
        "different values for tied names raise no error",
        lambda one: one.accepts and "tied: " in one.called,
    ),
    Root(("swap.identity",), "forward does not get the given tensor itself", _is_another),
    Root(("restore.objects",), "own parameters and buffers are not put back", _not_restored),
    Root(
        ("restore.exception",),
        "own parameters and buffers are not put back after an exception",
        lambda one: one.differs and one.clause in _AFTER_EXCEPTIONS,
    ),
    Root(("tie.one-name",), "a value given for one of several tied names does not reach the others", _of("tie")),
    Root(("inplace.rebinding",), "what forward binds anew does not reach the dict", _of("inplace")),
    Root(("parametrize.regular-name",), "a parametrization is not disabled by its regular name", _of("parametrize")),
    Root(("grad.given",), "the given tensors get no gradient, or a wrong one", _of("grad", "transforms")),
    Root(("swap.parameter", "swap.buffer", "swap.nested"), "the given values are not in force", _of("swap", "dicts")),
)
"""In the order in which a symptom is looked up."""
