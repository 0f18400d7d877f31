"""Tasks in forked children, several at a time, each with a clock."""

from __future__ import annotations

import collections
import contextlib
import selectors
import time
from collections.abc import Callable, Generator, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from fcspec.workers.child import Answer, Child, Outcome, Work
from fcspec.workers.processes import adopt_strays, children, kill_strays

_PATIENCE_WITH_STARVED = 5
"""So many times its limit may pass for a child that waits for a processor; that wait does not count otherwise."""


@dataclass(eq=False)
class Task:
    """Work for one child.

    Attributes:
        key: what the caller knows it by.
        limit: seconds that may pass without an answer. It may be changed while the task runs.
        alive: gives the time on time.monotonic() of the last sign of life that is no answer.
        limited: whether memory and files of the child are bounded.
    """

    key: Any
    work: Work
    limit: float
    alive: Callable[[], float] | None = None
    limited: bool = True


@dataclass(frozen=True)
class Answered:
    """A piece of a task's work is done."""

    task: Task
    answer: Answer


@dataclass(frozen=True)
class Ended:
    """The child of a task ended, or was killed because its clock ran out (`late`)."""

    task: Task
    outcome: Outcome
    late: bool


class Pool:
    """Runs tasks in children, `workers` at a time, in the order in which they were added.

    Args:
        denied: descriptors of this process that no child may have.
        pause: the longest time, in seconds, between two looks at the clocks; None: as long as the clocks allow.
    """

    def __init__(self, workers: int, denied: Iterable[int] = (), pause: float | None = None) -> None:
        self._workers = workers
        self._denied = tuple(denied)
        self._pause = pause
        self._waiting: collections.deque[Task] = collections.deque()
        self._running: dict[Task, Child] = {}
        self._selector = selectors.DefaultSelector()
        adopt_strays()
        self._others = children()

    def add(self, task: Task, *, first: bool = False) -> None:
        """Queue a task; `first`: before all that wait. The consumer of `run` may do so, too."""
        (self._waiting.appendleft if first else self._waiting.append)(task)

    def run(self) -> Generator[Answered | Ended, None, None]:
        """What happens, until no task is left. Whoever stops iterating kills the children that still run."""
        with contextlib.closing(self._selector):
            try:
                while self._waiting or self._running:
                    self._start()
                    yield from self._step()
            finally:
                for child in self._running.values():
                    child.end()
                self._running.clear()

    def drop_waiting(self) -> None:
        """Forget every task that has not begun."""
        self._waiting.clear()

    def _start(self) -> None:
        while self._waiting and len(self._running) < self._workers:
            task = self._waiting.popleft()
            siblings = (descriptor for child in self._running.values() for descriptor in child.descriptors)
            child = Child(task.work, (*self._denied, self._selector.fileno(), *siblings), limited=task.limited)
            self._running[task] = child
            for descriptor in child.descriptors:
                self._selector.register(descriptor, selectors.EVENT_READ, task)

    def _step(self) -> Iterator[Answered | Ended]:
        ended = []
        for key, _ in self._selector.select(self._time_left()):
            child = self._running[key.data]
            if key.fd == child.pidfd:
                ended.append(key.data)
            elif not child.listen():
                self._selector.unregister(key.fd)  # the end of the channel is not yet the end of the process
        for task, child in [*self._running.items()]:
            for answer in child.answers():
                yield Answered(task, answer)
        late = [task for task in self._running if task not in ended and self._deadline(task) <= time.monotonic()]
        for task in (*ended, *late):
            yield from self._end(task, late=task in late)
        if ended or late:
            kill_strays(self._others | {child.pid for child in self._running.values()})

    def _end(self, task: Task, *, late: bool) -> Iterator[Answered | Ended]:
        child = self._running.pop(task)
        for descriptor in child.descriptors:
            if descriptor in self._selector.get_map():
                self._selector.unregister(descriptor)
        outcome = child.end()
        for answer in child.answers():
            yield Answered(task, answer)
        yield Ended(task, outcome, late)

    def _deadline(self, task: Task) -> float:
        child, alive = self._running[task], task.alive() if task.alive is not None else 0.0
        deadline = max(child.clock, alive) + task.limit
        if deadline > time.monotonic():
            return deadline
        return deadline + min(child.starved, (_PATIENCE_WITH_STARVED - 1) * task.limit)

    def _time_left(self) -> float:
        left = max(0.0, min(map(self._deadline, self._running)) - time.monotonic())
        return left if self._pause is None else min(left, self._pause)
