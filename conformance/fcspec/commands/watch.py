"""`fcspec next --watch`: judges again whenever a file beside the target changes, first what failed."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

from fcspec import runner
from fcspec.errors import UsageError
from fcspec.options import NONE, Options
from fcspec.progress import Progress
from fcspec.report.model import Report
from fcspec.report.verdict import ExitCode

_SETTLED = 100
"""Milliseconds without a change after which an editor has written its files."""


class _Overtaken(Exception):
    """A file changed while what it was before was judged."""


class Changes:
    """Sets `pending` whenever a Python file below a folder changes. UsageError where watchfiles is not installed."""

    def __init__(self, folder: Path) -> None:
        try:
            import watchfiles
        except ImportError:
            raise UsageError("--watch needs watchfiles: python -m pip install 'fcspec[watch]'") from None
        self.pending = threading.Event()
        self._stop = threading.Event()
        self._changes: Iterator[object] = watchfiles.watch(
            folder,
            watch_filter=watchfiles.PythonFilter(),
            debounce=_SETTLED,
            step=_SETTLED // 2,
            rust_timeout=500,
            stop_event=self._stop,
            raise_interrupt=False,
        )
        threading.Thread(target=self._follow, daemon=True).start()

    def _follow(self) -> None:
        for _ in self._changes:
            self.pending.set()

    def stop(self) -> None:
        self._stop.set()


def folder_of(options: Options) -> Path:
    """What is watched: the folder of the target's file; of a module, the current one. UsageError where that is no use."""
    if options.isolation == NONE:
        raise UsageError("--watch imports the target anew each time, and so needs isolation")
    folder = Path(options.address.place).parent if options.address.is_file else Path()
    if not folder.is_dir():
        raise UsageError(f"no folder {folder} to watch")
    return folder


class Watching:
    """Judges a target again and again. Use it as a context manager.

    Two processes have collected the cases: one judges what failed last, at once; the other one judges all, and is given up when a
    file changes meanwhile.

    Args:
        show: shows a report that took so many seconds; the id of the case that is to hold next, if any.
        say: says one line.
    """

    def __init__(
        self, options: Options, show: Callable[[Report, float], str | None], say: Callable[[str], object]
    ) -> None:
        self._options, self._show, self._say = options, show, say
        self._changes = Changes(folder_of(options))
        self._failed: str | None = None

    def __enter__(self) -> Watching:
        self._whole = self._start()
        self._first: runner.Session | None = None  # it starts when all was judged: two at once would both be late
        return self

    def __exit__(self, *_: object) -> None:
        self._changes.stop()
        for session in filter(None, (self._first, self._whole)):
            session.__exit__()

    def _start(self) -> runner.Session:
        return runner.Session(self._options.profiles, self._options.clauses, self._options.device).__enter__()

    def _start_again(self, session: runner.Session) -> runner.Session:
        session.__exit__()
        return self._start()

    def run(self) -> ExitCode:
        """Until somebody interrupts."""
        try:
            while True:
                self._changes.pending.clear()
                self._judge_once()
                while not self._changes.pending.wait(0.5):
                    pass
        except KeyboardInterrupt:
            return ExitCode.INTERRUPTED

    def _judge_once(self) -> None:
        began = time.monotonic()
        try:
            if self._failed is not None and self._first is not None and not self._holds(self._first, began):
                return
            report = self._whole.judge(self._options, self._look)
            self._failed = self._show(_uninterrupted(report), time.monotonic() - began)
            self._first = self._first or self._start()
            if report.run.problem is not None:
                self._whole = self._start_again(self._whole)
        except _Overtaken:
            self._whole = self._start_again(self._whole)
        except UsageError as error:
            self._say(f"fcspec: {error}")
            self._say("waiting for a change ...")

    def _holds(self, session: runner.Session, began: float) -> bool:
        """Whether the case that failed holds now; shows it where it does not."""
        report = _uninterrupted(session.judge(replace(self._options, cases=(self._failed or "",))))
        seconds = time.monotonic() - began
        if report.exit_code != ExitCode.CONFORMING:
            self._show(report, seconds)
            if report.run.problem is not None:
                self._first = self._start_again(session)
            return False
        self._say(
            f"{report.clauses[0].clause} holds now in {self._failed}, after {seconds:.1f} s; all the rest is judged ..."
        )
        return True

    def _look(self, _: Progress) -> None:
        if self._changes.pending.is_set():
            raise _Overtaken


def _uninterrupted(report: Report) -> Report:
    if report.run.interrupted:
        raise KeyboardInterrupt
    return report
