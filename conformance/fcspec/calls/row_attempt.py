"""Rows of features judged one after the other, and one of them again in processes of its own. Both run in a child process."""

from __future__ import annotations

import gc
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from fcspec.calls.attempt import (
    SharedProgress,
    answer_of,
    boundary_around,
    broken_laws_isolated,
    broken_laws_watched,
)
from fcspec.calls.comparison import BrokenLaw
from fcspec.calls.features import Row
from fcspec.calls.module_drawing import Words
from fcspec.calls.plan import CallPlan
from fcspec.calls.reduction import Reduction
from fcspec.calls.rows import plan_of
from fcspec.calls.smaller import smallest
from fcspec.target import preflight
from fcspec.target.address import Address
from fcspec.workers.child import Output, use_output

_REDUCING = 400
"""So many calls are made while a row is reduced."""


@dataclass(frozen=True)
class RowAttempt:
    """Looks for a row that breaks a law which is not known.

    Attributes:
        start: the first row to judge.
        known: clauses that were found; they are not looked for.
        isolated: whether each call runs in a process of its own.
        deadline: on time.monotonic(), when to stop.
    """

    address: Address
    loaded: preflight.Loaded
    rows: Sequence[Row]
    start: int
    known: frozenset[str]
    isolated: bool
    deadline: float

    def work(self, output: Output, progress: SharedProgress) -> Iterator[dict[str, Any]]:
        """What the child does; its one answer is the first such row, as it was met."""
        use_output(output)
        gc.freeze()
        boundary = boundary_around(self.loaded)
        judge = broken_laws_isolated if self.isolated else broken_laws_watched
        for at in range(self.start, len(self.rows)):
            if time.monotonic() > self.deadline:
                break
            progress.write(at - self.start + 1)
            plan = plan_of(self.rows[at])
            for broken in judge(plan, boundary):
                if broken.clause not in self.known:
                    yield {"at": at, **answer_of(plan, broken, self.address, reproduces=False)}
                    return
        yield {"at": None}


@dataclass(frozen=True)
class Confirmation:
    """Judges a row again, and reduces it where it breaks a law which is not known; each call in a process of its own.

    What calls before it left behind has no part in that.
    """

    address: Address
    loaded: preflight.Loaded
    row: Row
    known: frozenset[str]

    def work(self, output: Output, progress: SharedProgress) -> Iterator[dict[str, Any]]:
        """What the child does; its one answer is the reduced row's."""
        use_output(output)
        gc.freeze()
        boundary = boundary_around(self.loaded)
        judged = 0

        def unknown(plan: CallPlan) -> list[BrokenLaw]:
            nonlocal judged
            judged += 1
            progress.write(judged)
            return [broken for broken in broken_laws_isolated(plan, boundary) if broken.clause not in self.known]

        reduction = Reduction(unknown, Words(), _REDUCING)
        reduction.judge_all([self.row])
        if not reduction.findings:
            yield {"clause": None}
            return
        finding = reduction.findings[0]
        yield answer_of(*smallest(finding.plan, finding.broken, unknown), self.address)
