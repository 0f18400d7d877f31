"""Judging targets in a process apart: started here, followed event by event, and survived. Imports neither torch nor pytest."""

from __future__ import annotations

import atexit
import collections
import datetime
import json
import os
import select
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import IO, Any, Protocol

from fcspec import devices, events
from fcspec.options import NONE, Options
from fcspec.progress import Progress
from fcspec.report.model import Report, Run, judge
from fcspec.spec import Clause, load_spec
from fcspec.workers.processes import signal_name

_DEATH = 5.0
"""Seconds that the process may take to end after it has closed its side."""

_INTERRUPTED = 2
"""The status of pytest where somebody ends it."""

_SILENCE = 120.0
"""Seconds without an event, beyond a few tests' clocks, after which the process is given up."""


OnEvent = Callable[[Progress], object]


class Process(Protocol):
    """What a Session needs of the process that it has started; subprocess.Popen has it."""

    @property
    def returncode(self) -> int | None: ...

    def kill(self) -> None: ...

    def wait(self, timeout: float | None = None) -> int:
        """subprocess.TimeoutExpired where it has not ended by then."""
        ...


Start = Callable[[int, int, IO[bytes], dict[str, str]], Process]
"""Starts fcspec.serve: the descriptors of its requests and answers, the file for its output, its environment."""


def environment(folder: str, device: str) -> dict[str, str]:
    """Of the process that runs the suite: without what a pytest around it, or its plugins, would tell another pytest.

    Args:
        folder: for what hypothesis would leave in the caller's.
    """
    kept = {key: value for key, value in os.environ.items() if not key.startswith(_OF_PYTEST)}
    hidden = devices.HIDDEN if devices.is_cpu(device) else {}
    return kept | {"HYPOTHESIS_STORAGE_DIRECTORY": folder} | hidden


_OF_PYTEST = ("PYTEST_", "COV_CORE_", "COVERAGE_PROCESS_")


def _command(requests: int, answers: int) -> list[str]:
    return [sys.executable, "-P", "-m", "fcspec.serve", str(requests), str(answers)]


def _start_interpreter(
    requests: int, answers: int, output: IO[bytes], environment: dict[str, str]
) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        _command(requests, answers),
        pass_fds=(requests, answers),
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )


def _start_for_debugger(
    requests: int, answers: int, _: IO[bytes], environment: dict[str, str]
) -> subprocess.Popen[bytes]:
    """With the caller's streams and terminal."""
    return subprocess.Popen(_command(requests, answers), pass_fds=(requests, answers), env=environment)


class Session:
    """A process that has collected the cases of some clauses, and judges one target after another by them.

    Use it as a context manager. It takes a few seconds to start, and works on while the first target is asked for.

    Args:
        profiles, clauses: what can be judged; as in Options.
        device: where modules and values lie.
        cases: only these can be judged; as in Options.
        path: folders in which a target's module is looked for before others.
        start: starts the process.
        silence: seconds without an event, beyond a few tests' clocks, after which the process is given up; None: it never is.
    """

    def __init__(
        self,
        profiles: Iterable[str] = (),
        clauses: Iterable[str] = (),
        device: str = devices.CPU,
        *,
        cases: Iterable[str] = (),
        path: Iterable[str] = (),
        start: Start | None = None,
        silence: float | None = _SILENCE,
    ) -> None:
        self._scope: dict[str, Any] = {"device": device, "path": list(path)}
        self.choose(profiles, clauses, cases)
        self._start = start or _start_interpreter
        self._silence = silence
        self._started = False

    def choose(self, profiles: Iterable[str], clauses: Iterable[str], cases: Iterable[str]) -> None:
        """What can be judged, before the session is entered."""
        self._scope |= {"profiles": list(profiles), "clauses": list(clauses), "cases": list(cases)}

    def __enter__(self) -> Session:
        if not self._started:
            self.start()
        self._ask(self._scope)
        return self

    def start(self) -> None:
        """Start the process, which imports torch. It collects nothing before the session is entered."""
        self._started = True
        self._output = tempfile.TemporaryFile()  # a pipe that nobody reads would block what prints much
        self._folder = tempfile.TemporaryDirectory(
            ignore_cleanup_errors=True
        )  # hypothesis would leave one in the caller's
        requests, self._requests = os.pipe()
        self._answers, answers = os.pipe()
        self._process = self._start(
            requests, answers, self._output, environment(self._folder.name, self._scope["device"])
        )
        os.close(requests)
        os.close(answers)
        self._buffer, self._lines = b"", collections.deque[bytes]()

    def __exit__(self, *_: object) -> None:
        self._end()
        os.close(self._requests)
        os.close(self._answers)
        self._output.close()
        self._folder.cleanup()

    def _ask(self, request: dict[str, Any]) -> None:
        try:
            os.write(self._requests, (json.dumps(request) + "\n").encode())
        except BrokenPipeError:
            pass  # it is gone, and its end says how

    def _end(self) -> None:
        self._process.kill()
        self._process.wait()

    def judge(
        self,
        options: Options,
        on_event: OnEvent | None = None,
        folder: str | None = None,
        *,
        trusted: bool = False,
    ) -> Report:
        """Judge a target. UsageError where the call is wrong; whatever the target does, a Report otherwise.

        Args:
            trusted: the target is known to be honest, as a mutant of one's own: one fork runs all cases. No verdict of "holds"
                means anything then that a case may have left behind.
            on_event: called after every event, for a view of the progress.
            folder: where relative paths of the target start; None: in the current one.
        """
        spec = load_spec()
        chosen = spec.select(options.profiles, options.clauses)
        started, clock = datetime.datetime.now(datetime.UTC), time.monotonic()
        progress, interrupted = Progress(), False
        self._ask({**options.as_dict(), "folder": folder or os.getcwd(), "trusted": trusted})
        try:
            silence = None if self._silence is None else self._silence + 3 * options.timeout
            problem = self._follow(progress, silence, on_event)
            if options.isolation == NONE and self._process.returncode == _INTERRUPTED:
                interrupted, problem = True, None  # in the debugger
        except KeyboardInterrupt:
            interrupted, problem = True, None
            self._end()
        address = str(options.address)
        return judge(
            spec,
            progress.plan or {clause.slug: [] for clause in chosen},
            progress.cases,
            target=progress.target or {"address": address, "name": address, "file": None, "line": None},
            environment=progress.environment,
            run=Run(
                profiles=options.profiles or _profiles(chosen, progress.plan),
                isolation=progress.isolation,
                workers=options.workers,
                seed=options.seed,
                strict=options.strict,
                started=started.strftime("%Y-%m-%dT%H:%M:%SZ"),
                seconds=round(time.monotonic() - clock, 2),
                interrupted=interrupted,
                out_of_patience=progress.out_of_patience,
                exitfirst=options.exitfirst,
                problem=progress.problem or problem,
                notes=tuple(dict.fromkeys(progress.notes)),
                draft=progress.draft,
                in_part=bool(options.cases),
            ),
        )

    def _follow(self, progress: Progress, silence: float | None, on_event: OnEvent | None) -> str | None:
        """Take events until the request is done; what went wrong, where it ends otherwise."""
        try:
            for event in self._events(silence):
                progress.take(event)
                if on_event is not None:
                    on_event(progress)
                if progress.done:
                    return None
            self._process.wait(_DEATH)
        except TimeoutError as silent:
            self._end()
            return str(silent)
        except subprocess.TimeoutExpired:
            self._end()  # it has closed its side, and lives on
        return f"the suite's process ended early ({_how(self._process.returncode or 0)}) {self._last_line()}".strip()

    def _events(self, silence: float | None) -> Iterator[events.Event]:
        """Event by event, to the end of the process. TimeoutError where it says nothing for so long."""
        while True:
            while self._lines:
                if (event := events.read(self._lines.popleft())) is not None:
                    yield event
            if not select.select([self._answers], [], [], silence)[0]:
                raise TimeoutError(f"the suite's process said nothing for {silence:g} s")
            chunk = os.read(self._answers, 1 << 16)
            if not chunk:
                return  # what is left in the buffer was cut off by a death
            *lines, self._buffer = (self._buffer + chunk).split(b"\n")
            self._lines.extend(lines)

    def _last_line(self) -> str:
        output: IO[bytes] = self._output
        output.seek(0, os.SEEK_END)
        output.seek(max(0, output.tell() - 4000))
        lines = output.read().decode(errors="replace").strip().splitlines()
        return lines[-1] if lines else ""


def _profiles(chosen: Iterable[Clause], plan: Mapping[str, Any]) -> tuple[str, ...]:
    """Of what is judged; of what was asked for, where that is not known."""
    planned = [clause for clause in chosen if clause.slug in plan]
    return tuple(dict.fromkeys(clause.profile for clause in planned or chosen))


def run(options: Options, on_event: OnEvent | None = None) -> Report:
    """Judge one target in a process for it alone. UsageError where the call is wrong."""
    chosen = load_spec().select(options.profiles, options.clauses)
    devices.check(options.device, chosen)
    how: dict[str, Any] = {"start": _start_for_debugger, "silence": None} if options.isolation == NONE else {}
    is_early = _early and not how and devices.is_cpu(options.device)
    session = _early.pop() if is_early else Session(device=options.device, **how)
    session.choose(options.profiles, options.clauses, options.cases)
    with session:
        return session.judge(options, on_event)


_early: list[Session] = []


def start_early() -> None:
    """Start the process in which the first `run` on the CPU will judge, before it is known by which cases."""
    session = Session()
    session.start()
    _early.append(session)
    atexit.register(_end_early)


def _end_early() -> None:
    while _early:
        _early.pop().__exit__()


def _how(returncode: int) -> str:
    if returncode >= 0:
        return f"status {returncode}"
    return f"killed by {signal_name(-returncode)}"
