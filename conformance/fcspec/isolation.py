"""A forked child per test, with a clock of the parent's own.

One warm parent imports everything once; each test runs in a child that inherits it all and that nothing survives. The child
sends its pytest reports; a child that ends without them is judged by how it ended.
"""

from __future__ import annotations

import gc
import os
import selectors
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from fcspec import process
from fcspec.process import Outcome, Process
from fcspec.report import capped

Play = Callable[[pytest.Item], list[pytest.TestReport]]
"""Runs one item here and now, and returns its reports."""


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
        limit: seconds for one test.
        done: called in this process with every item and how it ended.
        denied: descriptors of this process that no child may have.
        alive: called in this process whenever a child has ended.
    """
    late: list[tuple[pytest.Item, Ended]] = []
    for item, ended in _ended(items, play, jobs, limit, denied):
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
            ((_, ended),) = _ended([item], play, 1, limit, denied)
            again.count(ended)
        alive()
        done(item, ended)


def _ended(
    items: Iterable[pytest.Item], play: Play, jobs: int, limit: float, denied: Iterable[int]
) -> Iterator[tuple[pytest.Item, Ended]]:
    todo = iter(items)
    live: dict[int, tuple[pytest.Item, Process]] = {}
    ours = process.children()
    with selectors.DefaultSelector() as selector:

        def forget(child: Process) -> None:
            for descriptor in child.descriptors:
                if descriptor in selector.get_map():
                    selector.unregister(descriptor)

        try:
            while True:
                while len(live) < jobs and (item := next(todo, None)) is not None:
                    siblings = (descriptor for _, child in live.values() for descriptor in child.descriptors)
                    child = Process(_work(item, play), (*denied, *siblings))
                    live[child.pid] = item, child
                    for descriptor in child.descriptors:
                        selector.register(descriptor, selectors.EVENT_READ, child)
                if not live:
                    return
                over, late = [], []
                first = min(child.started for _, child in live.values())
                for key, _ in selector.select(max(0.0, first + limit - time.monotonic())):
                    child = key.data
                    if key.fd == child.pidfd:
                        over.append(child)
                    elif not child.listen():
                        selector.unregister(key.fd)  # the end of the channel is not yet the end of the process
                now = time.monotonic()
                late = [child for _, child in live.values() if child not in over and child.started + limit <= now]
                for child in (*over, *late):
                    forget(child)
                    item, _ = live.pop(child.pid)
                    yield item, _judge(item, child.end(), limit if child in late else None)
                if over or late:
                    process.kill_strays(ours | set(live))
        finally:
            for pid in live:
                process.kill(pid)
                os.waitpid(pid, 0)


def _work(item: pytest.Item, play: Play) -> Callable[[tuple[Any, Any]], list[Any]]:
    """What a child does: run the item with capture files of its own, and make its reports plain data."""

    def work(output: tuple[Any, Any]) -> list[Any]:
        gc.freeze()  # a collection would touch, and so copy, every page that is shared with the parent
        _own_capture(item.config, output)
        reports = play(item)
        hook = item.config.hook
        return [hook.pytest_report_to_serializable(config=item.config, report=_slim(report)) for report in reports]

    return work


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


def _judge(item: pytest.Item, outcome: Outcome, limit: float | None) -> Ended:
    """
    Args:
        limit: the clock that ran out; None where the child ended by itself.
    """
    ended = Ended(output=outcome.output, seconds=outcome.seconds)
    if limit is not None:
        ended.verdict, ended.reason = "timeout", f"no verdict after {limit:g} s"
    elif outcome.intruded and (outcome.answered or not outcome.signal):
        ended.verdict, ended.reason = "evaded", "something else than the test wrote into the suite's channel"
    elif outcome.escaped is not None:
        words, ended.output = outcome.escaped
        ended.verdict = "exit" if words.startswith("SystemExit") else "fail"
        ended.reason = f"{words} left the test"
    elif outcome.answer is None and outcome.signal:
        ended.verdict, ended.reason = "crash", f"killed by {outcome.signal}"
    elif outcome.answer is None:
        ended.verdict = "exit"
        ended.reason = f"left the process with status {os.WEXITSTATUS(outcome.status)}, and no verdict"
    else:
        hook, config = item.config.hook, item.config
        ended.reports = [hook.pytest_report_from_serializable(config=config, data=data) for data in outcome.answer]
        ended.output = ""
    return ended
