"""Clauses that do not hold for the same cause, put together."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from fcspec.report.model import ClauseResult
from fcspec.report.order import in_order
from fcspec.report.trace import actual, trace_of
from fcspec.report.verdict import Verdict
from fcspec.spec import Spec

_VARIES = (
    (re.compile(r"'[^']*'|\"[^\"]*\""), "''"),
    (re.compile(r"[\w.<>]+\(\)"), "()"),
    (re.compile(r"0x[0-9a-f]+|\d+"), "0"),
)
"""What differs between messages that say the same: names, functions, numbers."""


@dataclass(frozen=True)
class Cause:
    """
    Attributes:
        words: what happened, in a line.
        results: what does not hold for it, the first to mend first.
    """

    words: str
    results: tuple[ClauseResult, ...]


def causes(results: Iterable[ClauseResult], spec: Spec, address: str, draft: str | None = None) -> list[Cause]:
    """Causes in the order in which they are mended.

    Args:
        address: of the target.
        draft: how the target fails where it is called at all; nothing else is worth telling apart then.
    """
    ordered = in_order(results, spec)
    if draft is not None:
        return [Cause(draft, tuple(ordered))] if ordered else []
    found: dict[tuple[str, ...], list[ClauseResult]] = {}
    for result in ordered:
        found.setdefault(_key(result, address), []).append(result)
    return [Cause(_in_words(alike), tuple(alike)) for alike in found.values()]


def _key(result: ClauseResult, address: str) -> tuple[str, ...]:
    case = result.plainest
    if case is None or result.verdict is Verdict.ERROR:
        return (result.clause,)
    trace = trace_of(case, address)
    if result.verdict is Verdict.FAIL and (trace.is_of_test or not trace.raised):
        return (result.clause,)  # what a test found is about its own clause
    text = actual(case, trace.raised).partition("\n")[0]
    for pattern, instead in _VARIES:
        text = pattern.sub(instead, text)
    place = trace.own[0].place if trace.own else ""
    return str(result.verdict), place, text


def _in_words(alike: Sequence[ClauseResult]) -> str:
    reasons = [case.reason for one in alike if (case := one.plainest) is not None and case.reason]
    reason = min(reasons, key=len, default="not judged")
    return reason if alike[0].verdict is Verdict.FAIL else f"{alike[0].verdict}: {reason}"
