"""One attempt to find a law that a target breaks with calls about one topic. It runs in a child process."""

from __future__ import annotations

import gc
import mmap
import pickle
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from fcspec.calls.choices import Choices
from fcspec.calls.comparison import BrokenLaw, broken_laws, clause_if_no_return
from fcspec.calls.drawing import plans
from fcspec.calls.plan import CallPlan
from fcspec.calls.script import script_of
from fcspec.calls.shrinking import find_smallest
from fcspec.calls.topics import Topic
from fcspec.target import preflight
from fcspec.target.address import Address
from fcspec.target.boundary import Boundary
from fcspec.workers.child import Child, Output, use_output

SHRINK_SECONDS = 15.0
"""How long a finding may be shrunk, also beyond the end of the search."""

HANGING = 3.0
"""Seconds without a new example, after which a target hangs."""


class SharedProgress:
    """Memory that an attempt shares with its parent: how many examples it has begun to judge."""

    _SIZE = 8

    def __init__(self) -> None:
        self._memory = mmap.mmap(-1, self._SIZE)

    def write(self, examples: int) -> None:
        self._memory[:] = examples.to_bytes(self._SIZE, "little")

    @property
    def examples(self) -> int:
        return int.from_bytes(self._memory[:], "little")

    def close(self) -> None:
        self._memory.close()


@dataclass(frozen=True)
class Attempt:
    """What an attempt looks for, and how.

    Attributes:
        known: clauses that earlier attempts found; they are not looked for.
        isolated: whether each call runs in a process of its own.
        deadline: on time.monotonic(), when to stop drawing.
        again: what hypothesis is to choose, and nothing else; empty: it draws.
    """

    address: Address
    loaded: preflight.Loaded
    topic: Topic
    known: frozenset[str]
    isolated: bool
    seed: int
    examples: int
    deadline: float
    again: bytes = b""

    def work(self, output: Output, progress: SharedProgress) -> Iterator[dict[str, Any]]:
        """What the child does; its one answer is what was found."""
        use_output(output)
        gc.freeze()  # a collection would write to, and so copy, every page that is shared with the parent
        boundary = boundary_around(self.loaded)
        judge = broken_laws_isolated if self.isolated else broken_laws_watched
        examples = 0

        def unknown(plan: CallPlan) -> list[BrokenLaw]:
            nonlocal examples
            examples += 1
            progress.write(examples)
            return [broken for broken in judge(plan, boundary) if broken.clause not in self.known]

        choices = Choices(self.again)
        found = find_smallest(
            plans(self.topic),
            unknown,
            examples=self.examples,
            seed=self.seed,
            shrink_seconds=SHRINK_SECONDS,
            deadline=self.deadline,
            choices=choices,
        )
        kept = {"choices": choices.smallest.hex()}
        yield {"clause": None} if found is None else {**answer_of(*found, self.address), "kept": kept}


def boundary_around(loaded: preflight.Loaded) -> Boundary:
    return Boundary(loaded.function, loaded.trusted, loaded.own_classes)


def answer_of(plan: CallPlan, broken: BrokenLaw, address: Address, *, reproduces: bool | None = None) -> dict[str, Any]:
    """What a child says of a finding.

    Args:
        reproduces: whether the script alone fails; None: try it.
    """
    script = script_of(plan, broken, address)
    return {
        "clause": broken.clause,
        "message": broken.message,
        "script": script,
        "reproduces": script_fails(script) if reproduces is None else reproduces,
    }


def broken_laws_watched(plan: CallPlan, boundary: Boundary) -> list[BrokenLaw]:
    boundary.reset()
    broken = broken_laws(plan, boundary)
    if boundary.evasion is not None:
        return [BrokenLaw(clause_if_no_return(plan), boundary.evasion, None, True)]
    return broken


def broken_laws_isolated(plan: CallPlan, boundary: Boundary) -> list[BrokenLaw]:
    """In a process of its own, for targets that hang or crash."""

    def work(_: Any) -> list[str]:
        return [pickle.dumps(broken_laws_watched(plan, boundary)).hex()]

    child = Child(work)
    ended = child.wait(HANGING)
    outcome = child.end()
    for answer in child.answers():
        if answer.escaped is None:
            found: list[BrokenLaw] = pickle.loads(bytes.fromhex(answer.value))
            return found
    how = f"killed by {outcome.signal}" if outcome.signal else "left the process"
    return [BrokenLaw(clause_if_no_return(plan), how if ended else f"no answer after {HANGING:g} s", None, True)]


def script_fails(script: str) -> bool:
    """Whether the script fails, in a process of its own. A crash, an exit and a hang are failures, too."""

    def work(_: Any) -> list[bool]:
        try:
            exec(compile(script, "<script>", "exec"), {"__name__": "__main__"})
        except BaseException:
            return [True]
        return [False]

    child = Child(work)
    child.wait(HANGING)
    child.end()
    return [answer.value for answer in child.answers()] != [False]
