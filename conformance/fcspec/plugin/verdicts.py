"""From what happened to an item of pytest to the verdict of a case."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from fcspec.errors import LeftTheTest, Unsupported, in_words
from fcspec.plugin.items import case_id, clause_of
from fcspec.report.model import Case, capped
from fcspec.spec import load_spec

if TYPE_CHECKING:
    from fcspec.plugin.isolation import Ended
    from fcspec.target.boundary import Boundary


def of_report(report: pytest.TestReport, call: pytest.CallInfo[None], boundary: Boundary, item: pytest.Item) -> Case:
    """The verdict of a test whose body ran to its end, or to an exception."""
    verdict, reason = "pass", None
    if boundary.evasion is not None:
        verdict, reason = "evaded", boundary.evasion
    elif call.excinfo is not None and isinstance(call.excinfo.value, Unsupported):
        verdict, reason = "unsupported", str(call.excinfo.value)
    elif report.skipped:
        # No case skips; the target found another way to say so, such as a handler of a signal.
        verdict, reason = "evaded" if boundary.called else "error", f"the case was skipped: {report.longreprtext}"
    elif report.failed and call.excinfo is not None:
        verdict = "exit" if isinstance(call.excinfo.value, SystemExit) else "fail"
        reason = _first_line(call.excinfo)
    return Case(
        id=case_id(item),
        clause=clause_of(item),
        verdict=verdict,
        reason=_plain(reason),
        seconds=round(report.duration, 3),
        stimulus=_plain(boundary.stimulus) if verdict != "pass" else None,
        message=_plain(capped(report.longreprtext)) if report.failed else None,
        observed=dict(item.user_properties).get("observed"),  # type: ignore[arg-type]
    )


def of_broken(report: pytest.TestReport, call: pytest.CallInfo[None], boundary: Boundary, item: pytest.Item) -> Case:
    """The verdict of a test whose setup or teardown failed: after a call that may be its doing, before it is ours."""
    if call.excinfo is not None and isinstance(call.excinfo.value, Unsupported) and not boundary.called:
        return Case(case_id(item), clause_of(item), "unsupported", str(call.excinfo.value))
    reason = f"{call.when}: {in_words(call.excinfo.value) if call.excinfo else ''}"
    verdict = "fail" if boundary.called else "error"
    return Case(case_id(item), clause_of(item), verdict, reason, message=_plain(capped(report.longreprtext)))


def of_dead(item: pytest.Item, ended: Ended) -> tuple[pytest.TestReport, Case]:
    """A report and the verdict for a child that ended without its own reports."""
    assert ended.verdict is not None
    text = f"{ended.verdict}: {ended.reason}\n{ended.output}".encode(errors="replace").decode()
    report = pytest.TestReport(
        nodeid=item.nodeid,
        location=item.location,
        keywords={},
        outcome="failed",
        longrepr=text,
        when="call",
        duration=ended.seconds,
        user_properties=list(item.user_properties),
    )
    seconds = round(ended.seconds, 3)
    return report, Case(case_id(item), clause_of(item), ended.verdict, ended.reason, seconds, message=capped(text))


def not_judged(item: pytest.Item) -> pytest.TestReport:
    """For an item that was not run, because patience was over."""
    where = str(item.path), 0, NOT_JUDGED
    return pytest.TestReport(item.nodeid, item.location, {}, "skipped", where, "setup")


NOT_JUDGED = "not judged: too many timeouts in a row (--fcspec-patience)"


def mark(report: pytest.TestReport, case: Case, *, strict: bool) -> None:
    """Write a verdict on pytest's report, and let pytest see as failed what decides and does not hold.

    Args:
        strict: a SHOULD decides too.
    """
    report.fcspec = case.as_dict()  # type: ignore[attr-defined]
    vars(report).pop("wasxfail", None)
    reason = f"{case.verdict}: {case.reason}"
    if case.verdict == "pass":
        report.outcome = "passed"
    elif case.verdict == "unsupported":
        report.outcome, report.longrepr = "skipped", (report.location[0], report.location[1] or 0, reason)
    elif load_spec()[case.clause].level in (("MUST", "SHOULD") if strict else ("MUST",)) or case.verdict == "error":
        report.longrepr = report.longrepr if report.failed else reason
        report.outcome = "failed"
    else:
        report.outcome, report.wasxfail = "skipped", reason


def _first_line(error: pytest.ExceptionInfo[BaseException]) -> str:
    text = str(error.value) if isinstance(error.value, LeftTheTest) else error.exconly()
    lines = [line.strip() for line in text.removeprefix("AssertionError: ").splitlines() if line.strip()]
    if not lines:
        return type(error.value).__name__
    if lines[0].startswith(("assert False", "assert not True", "Regex pattern did not match")):  # says nothing alone
        lines[0] = re.sub(r" at 0x[0-9a-f]+", "", " ".join(lines))
    return lines[0][:300]


def _plain(text: str | None) -> str | None:
    """Without what UTF-8 can't hold."""
    return None if text is None else text.encode(errors="replace").decode()
