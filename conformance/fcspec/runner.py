"""The suite in a process of its own: started here, followed event by event, and survived.

`run` is called by the command; `python -m fcspec.runner` is the process it starts. Neither imports torch on the caller's side.
"""

from __future__ import annotations

import datetime
import gc
import json
import os
import select
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, Protocol

from fcspec import devices
from fcspec.errors import UsageError
from fcspec.report.model import Case, Report, Run, judge
from fcspec.spec import load_spec

PACKAGE = Path(__file__).parent


@dataclass(frozen=True)
class Options:
    """What to judge, and how."""

    address: str
    profiles: tuple[str, ...] = ()
    clauses: tuple[str, ...] = ()
    workers: int = field(default_factory=lambda: os.cpu_count() or 1)
    timeout: float = 10.0
    patience: int = 5
    seed: int = 0
    strict: bool = False
    isolation: str = "fork"
    device: str = devices.CPU

    def arguments(self) -> list[str]:
        chosen = [f"--fcspec-profile={one}" for one in self.profiles] + [
            f"--fcspec-clause={one}" for one in self.clauses
        ]
        return [
            f"--implementation={self.address}",
            f"--fcspec-workers={self.workers}",
            f"--fcspec-timeout={self.timeout}",
            f"--fcspec-patience={self.patience}",
            f"--fcspec-seed={self.seed}",
            f"--fcspec-isolation={self.isolation}",
            f"--fcspec-device={self.device}",
            *chosen,
        ]


class Progress:
    """What is known while the suite runs."""

    def __init__(self) -> None:
        self.plan: dict[str, list[str]] = {}
        self.cases: list[Case] = []
        self.target: dict[str, Any] = {}
        self.environment: dict[str, str] = {}
        self.isolation = "fork"
        self.out_of_patience = False
        self.problem: str | None = None
        self.ended = False

    @property
    def planned(self) -> int:
        return sum(map(len, self.plan.values()))

    def take(self, event: Mapping[str, Any]) -> None:
        """One event of the suite's process. UsageError where it says that the call was wrong."""
        match event["event"]:
            case "usage":
                raise UsageError(event["message"])
            case "target":
                self.target = event["target"]
            case "plan":
                self.plan, self.environment = event["plan"], event["environment"]
                self.isolation = event["isolation"]
            case "case":
                self.cases.append(Case.from_dict(event["case"]))
            case "out-of-patience":
                self.out_of_patience = True
            case "problem":
                self.problem = self.problem or event["message"]
            case "end":
                self.ended = True


class Running(Protocol):
    """A process, as subprocess.Popen is one."""

    @property
    def returncode(self) -> int | None: ...
    def kill(self) -> None: ...
    def wait(self, timeout: float | None = None) -> int: ...


def start(arguments: list[str], events: int, output: IO[bytes]) -> Running:
    """The suite's process, in a session of its own, with nothing of the caller's pytest configuration.

    Args:
        events: the descriptor that takes what the suite reports.
        output: the file that takes what is printed.
    """
    dropped = ("PYTEST_ADDOPTS", "PYTEST_PLUGINS")
    return subprocess.Popen(
        [sys.executable, "-P", "-m", "fcspec.runner", str(events), *arguments],
        pass_fds=(events,),
        env={key: value for key, value in os.environ.items() if key not in dropped},
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )


def run(
    options: Options,
    on_event: Callable[[Progress], None] | None = None,
    start: Callable[[list[str], int, IO[bytes]], Running] = start,
) -> Report:
    """Judge a target. UsageError where the call is wrong; whatever the target does, a Report otherwise.

    Args:
        on_event: called after every event, for a view of the progress.
        start: how to start the suite's process; another way may be faster for many runs.
    """
    spec = load_spec()
    chosen = spec.select(options.profiles, options.clauses)
    devices.check(options.device, chosen)
    started = datetime.datetime.now(datetime.UTC)
    clock = time.monotonic()
    progress = Progress()
    interrupted = False
    read_end, write_end = os.pipe()
    output = tempfile.TemporaryFile()  # a pipe that nobody reads would block what prints much
    process = start(options.arguments(), write_end, output)
    os.close(write_end)
    problem = None
    try:
        for event in _events(read_end, silence=_SILENCE + 3 * options.timeout):
            progress.take(event)
            if on_event is not None:
                on_event(progress)
            if progress.ended:
                break  # after its last word there is nothing to wait for
        else:
            process.wait(_DEATH)
    except KeyboardInterrupt:
        interrupted = True
    except TimeoutError as silent:
        problem = str(silent)
    except subprocess.TimeoutExpired:
        pass  # it has closed its side, and lives on
    finally:
        process.kill()
        process.wait()
        os.close(read_end)
        last_line = _last_line(output)
        output.close()
    if problem is None and not progress.ended and not interrupted:
        problem = f"the suite's process ended early ({_how(process.returncode or 0)}) {last_line}".strip()
    return judge(
        spec,
        progress.plan or {clause.slug: [] for clause in chosen},
        progress.cases,
        target=progress.target or {"address": options.address, "name": options.address, "file": None, "line": None},
        environment=progress.environment,
        run=Run(
            profiles=options.profiles or tuple(dict.fromkeys(clause.profile for clause in chosen)),
            isolation=progress.isolation,
            workers=options.workers,
            seed=options.seed,
            strict=options.strict,
            started=started.strftime("%Y-%m-%dT%H:%M:%SZ"),
            seconds=round(time.monotonic() - clock, 2),
            interrupted=interrupted,
            out_of_patience=progress.out_of_patience,
            problem=progress.problem or problem,
        ),
    )


_DEATH = 5.0
"""Seconds that a process may take to end after it has closed its side."""

_SILENCE = 60.0
"""Seconds without an event, beyond a few tests' clocks, after which the suite's process is given up."""


def _events(descriptor: int, silence: float) -> Iterator[dict[str, Any]]:
    """The suite's process, event by event, to its end. TimeoutError where it says nothing for so long."""
    buffer = b""
    while True:
        if not select.select([descriptor], [], [], silence)[0]:
            raise TimeoutError(f"the suite's process said nothing for {silence:g} s")
        chunk = os.read(descriptor, 1 << 16)
        if not chunk:
            return  # what is left in the buffer was cut off by a death
        *lines, buffer = (buffer + chunk).split(b"\n")
        for line in lines:
            try:
                event = json.loads(line)
            except ValueError:
                continue
            if isinstance(event, dict) and "event" in event:
                yield event


def _how(returncode: int) -> str:
    if returncode >= 0:
        return f"status {returncode}"
    try:
        return f"killed by {signal.Signals(-returncode).name}"
    except ValueError:
        return f"killed by signal {-returncode}"


def _last_line(output: Any) -> str:
    output.seek(0, os.SEEK_END)
    output.seek(max(0, output.tell() - 4000))
    lines = output.read().decode(errors="replace").strip().splitlines()
    return str(lines[-1]) if lines else ""


def main(events: int, arguments: list[str]) -> int:
    """The suite's process: try the target in a child, then run pytest with nothing of the caller's configuration."""

    def emit(**event: Any) -> None:
        os.write(events, (json.dumps(event) + "\n").encode())

    gc.disable()  # until the cases run: nothing that is imported is garbage
    import torch  # noqa: F401  # once for this process and the child that tries the target

    from fcspec.target import preflight
    from fcspec.workers import child as process

    def value(option: str) -> str:
        return next(a.partition("=")[2] for a in arguments if a.startswith(f"{option}="))

    try:
        device = value("--fcspec-device")
        if device != devices.CPU:
            devices.use(device)
        if value("--fcspec-isolation") == "fork" and devices.is_cpu(device):
            preflight.try_in_child(value("--implementation"), float(value("--fcspec-timeout")), process.channels())
    except UsageError as error:
        emit(event="usage", message=str(error))
        return 4
    emit(event="alive")
    import pytest

    return int(pytest.main([*pytest_arguments(), f"--fcspec-events={events}", *arguments]))


def pytest_arguments() -> list[str]:
    """pytest with the package's own configuration, on the package's own cases, and with no other plugin."""
    return [
        *("-c", str(PACKAGE / "pytest.ini"), "--rootdir", str(PACKAGE), "--confcutdir", str(PACKAGE)),
        *("--disable-plugin-autoload", "-p", "fcspec.plugin.hooks", "-p", "no:cacheprovider", "-p", "no:logging"),
        *("-q", "--tb=short"),
        *("--no-header", "--no-summary", str(PACKAGE / "cases")),
    ]


if __name__ == "__main__":
    status = main(int(sys.argv[1]), sys.argv[2:])
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)  # all is said, and taking torch apart takes as long as importing it
