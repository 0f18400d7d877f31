"""Rows of features judged one after the other, and one of them again in processes of its own. Both run in a child process."""

from __future__ import annotations

import gc
import pickle
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from fcspec.calls.attempt import (
    HANGING,
    SharedProgress,
    answer_of,
    boundary_around,
    broken_laws_isolated,
    broken_laws_watched,
)
from fcspec.calls.comparison import BrokenLaw
from fcspec.calls.features import Row
from fcspec.calls.kept import features_of
from fcspec.calls.module_drawing import Words
from fcspec.calls.plan import CallPlan
from fcspec.calls.reduction import Judge, Reduction
from fcspec.calls.rows import plan_of
from fcspec.calls.smaller import smallest
from fcspec.target import preflight
from fcspec.target.address import Address
from fcspec.target.boundary import Boundary
from fcspec.workers.child import Child, Output, use_output

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


Found = tuple[CallPlan, BrokenLaw, Row]


@dataclass(frozen=True)
class Confirmation:
    """Judges a row again, and reduces it where it breaks a law which is not known.

    What calls before it left behind has no part in that: it is reduced in a process that has made no call, and what comes of that
    is judged in another one. Where it breaks no law there, each call of the reduction has a process of its own.
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
        found = self._reduced_in_child(boundary, progress)
        if found is None or not self._unknown(broken_laws_isolated(found[0], boundary)):
            found = self._reduced(lambda plan: broken_laws_isolated(plan, boundary), progress)
        if found is None:
            yield {"clause": None}
        else:
            plan, broken, row = found
            yield {**answer_of(plan, broken, self.address), "kept": features_of(row)}

    def _unknown(self, laws: list[BrokenLaw]) -> list[BrokenLaw]:
        return [broken for broken in laws if broken.clause not in self.known]

    def _reduced(self, judge: Judge, progress: SharedProgress) -> Found | None:
        judged = 0

        def unknown(plan: CallPlan) -> list[BrokenLaw]:
            nonlocal judged
            judged += 1
            progress.write(judged)
            return self._unknown(judge(plan))

        reduction = Reduction(unknown, Words(), _REDUCING)
        reduction.judge_all([self.row])
        found = reduction.findings[0] if reduction.findings else None
        return None if found is None else (*smallest(found.plan, found.broken, unknown), found.row)

    def _reduced_in_child(self, boundary: Boundary, progress: SharedProgress) -> Found | None:
        """None where the child does not come back, too."""

        def work(_: Any) -> list[str]:
            return [pickle.dumps(self._reduced(lambda plan: broken_laws_watched(plan, boundary), progress)).hex()]

        child = Child(work)
        child.wait(HANGING)
        child.end()
        for answer in child.answers():
            if answer.escaped is None:
                found: Found | None = pickle.loads(bytes.fromhex(answer.value))
                return found
        return None
