"""Random search beyond the fixed examples: plans are drawn, judged in children, shrunk, and printed as scripts.

Each topic has attempts, one after the other, each with its own child process and its own seed. An attempt looks for a clause that
earlier attempts at its topic have not found. What it finds depends on nothing but the seed.
"""

from __future__ import annotations

import collections
import os
import selectors
import time
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any

import torch

from fcspec.calls import shrinking
from fcspec.calls.attempt import HANGING, Attempt, SharedProgress
from fcspec.calls.topics import TOPICS, Topic
from fcspec.errors import UsageError, did_you_mean
from fcspec.spec import load_spec
from fcspec.target import preflight
from fcspec.workers import child as process
from fcspec.workers.child import Process

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

    def take(self, finding: Finding) -> None:
        known = self.findings.get(finding.clause)
        if known is None or finding.size < known.size:
            self.findings[finding.clause] = finding


def explore(
    address: str,
    *,
    seconds: float,
    seed: int = 0,
    workers: int = 0,
    topics: tuple[Topic, ...] = TOPICS,
    on_progress: Callable[[Search], None] = lambda _: None,
) -> Search:
    """Search for so many seconds. UsageError where the target can't be judged."""
    preflight.try_in_child(address, 10.0, process.channels())
    torch.set_num_threads(1)
    loaded = preflight.load(address)
    shrinking.preload()
    process.adopt_strays()
    topic_runs = collections.deque(_TopicRun(topic) for topic in topics)
    return _Loop(address, loaded, seed, time.monotonic() + seconds).run(
        topic_runs, workers or os.cpu_count() or 1, on_progress
    )


class _TopicRun:
    """A topic, the number of attempts at it, and the clauses that they found.

    Attributes:
        isolated: whether each call of the next attempt runs in a process of its own.
    """

    def __init__(self, topic: Topic) -> None:
        self.topic = topic
        self.attempts = 0
        self.known: set[str] = set()
        self.isolated = False


class _RunningAttempt:
    """An attempt in its child.

    Attributes:
        seen: how many examples it had judged when new_examples() was last called.
        moved: when that number last grew.
    """

    def __init__(self, topic_run: _TopicRun, attempt: Attempt) -> None:
        self.topic_run = topic_run
        self.progress = SharedProgress()
        self.child = Process(lambda output: attempt.work(output, self.progress))
        self.seen = 0
        self.moved = time.monotonic()

    def new_examples(self) -> int:
        now = self.progress.examples
        new, self.seen = now - self.seen, now
        if new:
            self.moved = time.monotonic()
        return new


class _Loop:
    def __init__(self, address: str, loaded: preflight.Loaded, seed: int, deadline: float) -> None:
        self.address, self.loaded, self.seed, self.deadline = address, loaded, seed, deadline
        self.search = Search()

    def run(
        self, topic_runs: collections.deque[_TopicRun], workers: int, on_progress: Callable[[Search], None]
    ) -> Search:
        live: list[_RunningAttempt] = []
        strays = process.children()
        try:
            while live or time.monotonic() < self.deadline:
                while len(live) < workers and topic_runs and time.monotonic() < self.deadline:
                    live.append(self._start(topic_runs.popleft()))
                ended = _wait(live, 0.1)
                for one in live:
                    self.search.examples += one.new_examples()
                for one in [one for one in live if one in ended or self._hangs(one)]:
                    live.remove(one)
                    self._end(one)
                    topic_runs.append(one.topic_run)
                process.kill_strays(strays | {one.child.pid for one in live})
                on_progress(self.search)
        finally:
            for one in live:
                one.child.end()
        return self.search

    def _start(self, topic_run: _TopicRun) -> _RunningAttempt:
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
        return _RunningAttempt(topic_run, attempt)

    def _hangs(self, one: _RunningAttempt) -> bool:
        limit = (3 if one.topic_run.isolated else 1) * HANGING  # isolated calls end by themselves after HANGING seconds
        return time.monotonic() - one.moved > limit

    def _end(self, one: _RunningAttempt) -> None:
        topic_run, outcome = one.topic_run, one.child.end()
        self.search.examples += one.new_examples()
        one.progress.close()
        for answer in one.child.answers():
            if answer.escaped is not None:
                self.search.problems.append(f"{topic_run.topic.name}: {answer.escaped[0]}\n{answer.escaped[1]}")
                break
            if isinstance(answer.value, dict):
                self._take(topic_run, answer.value)
                break
        else:
            if topic_run.isolated:  # every call already ran in its own process: the search itself failed
                self.search.problems.append(
                    f"{topic_run.topic.name}: {outcome.signal or 'no answer'} {outcome.output}".strip()
                )
            topic_run.isolated = True  # the same attempt again
            return
        topic_run.attempts += 1

    def _take(self, topic_run: _TopicRun, answer: dict[str, Any]) -> None:
        if answer["clause"] is not None:
            finding = Finding(
                answer["clause"], answer["message"], answer["script"], topic_run.topic.name, answer["reproduces"]
            )
            topic_run.known.add(finding.clause)
            self.search.take(finding)


def _wait(live: list[_RunningAttempt], seconds: float) -> list[_RunningAttempt]:
    """Listen to attempts for so many seconds, or until one ends; return those that ended."""
    ended = []
    with selectors.DefaultSelector() as selector:
        for one in live:
            for descriptor in one.child.descriptors:
                selector.register(descriptor, selectors.EVENT_READ, one)
        for key, _ in selector.select(seconds):
            if key.fd == key.data.child.pidfd:
                ended.append(key.data)
            else:
                key.data.child.listen()
    return ended


def as_text(finding: Finding, number: int) -> str:
    """A finding as the terminal shows it: a heading, and the script."""
    level = load_spec()[finding.clause].level
    note = "" if finding.reproduces else "   (the script alone does not fail: what calls before it left behind counts)"
    return f"✗ {number}. {finding.clause} · {level}   {finding.message}{note}\n\n{finding.script}"
