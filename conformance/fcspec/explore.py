"""Random search beyond the fixed examples: plans are drawn, judged in children, shrunk, and printed as scripts.

A lane is a topic of strategies.TOPICS. Its rounds follow each other, each in a child of its own with a seed of its own; a clause
that a lane has found does not hide the next one. What a round finds depends on the seed and on nothing else.
"""

from __future__ import annotations

import collections
import gc
import mmap
import os
import pickle
import selectors
import time
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any

import torch

from fcspec.calls import shrinking
from fcspec.calls.comparison import Broken, code, judge, outcome_clause
from fcspec.calls.drawing import TOPICS, Topic, plans
from fcspec.calls.plan import Plan
from fcspec.errors import UsageError, did_you_mean
from fcspec.spec import load_spec
from fcspec.target import preflight
from fcspec.target.boundary import Boundary
from fcspec.workers import child as process
from fcspec.workers.child import Process

FIRST_ROUND, LATER_ROUNDS = 30, 100
"""Examples of a round: few at first, so that every topic has its turn soon."""

SHRINKING = 15.0
"""Seconds that making a finding small may take, also beyond the end of the search."""

HANGING = 3.0
"""Seconds without a new example, after which a target hangs."""


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
    shrinking.warm()
    process.adopt_strays()
    lanes = collections.deque(_Lane(topic) for topic in topics)
    return _Loop(address, loaded, seed, time.monotonic() + seconds).run(
        lanes, workers or os.cpu_count() or 1, on_progress
    )


class _Lane:
    """A topic, how many rounds it had, and what they found."""

    def __init__(self, topic: Topic) -> None:
        self.topic = topic
        self.rounds = 0
        self.known: set[str] = set()
        self.apart = False


class _Board:
    """Memory that a round shares with its parent: how many examples it judged, and the plan it is at."""

    _SIZE = 1 << 16

    def __init__(self) -> None:
        self._memory = mmap.mmap(-1, self._SIZE)

    def write(self, examples: int, plan: Plan) -> None:
        data = pickle.dumps(plan)
        if len(data) < self._SIZE - 16:
            self._memory[8 : 16 + len(data)] = len(data).to_bytes(8, "little") + data
        self._memory[:8] = examples.to_bytes(8, "little")

    @property
    def examples(self) -> int:
        return int.from_bytes(self._memory[:8], "little")

    def close(self) -> None:
        self._memory.close()


class _Round:
    """A round in its child."""

    def __init__(self, lane: _Lane, work: Callable[[Any, _Board], Iterator[Any]]) -> None:
        self.lane = lane
        self.board = _Board()
        self.child = Process(lambda output: work(output, self.board))
        self.seen = 0
        self.moved = time.monotonic()

    def new_examples(self) -> int:
        now = self.board.examples
        new, self.seen = now - self.seen, now
        if new:
            self.moved = time.monotonic()
        return new


class _Loop:
    def __init__(self, address: str, loaded: preflight.Loaded, seed: int, deadline: float) -> None:
        self.address, self.loaded, self.seed, self.deadline = address, loaded, seed, deadline
        self.search = Search()

    def run(self, lanes: collections.deque[_Lane], workers: int, on_progress: Callable[[Search], None]) -> Search:
        live: list[_Round] = []
        strays = process.children()
        try:
            while live or time.monotonic() < self.deadline:
                while len(live) < workers and lanes and time.monotonic() < self.deadline:
                    live.append(self._start(lanes.popleft()))
                ended = _wait(live, 0.1)
                for one in live:
                    self.search.examples += one.new_examples()
                for one in [one for one in live if one in ended or self._hangs(one)]:
                    live.remove(one)
                    self._end(one)
                    lanes.append(one.lane)
                process.kill_strays(strays | {one.child.pid for one in live})
                on_progress(self.search)
        finally:
            for one in live:
                one.child.end()
        return self.search

    def _start(self, lane: _Lane) -> _Round:
        seed = zlib.crc32(f"{self.seed} {lane.topic.name} {lane.rounds}".encode())
        examples = FIRST_ROUND if lane.rounds == 0 else LATER_ROUNDS
        return _Round(lane, _work(self.address, self.loaded, lane, seed, examples, self.deadline))

    def _hangs(self, one: _Round) -> bool:
        limit = (3 if one.lane.apart else 1) * HANGING  # apart, the child has a clock of its own
        return time.monotonic() - one.moved > limit

    def _end(self, one: _Round) -> None:
        lane, outcome = one.lane, one.child.end()
        self.search.examples += one.new_examples()
        one.board.close()
        for answer in one.child.answers():
            if answer.escaped is not None:
                self.search.problems.append(f"{lane.topic.name}: {answer.escaped[0]}\n{answer.escaped[1]}")
                break
            if isinstance(answer.value, dict):
                self._take(lane, answer.value)
                break
        else:
            if lane.apart:  # not even so: the search itself does not survive this topic
                self.search.problems.append(
                    f"{lane.topic.name}: {outcome.signal or 'no answer'} {outcome.output}".strip()
                )
            lane.apart = True  # the same round again, with every call in a process of its own
            return
        lane.rounds += 1

    def _take(self, lane: _Lane, answer: dict[str, Any]) -> None:
        if answer["clause"] is not None:
            finding = Finding(
                answer["clause"], answer["message"], answer["script"], lane.topic.name, answer["reproduces"]
            )
            lane.known.add(finding.clause)
            self.search.take(finding)


def _wait(live: list[_Round], seconds: float) -> list[_Round]:
    """Listen to rounds for so long, or until one ends; the ended ones."""
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


# ------------------------------------------------------------------------------------------------------ in the child


def _work(
    address: str, loaded: preflight.Loaded, lane: _Lane, seed: int, examples: int, deadline: float
) -> Callable[[Any, _Board], Iterator[Any]]:
    def work(output: tuple[Any, Any], board: _Board) -> Iterator[Any]:
        for file, descriptor in zip(output, (1, 2), strict=True):
            os.dup2(file.fileno(), descriptor)
        gc.freeze()  # a collection would touch, and so copy, every page that is shared with the parent
        boundary = Boundary(loaded.function, loaded.judging, loaded.own_classes)
        here = _judge_apart if lane.apart else _judge
        hunt = _Hunt(address, lane, lambda plan: here(plan, boundary), board, deadline)
        yield hunt.run(seed, examples)

    return work


def _judge(plan: Plan, boundary: Boundary) -> list[Broken]:
    boundary.reset()
    broken = judge(plan, boundary)
    if boundary.evasion is not None:
        return [Broken(outcome_clause(plan), boundary.evasion, None, True)]
    return broken


def _judge_apart(plan: Plan, boundary: Boundary) -> list[Broken]:
    """In a process of its own, for targets that hang or crash."""

    def work(_: Any) -> list[str]:
        return [pickle.dumps(_judge(plan, boundary)).hex()]

    child = Process(work)
    ended = child.wait(HANGING)
    outcome = child.end()
    for answer in child.answers():
        if answer.escaped is None:
            found: list[Broken] = pickle.loads(bytes.fromhex(answer.value))
            return found
    how = f"killed by {outcome.signal}" if outcome.signal else "left the process"
    return [Broken(outcome_clause(plan), how if ended else f"no answer after {HANGING:g} s", None, True)]


class _Hunt:
    """One round: it looks for a law that the lane does not know."""

    def __init__(
        self, address: str, lane: _Lane, judged: Callable[[Plan], list[Broken]], board: _Board, deadline: float
    ) -> None:
        self.address, self.lane, self.judged, self.board, self.deadline = address, lane, judged, board, deadline
        self.examples = 0

    def run(self, seed: int, examples: int) -> dict[str, Any]:
        drawn = plans(self.lane.topic)
        found = shrinking.hunt(
            drawn, self._judge, examples=examples, seed=seed, shrinking=SHRINKING, until=self.deadline
        )
        if found is None:
            return {"clause": None}
        plan, broken = found
        script = code(plan, broken, self.address)
        last = script.rstrip().splitlines()[-1]
        return {
            "clause": broken.clause,
            "message": f"does not hold: {last}" if broken.check and last.startswith("assert") else broken.message,
            "script": script,
            "reproduces": reproduces(script),
        }

    def _judge(self, plan: Plan) -> list[Broken]:
        self.examples += 1
        self.board.write(self.examples, plan)
        return [broken for broken in self.judged(plan) if broken.clause not in self.lane.known]


def reproduces(script: str) -> bool:
    """Does the script fail, in a process of its own?"""

    def work(_: Any) -> list[bool]:
        try:
            exec(compile(script, "<script>", "exec"), {"__name__": "__main__"})
        except BaseException:
            return [True]
        return [False]

    child = Process(work)
    child.wait(HANGING)
    child.end()
    return [answer.value for answer in child.answers()] != [False]  # no answer: it crashes, leaves or hangs, as found


def as_text(finding: Finding, number: int) -> str:
    """A finding as the terminal shows it: a heading, and the script."""
    level = load_spec()[finding.clause].level
    note = "" if finding.reproduces else "   (the script alone does not fail: what calls before it left behind counts)"
    return f"✗ {number}. {finding.clause} · {level}   {finding.message}{note}\n\n{finding.script}"
