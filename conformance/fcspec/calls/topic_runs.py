"""What `fcspec explore` has done about each topic, and does next: attempts, one after the other, each in a child of its own.

What an attempt draws depends on the seed, the topic and how many there were before, and not on the time.
"""

from __future__ import annotations

import time
import zlib
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from fcspec.calls.attempt import HANGING, Attempt, SharedProgress
from fcspec.calls.features import Row
from fcspec.calls.kept import Kept
from fcspec.calls.row_attempt import Confirmation, RowAttempt
from fcspec.calls.row_topics import RowTopic
from fcspec.calls.topics import TOPICS, Topic
from fcspec.target import preflight
from fcspec.target.address import Address
from fcspec.workers.child import Outcome, Output
from fcspec.workers.pool import Task

FIRST_ATTEMPT, LATER_ATTEMPTS = 30, 100
"""Examples of an attempt at a topic that hypothesis draws: few in the first one, so that every topic has one soon."""

_APART = 0.005
"""Topics that hypothesis draws begin apart, in seconds of their share, so that rows come in between."""

_SHARE_OF_ROWS = 8
"""So many times as much time as a topic that hypothesis draws has one of rows."""


@dataclass(frozen=True)
class Finding:
    """A law that the target broke, and a script that shows it.

    Attributes:
        message: what happened.
        script: a program that fails where the target breaks the law, and passes where it does not.
        reproduces: whether it did fail, when it was tried.
        kept: the call, for a database; None: it can't be made again by itself.
        is_kept: it was there already.
    """

    clause: str
    message: str
    script: str
    topic: str
    reproduces: bool = True
    kept: Kept | None = None
    is_kept: bool = False

    @property
    def size(self) -> tuple[int, int]:
        return self.script.count("\n"), len(self.script)


@dataclass(frozen=True)
class Under:
    """What is searched, and how long.

    Attributes:
        deadline: on time.monotonic(), when to stop drawing.
    """

    address: Address
    loaded: preflight.Loaded
    seed: int
    deadline: float


Work = Callable[[Output, SharedProgress], Iterator[dict[str, Any]]]


class TopicRun(ABC):
    """A topic, and its attempt that runs now or comes next.

    Attributes:
        known: the clauses that were found.
        isolated: whether each call of the next attempt runs in a process of its own.
        answer: what the attempt that runs has said.
        seconds: how long its attempts took.
        kept: calls of earlier searches, which are made before any other one.
        gone: those of them that break no law any more.
    """

    share = 1

    def __init__(self, topic: Topic | RowTopic, under: Under) -> None:
        self.name, self._under = topic.name, under
        self.known: set[str] = set()
        self.kept: list[Kept] = []
        self.gone: list[Kept] = []
        self._again: Kept | None = None
        self.isolated = False
        self.answer: dict[str, Any] | None = None
        self.seconds = 0.0
        self._progress, self._seen, self._moved, self._began = SharedProgress(), 0, 0.0, 0.0

    @property
    def turn(self) -> float:
        """The least comes next."""
        return -1.0 if self.kept else self.seconds / self.share

    def new_examples(self) -> int:
        """How many calls were judged since this was last asked."""
        now = self._progress.examples
        new, self._seen = now - self._seen, now
        if new:
            self._moved = time.monotonic()
        return new

    def task(self, alive: Callable[[], None]) -> Task:
        """The next attempt. `alive` is called now and then while it runs."""
        self._progress.close()
        progress = self._progress = SharedProgress()
        self._seen, self._began, self.answer = 0, time.monotonic(), None
        self.kept = [one for one in self.kept if one.clause not in self.known]
        self._again = self.kept.pop(0) if self.kept else None
        attempt = self._attempt()

        def moved() -> float:
            alive()
            return self._moved

        limit = (3 if self._in_processes else 1) * HANGING  # isolated calls end by themselves after HANGING seconds
        return Task(self, lambda output: attempt(output, progress), limit, moved)

    def end(self, outcome: Outcome) -> tuple[list[Finding], str | None]:
        """The attempt is over: what it found, and what went wrong in the search itself."""
        self.seconds += time.monotonic() - self._began
        in_processes, again, self._again = self._in_processes, self._again, None
        if self.answer is not None:
            return self._take(self.answer) if again is None else self._take_again(self.answer, again), None
        if in_processes:  # every call already ran in its own process: the search itself failed
            problem = f"{self.name}: {outcome.signal or 'no answer'} {outcome.output}".strip()
            if again is None:
                self._isolate()
            return [], problem
        if again is not None:
            self.kept.insert(0, again)
        self._isolate()
        return [], None

    @property
    def _in_processes(self) -> bool:
        return self.isolated

    def _isolate(self) -> None:
        """The same attempt again."""
        self.isolated = True

    def _finding(self, answer: dict[str, Any]) -> Finding:
        said = {key: value for key, value in answer.items() if key not in ("at", "kept")}
        kept = Kept(self.name, answer["clause"], **answer["kept"]) if "kept" in answer else None
        self.known.add(answer["clause"])
        return Finding(**said, topic=self.name, kept=kept)

    def _take_again(self, answer: dict[str, Any], again: Kept) -> list[Finding]:
        if answer["clause"] is not None:
            return [replace(self._finding(answer), is_kept=True)]
        if time.monotonic() < self._under.deadline:  # behind it, no call is made
            self.gone.append(again)
        return []

    @abstractmethod
    def _attempt(self) -> Work: ...

    @abstractmethod
    def _take(self, answer: dict[str, Any]) -> list[Finding]: ...


class DrawnRun(TopicRun):
    """Of a topic whose plans hypothesis draws."""

    def __init__(self, topic: Topic, under: Under) -> None:
        super().__init__(topic, under)
        self._topic, self._attempts = topic, 0
        self.seconds = _APART * TOPICS.index(topic)

    def _attempt(self) -> Work:
        under = self._under
        return Attempt(
            under.address,
            under.loaded,
            self._topic,
            known=frozenset(self.known),
            isolated=self.isolated,
            seed=zlib.crc32(f"{under.seed} {self.name} {self._attempts}".encode()),
            examples=FIRST_ATTEMPT if self._attempts == 0 else LATER_ATTEMPTS,
            deadline=under.deadline,
            again=bytes.fromhex(self._again.choices) if self._again is not None else b"",
        ).work

    def _take(self, answer: dict[str, Any]) -> list[Finding]:
        self._attempts += 1
        return [] if answer["clause"] is None else [self._finding(answer)]


class RowRun(TopicRun):
    """Of a topic of rows: a batch, and a confirmation of each row of it that breaks a law."""

    share = _SHARE_OF_ROWS

    def __init__(self, topic: RowTopic, under: Under) -> None:
        super().__init__(topic, under)
        self._topic, self._batches, self._start = topic, 0, 0
        self._rows: list[Row] = []
        self._suspect: dict[str, Any] | None = None

    @property
    def turn(self) -> float:
        return super().turn if self._suspect is None else -1.0

    @property
    def _in_processes(self) -> bool:
        return self.isolated or self._suspect is not None or self._again is not None

    def _attempt(self) -> Work:
        under, known = self._under, frozenset(self.known)
        row = self._again.row() if self._again is not None else None
        if row is not None:
            return Confirmation(under.address, under.loaded, row, known).work
        if self._suspect is not None:
            return Confirmation(under.address, under.loaded, self._rows[self._start], known).work
        if not self._rows:
            self._rows = self._topic.batch(under.seed, self._batches)
        return RowAttempt(
            under.address, under.loaded, self._rows, self._start, known, self.isolated, under.deadline
        ).work

    def _take(self, answer: dict[str, Any]) -> list[Finding]:
        if self._suspect is not None:
            suspect, self._suspect = self._suspect, None
            return [self._finding(suspect if answer["clause"] is None else answer)]
        if answer["at"] is None:
            self._rows, self._start, self._batches = [], 0, self._batches + 1
            return []
        self._start, self._suspect = answer["at"], answer
        return []

    def _isolate(self) -> None:
        if self._suspect is not None:  # what was met is what there is
            self._suspect, self._start = None, self._start + 1
        super()._isolate()


def run_of(topic: Topic | RowTopic, under: Under) -> TopicRun:
    return RowRun(topic, under) if isinstance(topic, RowTopic) else DrawnRun(topic, under)
