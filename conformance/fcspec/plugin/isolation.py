"""Cases in forked children, several units at a time. Which cases share a child depends on nothing but the selection."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator

import pytest

from fcspec.plugin.units import Final, Phase, Playing, Unit
from fcspec.plugin.warmup import by_unit, preload_for
from fcspec.report.verdict import Verdict
from fcspec.workers.pool import Answered, Ended, Pool, Task


class Patience:
    """Counts timeouts in a row, over all cases of a run.

    Args:
        limit: so many end the run; 0: none do.
    """

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self._in_a_row = 0

    def count(self, verdict: Verdict) -> None:
        self._in_a_row = self._in_a_row + 1 if verdict is Verdict.TIMEOUT else 0

    @property
    def over(self) -> bool:
        return 0 < self.limit <= self._in_a_row


class Isolation:
    """Runs cases in children.

    Args:
        workers: so many children at a time.
        limit: seconds for one case.
        denied: descriptors of this process that no child may have.
    """

    def __init__(
        self,
        playing: Playing,
        *,
        workers: int,
        limit: float,
        patience: Patience,
        denied: Iterable[int] = (),
    ) -> None:
        self._playing, self._workers, self._limit, self._patience = playing, workers, limit, patience
        self._denied = tuple(denied)

    def run(self, items: Iterable[pytest.Item]) -> Iterator[Final | None]:
        """Items with their verdicts, once they are final; None: work goes on, and no verdict is final yet.

        Ends early when patience is over. A case that timed out beside others is tried once more, alone.
        """
        units = by_unit(items)
        preload_for(units)
        late: list[Final] = []
        fast = [Unit(cases, needs, self._playing, Phase.FAST) for needs, cases in units]
        for final in self._run(fast, self._workers, self._patience):
            if final is not None and final[1].case.verdict is Verdict.TIMEOUT and self._workers > 1:
                late.append(final)
                yield None
            else:
                yield final
        yield from self._again(late)

    def _again(self, late: list[Final]) -> Iterator[Final | None]:
        patience = Patience(self._patience.limit)
        for item, first in late:
            if self._patience.over or patience.over:
                yield item, first
            else:
                ((needs, cases),) = by_unit([item])
                alone = Unit(cases, needs, self._playing, Phase.CAREFUL)
                yield from self._run([alone], 1, patience)

    def _run(self, units: Iterable[Unit], workers: int, patience: Patience) -> Iterator[Final | None]:
        pool = Pool(workers, self._denied)
        for unit in units:
            pool.add(Task(unit, unit.work, self._limit))
        with contextlib.closing(pool.run()) as events:
            yield from self._follow(pool, events, patience)

    def _follow(self, pool: Pool, events: Iterable[Answered | Ended], patience: Patience) -> Iterator[Final | None]:
        for event in events:
            unit: Unit = event.task.key
            if isinstance(event, Answered):
                final = unit.take(event.answer)
            else:
                final = unit.end(event.outcome, self._limit if event.late else None)
                if unit.todo:
                    pool.add(Task(unit, unit.work, self._limit), first=True)
            for item, judged in final:
                patience.count(judged.case.verdict)
                yield item, judged
                if patience.over or (self._playing.exitfirst and judged.case.verdict.is_wrong):
                    return
            if not final:
                yield None
