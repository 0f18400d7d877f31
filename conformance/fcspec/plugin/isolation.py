"""Cases in forked children, several units at a time. Which cases share a child depends on nothing but the selection."""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Iterable, Iterator

import pytest

from fcspec.plugin.grouping import Cases, cases_by_child, cases_by_needs
from fcspec.plugin.items import Needs, clause_of, needs_of
from fcspec.plugin.units import Confirmation, Final, Phase, Playing, Unit
from fcspec.plugin.warmup import preload_for
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

    Attributes:
        put_back: parts of process_state that cases changed, and how often they were put back after one.
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
        self._first_limit = limit if playing.load is None else 3 * limit  # a child that imports the target first
        self._denied = tuple(denied)
        self.put_back = Counter[str]()

    def run(self, items: Iterable[pytest.Item]) -> Iterator[list[Final]]:
        """Items with their verdicts, as soon as these are final. An empty list: work goes on.

        Ends early when patience is over. A case that timed out beside others is tried once more, alone.
        """
        units = cases_by_child(items)
        preload_for([needs for needs, _ in units])
        in_brief = self._playing.brief or self._playing.exitfirst  # which confirms nothing
        whole = [
            Unit(cases, needs, self._playing, Phase.FAST, set() if in_brief else _clauses_of_this_one(units, number))
            for number, (needs, cases) in enumerate(units)
        ]
        late: list[Final] = []
        for final in self._run(whole, self._workers, self._patience):
            if self._workers > 1:
                late += [one for one in final if one[1].case.verdict is Verdict.TIMEOUT]
            yield [one for one in final if one not in late]
        yield from self._again(late)
        for unit in whole:
            self.put_back.update(unit.put_back)
        suspects = [suspect for unit in whole for suspect in unit.suspects]
        confirmed = _one_of_each_clause(suspects)
        yield [suspect for suspect in suspects if suspect not in confirmed]
        yield from self._confirm(confirmed)

    def _run(self, units: Iterable[Unit], workers: int, patience: Patience) -> Iterator[list[Final]]:
        pool = Pool(workers, self._denied)
        for unit in units:
            pool.add(Task(unit, unit.work, self._first_limit))
        with contextlib.closing(pool.run()) as events:
            for event in events:
                final = self._follow(pool, event)
                yield final
                for _, judged in final:
                    patience.count(judged.case.verdict)
                wrong = any(judged.case.verdict.is_wrong for _, judged in final)
                if patience.over or (self._playing.exitfirst and wrong):
                    return

    def _follow(self, pool: Pool, event: Answered | Ended) -> list[Final]:
        unit: Unit = event.task.key
        if isinstance(event, Answered):
            event.task.limit = self._limit
            return unit.take(event.answer)
        final = unit.end(event.outcome, self._limit if event.late else None)
        if unit.todo:
            pool.add(Task(unit, unit.work, self._first_limit), first=True)
        return final

    def _again(self, late: list[Final]) -> Iterator[list[Final]]:
        patience = Patience(self._patience.limit)
        for item, first in late:
            if self._patience.over or patience.over:
                yield [(item, first)]
            else:
                ((needs, cases),) = cases_by_child([item])
                yield from self._run([Unit(cases, needs, self._playing, Phase.CAREFUL)], 1, patience)

    def _confirm(self, suspects: list[Final]) -> Iterator[list[Final]]:
        by_item = dict(suspects)
        pool = Pool(self._workers, self._denied)
        for needs, cases in cases_by_needs(by_item):
            # In two children where that costs no second import: nothing else runs any more.
            for some in (cases[::2], cases[1::2]) if needs is Needs.TORCH else (cases,):
                if some:
                    confirmation = Confirmation([(case, by_item[case]) for case in some], needs, self._playing)
                    pool.add(Task(confirmation, confirmation.work, self._first_limit))
        for event in pool.run():
            confirmation = event.task.key
            yield confirmation.take(event.answer) if isinstance(event, Answered) else confirmation.end()


def _clauses_of_this_one(units: list[tuple[Needs, Cases]], number: int) -> set[str]:
    """Where a unit imports for itself what is slow to import: the clauses that no other unit has cases of.

    Nothing that happens in other units changes which of their cases are confirmed, so its own child can confirm them.
    """
    needs, cases = units[number]
    others = [one for n, one in enumerate(units) if n != number]
    if needs is Needs.TORCH or any(theirs is needs for theirs, _ in others):
        return set()
    return set(map(clause_of, cases)) - {clause_of(item) for _, them in others for item in them}


def _one_of_each_clause(suspects: list[Final]) -> list[Final]:
    """Cases that are cheap to run again come first: what others need would be imported for them alone."""
    found: dict[str, Final] = {}
    for suspect in sorted(suspects, key=lambda one: needs_of(one[0]) is not Needs.TORCH):
        found.setdefault(clause_of(suspect[0]), suspect)
    return [*found.values()]
