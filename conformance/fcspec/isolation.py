"""A forked child per test, with a clock of the parent's own.

One warm parent imports everything once; each test runs in a child that inherits it all and that nothing survives. The child
sends its pytest reports through a pipe; a child that ends without them is judged by how it ended.
"""

from __future__ import annotations

import ctypes
import faulthandler
import json
import os
import resource
import secrets
import selectors
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from _pytest.runner import runtestprotocol

_PR_SET_PDEATHSIG, _PR_SET_CHILD_SUBREAPER = 1, 36

AVAILABLE = sys.platform == "linux" and hasattr(os, "pidfd_open")

# Only a child that pytest's code in it filled knows this word; it is drawn before the target is imported.
_SECRET = secrets.token_hex(16)

_libc = ctypes.CDLL(None, use_errno=True) if AVAILABLE else None


@dataclass
class Ended:
    """How a child ended.

    Attributes:
        reports: what pytest made of the test; empty where the child died.
        verdict: crash, exit, timeout, error or evaded where there are no reports; else None.
        reason: one line that says what happened.
        output: the end of what a dead child wrote.
    """

    reports: list[pytest.TestReport] = field(default_factory=list)
    verdict: str | None = None
    reason: str | None = None
    output: str = ""
    seconds: float = 0.0


class Child:
    """One test in a process of its own."""

    def __init__(self, item: pytest.Item, limit: float, inherited: Iterable[int] = ()) -> None:
        self.item = item
        self.started = time.monotonic()
        self.deadline = self.started + limit
        self._limit = limit
        self._blob = b""
        self._output = [tempfile.TemporaryFile() for _ in range(2)]
        sys.stdout.flush()
        sys.stderr.flush()
        self.pipe, write_end = os.pipe()
        parent = os.getpid()
        self.pid = os.fork()
        if self.pid == 0:
            try:
                for descriptor in (self.pipe, *inherited):
                    os.close(descriptor)
                self._run(write_end, parent)
            finally:
                os._exit(0)
        os.close(write_end)
        os.set_blocking(self.pipe, False)
        self.pidfd = os.pidfd_open(self.pid)
        try:
            os.setpgid(self.pid, self.pid)
        except OSError:
            pass  # the child was faster, or is gone

    def _run(self, write_end: int, parent: int) -> None:
        me = os.getpid()
        os.setpgid(0, 0)
        assert _libc is not None
        _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        if os.getppid() != parent:
            return
        self._own_capture()
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        faulthandler.enable(self._output[1])
        config = self.item.config
        answer: dict[str, Any]
        try:
            reports = runtestprotocol(self.item, log=False)
            answer = {"reports": [config.hook.pytest_report_to_serializable(config=config, report=r) for r in reports]}
        except BaseException as escaped:
            answer = {"escaped": f"{type(escaped).__name__}: {escaped}", "traceback": traceback.format_exc()}
        if os.getpid() != me:
            return  # a twin that the target forked, and that came back, has no voice
        view = memoryview((_SECRET + json.dumps(answer, default=repr)).encode())
        while view:
            view = view[os.write(write_end, view) :]

    def _own_capture(self) -> None:
        """pytest's capture files are shared across fork; give this child its own under the same descriptors."""
        manager = self.item.config.pluginmanager.getplugin("capturemanager")
        capturing = getattr(manager, "_global_capturing", None)
        for name, own, plain in zip(("out", "err"), self._output, (1, 2), strict=True):
            shared = getattr(getattr(capturing, name, None), "tmpfile", None)
            try:
                os.dup2(own.fileno(), shared.fileno() if shared is not None else plain)
            except (OSError, ValueError, AttributeError):
                pass  # --capture=sys: nothing is shared

    def drain(self) -> bool:
        """Read what the pipe holds now; False at its end."""
        try:
            while chunk := os.read(self.pipe, 1 << 20):
                self._blob += chunk
        except BlockingIOError:
            return True
        return False

    def end(self, *, timed_out: bool = False) -> Ended:
        """Kill what is left of the child's group, and say how it ended."""
        _kill_group(self.pid)
        _, status = os.waitpid(self.pid, 0)
        self.drain()
        os.close(self.pipe)
        os.close(self.pidfd)
        ended = self._judge(status, timed_out)
        ended.seconds = time.monotonic() - self.started
        if ended.verdict is not None:
            ended.output = "".join(_tail(file) for file in self._output)
        for file in self._output:
            file.close()
        return ended

    def _judge(self, status: int, timed_out: bool) -> Ended:
        text = self._blob.decode(errors="replace")
        answer = None
        if text.startswith(_SECRET):
            try:
                answer = json.loads(text.removeprefix(_SECRET))
            except ValueError:
                answer = None
        if timed_out:
            return Ended(verdict="timeout", reason=f"no verdict after {self._limit:g} s")
        if answer is None and os.WIFSIGNALED(status):
            return Ended(verdict="crash", reason=f"killed by {signal.Signals(os.WTERMSIG(status)).name}")
        if answer is None:
            return Ended(verdict="exit", reason=f"left the process with status {os.WEXITSTATUS(status)}")
        if "escaped" in answer:
            verdict = "exit" if answer["escaped"].startswith("SystemExit") else "fail"
            return Ended(verdict=verdict, reason=f"{answer['escaped']} left the test", output=answer["traceback"])
        hook, config = self.item.config.hook, self.item.config
        return Ended(
            reports=[hook.pytest_report_from_serializable(config=config, data=data) for data in answer["reports"]]
        )


def run(
    items: Iterable[pytest.Item],
    *,
    jobs: int,
    limit: float,
    done: Callable[[pytest.Item, Ended], None],
    inherited: tuple[int, ...] = (),
    patience: int = 0,
) -> bool:
    """Run items in children, `jobs` at a time; a test that timed out is tried once more, alone.

    Args:
        limit: seconds for one test.
        done: called in this process with every item and how it ended.
        inherited: descriptors of this process that no child may have.
        patience: after so many timeouts in a row the rest is not run; 0: never.

    Returns:
        False where patience ran out.
    """
    again: list[pytest.Item] = []
    in_a_row = 0

    def first_try(item: pytest.Item, ended: Ended) -> None:
        nonlocal in_a_row
        if ended.verdict == "timeout":
            in_a_row += 1
            again.append(item)
        else:
            in_a_row = 0
            done(item, ended)

    for item, ended in _ended(items, jobs, limit, inherited):
        first_try(item, ended)
        if patience and in_a_row >= patience:
            for late in again:
                done(late, Ended(verdict="timeout", reason=f"no verdict after {limit:g} s", seconds=limit))
            return False
    for item, ended in _ended(again, 1, limit, inherited):
        done(item, ended)
    return True


def _ended(
    items: Iterable[pytest.Item], jobs: int, limit: float, inherited: tuple[int, ...]
) -> Iterator[tuple[pytest.Item, Ended]]:
    todo = iter(items)
    live: dict[int, Child] = {}
    ours = _children()
    with selectors.DefaultSelector() as selector:
        try:
            while True:
                while len(live) < jobs and (item := next(todo, None)) is not None:
                    child = Child(item, limit, inherited)
                    live[child.pid] = child
                    selector.register(child.pipe, selectors.EVENT_READ, (child, "pipe"))
                    selector.register(child.pidfd, selectors.EVENT_READ, (child, "end"))
                if not live:
                    return
                over = []
                wait = min(child.deadline for child in live.values()) - time.monotonic()
                for key, _ in selector.select(max(0.0, wait)):
                    child, what = key.data
                    if what == "end":
                        over.append(child)
                    elif not child.drain():
                        selector.unregister(child.pipe)  # the end of the file is not yet the end of the process
                now = time.monotonic()
                late = [child for child in live.values() if child not in over and child.deadline < now]
                for child in (*over, *late):
                    for descriptor in (child.pipe, child.pidfd):
                        if descriptor in selector.get_map():
                            selector.unregister(descriptor)
                    del live[child.pid]
                    yield child.item, child.end(timed_out=child in late)
                if over or late:
                    _kill_strays(ours | set(live))
        finally:
            for child in live.values():
                _kill_group(child.pid)
                os.waitpid(child.pid, 0)


def adopt_strays() -> None:
    """Processes whose parent died come to us, to be ended, and not to init."""
    assert _libc is not None
    _libc.prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def _children() -> set[int]:
    with open(f"/proc/self/task/{os.getpid()}/children") as file:
        return {int(pid) for pid in file.read().split()}


def _kill_strays(keep: set[int]) -> None:
    for pid in _children() - keep:
        try:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
        except (ProcessLookupError, ChildProcessError):
            pass


def _kill_group(pid: int) -> None:
    try:
        os.killpg(pid, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        pass


def _tail(file: Any, length: int = 4000) -> str:
    file.seek(0, os.SEEK_END)
    file.seek(max(0, file.tell() - length))
    return str(file.read().decode(errors="replace"))
