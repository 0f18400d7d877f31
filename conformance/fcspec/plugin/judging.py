"""From what happened to a case to its verdict, in words."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

import pytest

from fcspec.errors import LeftTheTest, Unsupported, in_words
from fcspec.plugin.items import case_id, clause_of
from fcspec.report.model import Case
from fcspec.report.verdict import Verdict
from fcspec.report.words import capped
from fcspec.spec import load_spec
from fcspec.workers.child import Answer, Outcome

if TYPE_CHECKING:
    from fcspec.target.boundary import Boundary

NOT_JUDGED = "not judged: too many timeouts in a row (--fcspec-patience)"

_NO_ERROR = re.compile(r"^(Failed: )?DID NOT RAISE .+")
"""What pytest.raises says."""

_INTRUSION = "something else than the test wrote into the suite's channel"


def of_body(report: pytest.TestReport, call: pytest.CallInfo[None], boundary: Boundary, item: pytest.Item) -> Case:
    """Of a case whose body ran to its end, or to an exception."""
    verdict, reason = Verdict.PASS, None
    if boundary.evasion is not None:
        verdict, reason = Verdict.EVADED, boundary.evasion
    elif call.excinfo is not None and isinstance(call.excinfo.value, Unsupported):
        verdict, reason = Verdict.UNSUPPORTED, str(call.excinfo.value)
    elif report.skipped:
        # No case skips; the target found another way to say so, such as a handler of a signal.
        verdict = Verdict.EVADED if boundary.called else Verdict.ERROR
        reason = f"the case was skipped: {report.longreprtext}"
    elif report.failed and call.excinfo is not None:
        verdict = Verdict.EXIT if isinstance(call.excinfo.value, SystemExit) else Verdict.FAIL
        reason = _first_line(call.excinfo)
    return Case(
        id=case_id(item),
        clause=clause_of(item),
        verdict=verdict,
        reason=_plain(reason),
        seconds=round(report.duration, 3),
        stimulus=None if verdict is Verdict.PASS else _plain(boundary.stimulus),
        message=_plain(capped(report.longreprtext)) if report.failed else None,
        observed=dict(item.user_properties).get("observed"),  # type: ignore[arg-type]
    )


def of_broken(report: pytest.TestReport, call: pytest.CallInfo[None], boundary: Boundary, item: pytest.Item) -> Case:
    """Of a case whose setup or teardown failed: `fail` if it had called the target, which may be to blame; else `error`."""
    if call.excinfo is not None and isinstance(call.excinfo.value, Unsupported) and not boundary.called:
        return Case(case_id(item), clause_of(item), Verdict.UNSUPPORTED, str(call.excinfo.value))
    reason = _plain(f"{call.when}: {in_words(call.excinfo.value) if call.excinfo else ''}")
    verdict = Verdict.FAIL if boundary.called else Verdict.ERROR
    return Case(case_id(item), clause_of(item), verdict, reason, message=_plain(capped(report.longreprtext)))


def of_nothing(item: pytest.Item, boundary: Boundary) -> Case:
    """Of a case of which pytest made no report."""
    verdict = Verdict.EVADED if boundary.called else Verdict.ERROR
    return Case(case_id(item), clause_of(item), verdict, boundary.evasion or "no report was made of it")


def of_answer(item: pytest.Item, answer: Answer) -> Case:
    """Of a case that a child has answered for."""
    if answer.intruded:
        return _without_report(item, Verdict.EVADED, _INTRUSION, answer.seconds)
    if answer.escaped is not None:
        words, trace = answer.escaped
        verdict = Verdict.EXIT if words.startswith("SystemExit") else Verdict.FAIL
        return _without_report(item, verdict, f"{words} left the test", answer.seconds, trace)
    case = Case.from_dict(answer.value["case"])
    if (case.id, case.clause) != (case_id(item), clause_of(item)):
        return _without_report(item, Verdict.ERROR, f"the answer is about {case.id}", answer.seconds)
    return case


def of_death(item: pytest.Item, outcome: Outcome, clock: float | None) -> Case:
    """Of a case whose child ended without an answer.

    Args:
        clock: the limit that it ran into; None where it ended by itself.
    """
    if clock is not None:
        verdict, reason = Verdict.TIMEOUT, f"no verdict after {clock:g} s"
    elif outcome.intruded and not outcome.signal:
        verdict, reason = Verdict.EVADED, _INTRUSION
    elif outcome.signal:
        verdict, reason = Verdict.CRASH, f"killed by {outcome.signal}"
    else:
        verdict, status = Verdict.EXIT, os.WEXITSTATUS(outcome.status)
        reason = f"left the process with status {status}, and no verdict"
    return _without_report(item, verdict, reason, outcome.seconds, outcome.output)


def _without_report(item: pytest.Item, verdict: Verdict, reason: str, seconds: float, output: str = "") -> Case:
    reason = _plain(reason) or ""
    message = _plain(capped(f"{verdict}: {reason}\n{output}"))
    return Case(case_id(item), clause_of(item), verdict, reason, round(seconds, 3), message=message)


def reports_of(
    item: pytest.Item, case: Case, sections: Iterable[tuple[str, str]] = (), *, strict: bool
) -> Iterator[pytest.TestReport]:
    """What pytest's own reporting needs of a case that ran in a child: setup, call and teardown."""
    for when in ("setup", "call", "teardown"):
        report = pytest.TestReport(item.nodeid, item.location, {}, "passed", None, when)
        if when == "call":
            report.duration, report.sections = case.seconds, list(sections)
            if case.observed is not None:
                report.user_properties.append(("observed", case.observed))
            if case.verdict.is_wrong:
                report.outcome, report.longrepr = "failed", case.message or case.reason
            mark(report, case, strict=strict)
        yield report


def not_judged(item: pytest.Item) -> pytest.TestReport:
    """For an item that was not run, because patience was over."""
    where = str(item.path), 0, NOT_JUDGED
    return pytest.TestReport(item.nodeid, item.location, {}, "skipped", where, "setup")


def mark(report: pytest.TestReport, case: Case, *, strict: bool) -> None:
    """Let pytest see as failed what decides and does not hold.

    Args:
        strict: a SHOULD decides too.
    """
    vars(report).pop("wasxfail", None)
    reason = f"{case.verdict}: {case.reason}"
    if case.verdict is Verdict.PASS:
        report.outcome = "passed"
    elif case.verdict is Verdict.UNSUPPORTED:
        report.outcome, report.longrepr = "skipped", (report.location[0], report.location[1] or 0, reason)
    elif (
        load_spec()[case.clause].level in (("MUST", "SHOULD") if strict else ("MUST",)) or case.verdict is Verdict.ERROR
    ):
        report.longrepr = report.longrepr if report.failed else reason
        report.outcome = "failed"
    else:
        report.outcome, report.wasxfail = "skipped", reason


def _first_line(error: pytest.ExceptionInfo[BaseException]) -> str:
    text = str(error.value) if isinstance(error.value, LeftTheTest) else error.exconly()
    lines = [line.strip() for line in text.removeprefix("AssertionError: ").splitlines() if line.strip()]
    if not lines:
        return type(error.value).__name__
    lines[0] = _NO_ERROR.sub("no error was raised", lines[0])
    if lines[0].startswith(("assert False", "assert not True", "Regex pattern did not match")):  # says nothing alone
        lines[0] = " ".join(lines)
    if lines[0].startswith("assert ") and any(word in lines[0] for word in (", expected ", ", was ")):  # words, no code
        lines[0] = lines[0].removeprefix("assert ")
    return re.sub(r" at 0x[0-9a-f]+", "", lines[0])[:300]


def _plain(text: str | None) -> str | None:
    """Without what UTF-8 can't hold."""
    return None if text is None else text.encode(errors="replace").decode()
