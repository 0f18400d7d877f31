"""A forked child for the cases of a clause, with a clock of the parent's own.

One warm parent imports everything once; a child inherits it all, and nothing survives it. It plays cases of one clause, one
after another, until one of them does not pass or leaves the process changed; the rest goes on in a fresh child. So no case can
colour another clause, and none that follows a failure. A child sends the reports of each case; what ends without them is judged
by how the child ended.
"""

from __future__ import annotations

import collections
import gc
import os
import selectors
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from fcspec.plugin.items import clause_of
from fcspec.report.model import capped
from fcspec.workers import child as process
from fcspec.workers.child import Answer, Outcome, Process

Play = Callable[[pytest.Item, bool], list[pytest.TestReport]]
"""Runs one item here and now, and returns its reports. Told whether it is the last of its process."""


@dataclass
class Ended:
    """How a test ended.

    Attributes:
        reports: what pytest made of the test; empty where the child died.
        verdict: crash, exit, timeout, error, evaded or fail where the reports are missing or don't count; else None.
        reason: one line that says what happened.
        output: the end of what a dead child wrote.
    """

    reports: list[pytest.TestReport] = field(default_factory=list)
    verdict: str | None = None
    reason: str | None = None
    output: str = ""
    seconds: float = 0.0


class Patience:
    """Counts timeouts in a row, over all tests of a run.

    Args:
        limit: so many end the run; 0: none do.
    """

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self._in_a_row = 0

    def count(self, ended: Ended) -> None:
        self._in_a_row = self._in_a_row + 1 if ended.verdict == "timeout" else 0

    @property
    def over(self) -> bool:
        return 0 < self.limit <= self._in_a_row


def run(
    items: Iterable[pytest.Item],
    play: Play,
    *,
    jobs: int,
    limit: float,
    patience: Patience,
    done: Callable[[pytest.Item, Ended], None],
    denied: Iterable[int] = (),
    alive: Callable[[], None] = lambda: None,
) -> None:
    """Run items in children, `jobs` at a time, until they are done or patience is over.

    A test that timed out beside others is tried once more, alone.

    Args:
        limit: seconds for one item.
        done: called in this process with every item and how it ended.
        denied: descriptors of this process that no child may have.
        alive: called in this process whenever an item has ended.
    """
    late: list[tuple[pytest.Item, Ended]] = []
    for item, ended in _ended(_tests(items), play, jobs, limit, denied):
        alive()
        patience.count(ended)
        if ended.verdict == "timeout" and jobs > 1:
            late.append((item, ended))
        else:
            done(item, ended)
        if patience.over:
            break
    again = Patience(patience.limit)
    for item, first in late:
        ended = first
        if not patience.over and not again.over:
            ((_, ended),) = _ended([[item]], play, 1, limit, denied)
            again.count(ended)
        alive()
        done(item, ended)


def _tests(items: Iterable[pytest.Item]) -> list[list[pytest.Item]]:
    """The items of one clause, together."""
    by_clause: dict[str | None, list[pytest.Item]] = {}
    for item in items:
        by_clause.setdefault(clause_of(item), []).append(item)
    return list(by_clause.values())


class _Running:
    """The cases of a clause in their child: which one it is at."""

    def __init__(self, items: list[pytest.Item], play: Play, denied: Iterable[int]) -> None:
        self.items = items
        self.child = Process(_work(items, play), denied)
        self.left = list(items)
        self.stopped = False

    def answered(self) -> Iterator[tuple[pytest.Item, Ended]]:
        for answer in self.child.answers():
            if self.left and not self.stopped:
                self.stopped = answer.value is None or not answer.value["clean"]
                item = self.left.pop(0)
                yield item, _judge_answer(item, answer)

    def ended(self, limit: float | None) -> Iterator[tuple[pytest.Item, Ended]]:
        """
        Args:
            limit: the clock that ran out; None where the child ended by itself.
        """
        outcome = self.child.end()
        yield from self.answered()
        if self.left and not self.stopped:
            yield self.left.pop(0), _judge_death(outcome, limit)


def _ended(
    tests: Iterable[list[pytest.Item]], play: Play, jobs: int, limit: float, denied: Iterable[int]
) -> Iterator[tuple[pytest.Item, Ended]]:
    todo = collections.deque(tests)
    live: dict[int, _Running] = {}
    ours = process.children()
    with selectors.DefaultSelector() as selector:

        def forget(child: Process) -> None:
            for descriptor in child.descriptors:
                if descriptor in selector.get_map():
                    selector.unregister(descriptor)

        try:
            while todo or live:
                while len(live) < jobs and todo:
                    siblings = (descriptor for one in live.values() for descriptor in one.child.descriptors)
                    new = _Running(todo.popleft(), play, (*denied, *siblings))
                    live[new.child.pid] = new
                    for descriptor in new.child.descriptors:
                        selector.register(descriptor, selectors.EVENT_READ, new)
                over = []
                first = min(one.child.clock for one in live.values())
                for key, _ in selector.select(max(0.0, first + limit - time.monotonic())):
                    running: _Running = key.data
                    if key.fd == running.child.pidfd:
                        over.append(running)
                    elif not running.child.listen():
                        selector.unregister(key.fd)  # the end of the channel is not yet the end of the process
                    yield from running.answered()
                now = time.monotonic()
                late = [one for one in live.values() if one not in over and one.child.clock + limit <= now]
                for running in (*over, *late):
                    forget(running.child)
                    del live[running.child.pid]
                    yield from running.ended(limit if running in late else None)
                    if running.left:
                        todo.appendleft(running.left)
                if over or late:
                    process.kill_strays(ours | set(live))
        finally:
            for pid in live:
                process.kill(pid)
                os.waitpid(pid, 0)


def _work(items: list[pytest.Item], play: Play) -> Callable[[tuple[Any, Any]], Iterator[Any]]:
    """What a child does: run items with capture files of its own, and make their reports plain data."""

    def work(output: tuple[Any, Any]) -> Iterator[Any]:
        gc.freeze()  # a collection would touch, and so copy, every page that is shared with the parent
        config = items[0].config
        _own_capture(config, output)
        for item in items:
            reports = play(item, item is items[-1])
            clean = all(map(_passed, reports))
            to_serializable = config.hook.pytest_report_to_serializable
            data = [to_serializable(config=config, report=_slim(report)) for report in reports]
            yield {"reports": data, "clean": clean}
            if not clean:
                return

    return work


def _passed(report: pytest.TestReport) -> bool:
    verdict = getattr(report, "fcspec", {"verdict": "pass"})["verdict"]
    return report.passed and verdict == "pass" and not getattr(report, "left_changes", False)


def _own_capture(config: pytest.Config, output: tuple[Any, Any]) -> None:
    """pytest's capture files are shared across fork; give this child its own under the same descriptors."""
    manager = config.pluginmanager.getplugin("capturemanager")
    capturing = getattr(manager, "_global_capturing", None)
    for name, own in zip(("out", "err"), output, strict=True):
        capture: Any = getattr(capturing, name, None)
        if not hasattr(capture, "targetfd_save"):
            continue  # -s and --capture=sys: nothing is shared
        os.dup2(own.fileno(), capture.tmpfile.fileno())
        if capture._state == "started":
            os.dup2(own.fileno(), capture.targetfd)


def _slim(report: pytest.TestReport) -> pytest.TestReport:
    """Of bounded size, whatever was printed or raised."""
    report.sections = [(title, capped(text)) for title, text in report.sections]
    if report.longrepr is not None and len(report.longreprtext) > _LONGEST_TEXT:
        report.longrepr = capped(report.longreprtext)
    return report


_LONGEST_TEXT = 1 << 20

_INTRUSION = "something else than the test wrote into the suite's channel"


def _judge_answer(item: pytest.Item, answer: Answer) -> Ended:
    ended = Ended(seconds=answer.seconds)
    if answer.intruded:
        ended.verdict, ended.reason = "evaded", _INTRUSION
    elif answer.escaped is not None:
        words, ended.output = answer.escaped
        ended.verdict = "exit" if words.startswith("SystemExit") else "fail"
        ended.reason = f"{words} left the test"
    else:
        hook, config = item.config.hook, item.config
        reports = answer.value["reports"]
        ended.reports = [hook.pytest_report_from_serializable(config=config, data=data) for data in reports]
    return ended


def _judge_death(outcome: Outcome, limit: float | None) -> Ended:
    """
    Args:
        limit: the clock that ran out; None where the child ended by itself.
    """
    ended = Ended(output=outcome.output, seconds=outcome.seconds)
    if limit is not None:
        ended.verdict, ended.reason = "timeout", f"no verdict after {limit:g} s"
    elif outcome.intruded and not outcome.signal:
        ended.verdict, ended.reason = "evaded", _INTRUSION
    elif outcome.signal:
        ended.verdict, ended.reason = "crash", f"killed by {outcome.signal}"
    else:
        ended.verdict = "exit"
        ended.reason = f"left the process with status {os.WEXITSTATUS(outcome.status)}, and no verdict"
    return ended
