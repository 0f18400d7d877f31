"""Random search beyond the fixed examples: plans are drawn, judged in children, shrunk, and printed as scripts.

Each topic has attempts, one after the other, each with its own child process and its own seed. An attempt looks for a clause that
earlier attempts at its topic have not found. What it finds depends on nothing but the seed.
"""

from __future__ import annotations

import os
import time
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any

import torch

from fcspec import devices
from fcspec.calls import shrinking
from fcspec.calls.attempt import HANGING, Attempt, SharedProgress
from fcspec.calls.topics import TOPICS, Topic
from fcspec.errors import UsageError, did_you_mean
from fcspec.spec import load_spec
from fcspec.target import preflight
from fcspec.target.address import Address
from fcspec.workers.child import Answer, Outcome, Output
from fcspec.workers.pool import Answered, Pool, Task
from fcspec.workers.processes import channels

FIRST_ATTEMPT, LATER_ATTEMPTS = 30, 100
"""Examples of an attempt: few in the first one, so that every topic has one soon."""


def chosen(globs: Sequence[str]) -> tuple[Topic, ...]:
    """The topics whose names match; all of them where there is no glob. UsageError where one matches none."""
    for glob in globs:
        if not any(fnmatchcase(topic.name, glob) for topic in TOPICS):
            names = [topic.name for topic in TOPICS]
            raise UsageError(f"no topic {glob!r}{did_you_mean(glob, names)}; topics are {', '.join(names)}")
    return tuple(topic for topic in TOPICS if not globs or any(fnmatchcase(topic.name, glob) for glob in globs))


@dataclass(frozen=True)
class Finding:
    """A law that the target broke, and a script that shows it.

    Attributes:
        message: what happened.
        script: a program that fails where the target breaks the law, and passes where it does not.
        reproduces: whether it did fail, when it was tried.
    """

    clause: str
    message: str
    script: str
    topic: str
    reproduces: bool = True

    @property
    def size(self) -> tuple[int, int]:
        return self.script.count("\n"), len(self.script)


@dataclass
class Search:
    """What is known while the search runs.

    Attributes:
        examples: how many calls were judged.
        findings: the smallest one for each clause.
        problems: what went wrong in the search itself.
    """

    examples: int = 0
    findings: dict[str, Finding] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)
    interrupted: bool = False

    def take(self, finding: Finding) -> None:
        known = self.findings.get(finding.clause)
        if known is None or finding.size < known.size:
            self.findings[finding.clause] = finding


def explore(
    address: Address,
    *,
    seconds: float,
    seed: int = 0,
    workers: int | None = None,
    topics: tuple[Topic, ...] = TOPICS,
    on_progress: Callable[[Search], None] = lambda _: None,
) -> Search:
    """Search for so many seconds. UsageError where the target can't be judged."""
    os.environ.update(devices.HIDDEN)
    preflight.try_in_child(address, 10.0, channels())
    torch.set_num_threads(1)
    loaded = preflight.load(address)
    shrinking.preload()
    loop = _Loop(address, loaded, seed, time.monotonic() + seconds, on_progress)
    return loop.run(topics, workers or os.cpu_count() or 1)


class _TopicRun:
    """A topic, and its attempt that runs now or comes next.

    Attributes:
        attempts: how many there were.
        known: the clauses that they found.
        isolated: whether each call of the next attempt runs in a process of its own.
        answered: whether the attempt that runs has said what it found.
        seen: how many examples the attempt that runs had judged when it was last looked at.
        moved: when that number last grew.
    """

    def __init__(self, topic: Topic) -> None:
        self.topic = topic
        self.attempts = 0
        self.known: set[str] = set()
        self.isolated = self.answered = False
        self.progress: SharedProgress | None = None
        self.seen, self.moved = 0, 0.0

    def new_examples(self) -> int:
        now = self.progress.examples if self.progress is not None else 0
        new, self.seen = now - self.seen, now
        if new:
            self.moved = time.monotonic()
        return new


class _Loop:
    def __init__(
        self,
        address: Address,
        loaded: preflight.Loaded,
        seed: int,
        deadline: float,
        on_progress: Callable[[Search], None],
    ) -> None:
        self.address, self.loaded, self.seed, self.deadline = address, loaded, seed, deadline
        self.on_progress = on_progress
        self.search = Search()

    def run(self, topics: Sequence[Topic], workers: int) -> Search:
        pool = Pool(workers, pause=0.1)
        for topic in topics:
            pool.add(self._task(_TopicRun(topic)))
        try:
            self._follow(pool)
        except KeyboardInterrupt:
            self.search.interrupted = True
        return self.search

    def _follow(self, pool: Pool) -> None:
        for event in pool.run():
            topic_run: _TopicRun = event.task.key
            if isinstance(event, Answered):
                self._take(topic_run, event.answer)
            else:
                self._end(topic_run, event.outcome)
                pool.add(self._task(topic_run))
            if time.monotonic() > self.deadline:
                pool.drop_waiting()

    def _task(self, topic_run: _TopicRun) -> Task:
        """The next attempt at a topic. What it draws depends on the topic and on how many there were before."""

        def work(output: Output) -> Iterator[dict[str, Any]]:
            assert topic_run.progress is not None
            return attempt.work(output, topic_run.progress)

        def alive() -> float:
            self.search.examples += topic_run.new_examples()
            self.on_progress(self.search)
            return topic_run.moved

        attempt = Attempt(
            self.address,
            self.loaded,
            topic_run.topic,
            known=frozenset(topic_run.known),
            isolated=topic_run.isolated,
            seed=zlib.crc32(f"{self.seed} {topic_run.topic.name} {topic_run.attempts}".encode()),
            examples=FIRST_ATTEMPT if topic_run.attempts == 0 else LATER_ATTEMPTS,
            deadline=self.deadline,
        )
        topic_run.progress, topic_run.seen = SharedProgress(), 0
        limit = (3 if topic_run.isolated else 1) * HANGING  # isolated calls end by themselves after HANGING seconds
        return Task(topic_run, work, limit, alive)

    def _take(self, topic_run: _TopicRun, answer: Answer) -> None:
        topic_run.answered = True
        if answer.escaped is not None:
            self.search.problems.append(f"{topic_run.topic.name}: {answer.escaped[0]}\n{answer.escaped[1]}")
        elif answer.value["clause"] is not None:
            finding = Finding(**answer.value, topic=topic_run.topic.name)
            topic_run.known.add(finding.clause)
            self.search.take(finding)

    def _end(self, topic_run: _TopicRun, outcome: Outcome) -> None:
        self.search.examples += topic_run.new_examples()
        if topic_run.answered:
            topic_run.attempts, topic_run.answered = topic_run.attempts + 1, False
            return
        if topic_run.isolated:  # every call already ran in its own process: the search itself failed
            why = f"{outcome.signal or 'no answer'} {outcome.output}".strip()
            self.search.problems.append(f"{topic_run.topic.name}: {why}")
        topic_run.isolated = True  # the same attempt again


def as_text(finding: Finding, number: int) -> str:
    """A finding as the terminal shows it: a heading, and the script."""
    level = load_spec()[finding.clause].level
    note = "" if finding.reproduces else "   (the script alone does not fail: what calls before it left behind counts)"
    return f"✗ {number}. {finding.clause} · {level}   {finding.message}{note}\n\n{finding.script}"
