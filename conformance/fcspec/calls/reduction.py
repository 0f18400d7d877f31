"""Judges rows of features, and reduces each that breaks a law to the features that it takes."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from fcspec.calls.comparison import BrokenLaw
from fcspec.calls.features import Row, at_default, non_default
from fcspec.calls.module_drawing import Words
from fcspec.calls.plan import CallPlan
from fcspec.calls.rows import plan_of
from fcspec.calls.rules import allowed

Judge = Callable[[CallPlan], list[BrokenLaw]]


@dataclass(frozen=True)
class Finding:
    """A row that breaks a law, and no longer breaks one when a factor more is at its default.

    Attributes:
        broken: the first law that it breaks.
    """

    row: Row
    plan: CallPlan
    broken: BrokenLaw

    def explains(self, row: Row) -> bool:
        """Whether the other row has all that makes this one break its law."""
        return type(row) is type(self.row) and non_default(self.row).items() <= non_default(row).items()


class Reduction:
    """Judges rows one after the other.

    Args:
        judge: returns the laws that a plan breaks.
        limit: so many calls are judged while rows are reduced; those that fail after that say nothing.
    """

    def __init__(self, judge: Judge, words: Words, limit: int) -> None:
        self._judge, self._words, self._left = judge, words, limit
        self.findings: list[Finding] = []

    def judge_all(self, rows: Iterable[Row]) -> None:
        for row in rows:
            if self._left > 0 and not self._is_explained(row) and (found := self._judged(row)) is not None:
                self._reduce(found)

    def _is_explained(self, row: Row) -> bool:
        return any(finding.explains(row) for finding in self.findings)

    def _judged(self, row: Row) -> Finding | None:
        plan = plan_of(row, self._words)
        broken = self._judge(plan)
        return Finding(row, plan, broken[0]) if broken else None

    def _reduce(self, found: Finding) -> None:
        """Reset factors to their defaults while the row still breaks a law: many at a time first, then one after the other."""
        size = len(non_default(found.row))
        changed = True
        while size > 1 or changed:
            changed, size = False, max(1, size // 2)
            names = [*non_default(found.row)]
            for start in range(0, len(names), size):
                row = at_default(found.row, names[start : start + size])
                if not allowed(row):
                    continue
                if self._left == 0:
                    return
                self._left -= 1
                if (smaller := self._judged(row)) is not None:
                    found, changed = smaller, True
        self.findings.append(found)
