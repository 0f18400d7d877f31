"""Random search beyond the fixed examples: plans are drawn, judged in children, shrunk, and printed as scripts.

Each topic has attempts, one after the other, each with its own child process and its own seed. An attempt looks for a clause that
earlier attempts at its topic have not found. What it finds depends on nothing but the seed. topic_runs.py has the attempts.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase

import torch

from fcspec import devices
from fcspec.calls import shrinking
from fcspec.calls.kept import Database, Kept
from fcspec.calls.row_topics import ROW_TOPICS, RowTopic
from fcspec.calls.topic_runs import Finding, TopicRun, Under, run_of
from fcspec.calls.topics import TOPICS, Topic
from fcspec.errors import UsageError, did_you_mean, in_words
from fcspec.spec import load_spec
from fcspec.target import preflight
from fcspec.target.address import Address
from fcspec.workers.child import Answer, Outcome
from fcspec.workers.pool import Answered, Pool, Task
from fcspec.workers.processes import channels

AnyTopic = RowTopic | Topic

ALL_TOPICS: tuple[AnyTopic, ...] = (*ROW_TOPICS, *TOPICS)


def chosen(globs: Sequence[str]) -> tuple[AnyTopic, ...]:
    """The topics whose names match; all of them where there is no glob. UsageError where one matches none."""
    for glob in globs:
        if not any(fnmatchcase(topic.name, glob) for topic in ALL_TOPICS):
            names = [topic.name for topic in ALL_TOPICS]
            several = "; --topic takes one, and may be given again" if "," in glob else did_you_mean(glob, names)
            raise UsageError(f"no topic {glob!r}{several}; there are {', '.join(map(repr, names))}")
    return tuple(topic for topic in ALL_TOPICS if not globs or any(fnmatchcase(topic.name, glob) for glob in globs))


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

    @property
    def again(self) -> int:
        """How many of the findings the database had."""
        return sum(finding.is_kept for finding in self.findings.values())

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
    topics: tuple[AnyTopic, ...] = ALL_TOPICS,
    maxfail: int | None = None,
    database: Database | None = None,
    on_progress: Callable[[Search], None] = lambda _: None,
) -> Search:
    """Search for so many seconds, or until `maxfail` clauses are found. UsageError where the target can't be judged.

    Args:
        database: what it holds is tried first, and what is found is kept there.
    """
    os.environ.update(devices.HIDDEN)
    first = preflight.try_in_child(address, 10.0, channels())
    if first.draft is not None:
        raise UsageError(first.draft)
    torch.set_num_threads(1)
    loaded = preflight.load(address)
    shrinking.preload()
    under = Under(address, loaded, seed, time.monotonic() + seconds)
    runs = [run_of(topic, under) for topic in topics]
    for one in database.kept() if database is not None else ():
        for topic_run, topic in zip(runs, topics, strict=True):
            if topic.name == one.topic and isinstance(topic, RowTopic) is not bool(one.choices):
                topic_run.kept.append(one)
    return _Loop(runs, under, maxfail, database, on_progress).run(workers or os.cpu_count() or 1)


class _Loop:
    """Gives each topic its share of time: the one that has had the least comes next."""

    def __init__(
        self,
        waiting: list[TopicRun],
        under: Under,
        maxfail: int | None,
        database: Database | None,
        on_progress: Callable[[Search], None],
    ) -> None:
        self._waiting, self._under, self._maxfail, self._on_progress = waiting, under, maxfail, on_progress
        self._database = database
        self.search = Search()

    def run(self, workers: int) -> Search:
        pool = Pool(workers, pause=0.1)
        for _ in range(min(workers, len(self._waiting))):
            pool.add(self._next_task())
        try:
            self._follow(pool)
        except KeyboardInterrupt:
            self.search.interrupted = True
        return self.search

    def _follow(self, pool: Pool) -> None:
        for event in pool.run():
            topic_run: TopicRun = event.task.key
            if isinstance(event, Answered):
                self._note(topic_run, event.answer)
                continue
            self._end(topic_run, event.outcome)
            if self._maxfail is not None and len(self.search.findings) >= self._maxfail:
                return
            if time.monotonic() < self._under.deadline:
                pool.add(self._next_task())

    def _next_task(self) -> Task:
        topic_run = min(self._waiting, key=lambda one: one.turn)
        self._waiting.remove(topic_run)

        def alive() -> None:
            self.search.examples += topic_run.new_examples()
            self._on_progress(self.search)

        return topic_run.task(alive)

    def _note(self, topic_run: TopicRun, answer: Answer) -> None:
        if answer.escaped is None:
            topic_run.answer = answer.value
        else:
            self.search.problems.append(f"{topic_run.name}: {answer.escaped[0]}\n{answer.escaped[1]}")

    def _end(self, topic_run: TopicRun, outcome: Outcome) -> None:
        self.search.examples += topic_run.new_examples()
        findings, problem = topic_run.end(outcome)
        for finding in findings:
            self.search.take(finding)
        if problem is not None:
            self.search.problems.append(problem)
        self._keep(findings, topic_run.gone)
        topic_run.gone = []
        self._waiting.append(topic_run)

    def _keep(self, findings: Sequence[Finding], gone: Sequence[Kept]) -> None:
        """In the database, at once: other machines may search, too."""
        if self._database is None:
            return
        try:
            for finding in findings:
                if finding.kept is not None:
                    self._database.keep(finding.kept)
            for one in gone:
                self._database.drop(one)
        except Exception as error:
            self.search.problems.append(f"nothing is kept any more: {in_words(error)}")
            self._database = None


def as_text(finding: Finding, number: int) -> str:
    """A finding as the terminal shows it: a heading, and the script."""
    level = load_spec()[finding.clause].level
    note = "" if finding.reproduces else "   (the script alone does not fail: what calls before it left behind counts)"
    return f"✗ {number}. {finding.clause} · {level}   {finding.message}{note}\n\n{finding.script}"
