"""Clauses that do not hold for the same cause, put together."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from fcspec.report.model import ClauseResult
from fcspec.report.order import in_order
from fcspec.report.roots import ROOTS, symptom_of
from fcspec.report.trace import actual, trace_of
from fcspec.report.verdict import Verdict
from fcspec.spec import LEVELS, Spec

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

    @property
    def levels(self) -> str:
        """As in "3 MUST, 1 SHOULD"; of one law its level."""
        if len(self.results) == 1:
            return self.results[0].level
        numbers = {level: sum(one.level == level for one in self.results) for level in LEVELS}
        return ", ".join(f"{number} {level}" for level, number in numbers.items() if number)

    @property
    def count(self) -> str:
        several = len(self.results) > 1
        return f"{len(self.results)} laws ({self.levels})" if several else f"1 law (1 {self.levels})"


def causes(results: Iterable[ClauseResult], spec: Spec, address: str, draft: str | None = None) -> list[Cause]:
    """Causes in the order in which they are mended.

    Args:
        address: of the target.
        draft: how the target fails where it is called at all; nothing else is worth telling apart then.
    """
    ordered = in_order(results, spec)
    if draft is not None:
        return [Cause(draft, tuple(ordered))] if ordered else []
    left, found = _by_root(ordered, address)
    alike: dict[tuple[str, ...], list[ClauseResult]] = {}
    for result in left:
        alike.setdefault(_key(result, address), []).append(result)
    found += [Cause(_in_words(several), tuple(several)) for several in alike.values()]
    return sorted(found, key=lambda cause: ordered.index(cause.results[0]))


def _by_root(ordered: Sequence[ClauseResult], address: str) -> tuple[list[ClauseResult], list[Cause]]:
    """What no basic law explains, and a cause for each basic law that explains others."""
    left, found = [*ordered], []
    for root in ROOTS:
        symptoms = {one.clause: symptom for one in left if (symptom := symptom_of(one, address)) is not None}
        basic = root.found([*symptoms.values()])
        explained = [one for one in left if one.clause in symptoms and root.explains(symptoms[one.clause])]
        if basic is not None and len(explained) > 1:
            explained.sort(key=lambda one: one.clause != basic)
            found.append(Cause(root.words, tuple(explained)))
            left = [one for one in left if one not in explained]
    return left, found


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
