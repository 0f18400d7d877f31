"""The suite in a process of its own: started here, followed event by event, and survived.

`run` is called by the command; `python -m fcspec.suite` is the process it starts. Neither imports torch on the caller's side.
"""

from __future__ import annotations

import datetime
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fcspec.errors import UsageError
from fcspec.report import Case, Report, Run, judge
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
            case "end":
                self.ended = True


def run(options: Options, on_event: Callable[[Progress], None] | None = None) -> Report:
    """Judge a target. UsageError where the call is wrong; whatever the target does, a Report otherwise.

    Args:
        on_event: called after every event, for a view of the progress.
    """
    spec = load_spec()
    chosen = spec.select(options.profiles, options.clauses)
    started = datetime.datetime.now(datetime.UTC)
    clock = time.monotonic()
    progress = Progress()
    interrupted = False
    read_end, write_end = os.pipe()
    environment = {key: value for key, value in os.environ.items() if key not in ("PYTEST_ADDOPTS", "PYTEST_PLUGINS")}
    process = subprocess.Popen(
        [sys.executable, "-m", "fcspec.suite", str(write_end), *options.arguments()],
        pass_fds=(write_end,),
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )
    os.close(write_end)
    try:
        with open(read_end, encoding="utf-8", errors="replace") as events:
            for line in events:
                try:
                    event = json.loads(line)
                except ValueError:
                    continue  # cut off in the middle by a death
                progress.take(event)
                if on_event is not None:
                    on_event(progress)
                if progress.ended:
                    break
    except KeyboardInterrupt:
        interrupted = True
    finally:
        process.kill() if not progress.ended else None
        output, _ = process.communicate()
    problem = None
    if not progress.ended and not interrupted:
        tail = output.decode(errors="replace").strip().splitlines()[-1:] or [""]
        problem = f"the suite's process ended early (status {process.returncode}) {tail[0]}".strip()
    return judge(
        spec,
        progress.plan or {clause.slug: [] for clause in chosen},
        progress.cases,
        target=progress.target or {"address": options.address, "name": options.address, "file": None, "line": None},
        environment=progress.environment,
        run=Run(
            profiles=options.profiles or ("core",),
            isolation=progress.isolation,
            workers=options.workers,
            seed=options.seed,
            strict=options.strict,
            started=started.strftime("%Y-%m-%dT%H:%M:%SZ"),
            seconds=round(time.monotonic() - clock, 2),
            interrupted=interrupted,
            out_of_patience=progress.out_of_patience,
            problem=problem,
        ),
    )


def _main(events: int, arguments: list[str]) -> int:
    """The suite's process: try the target in a child, then run pytest with nothing of the caller's configuration."""

    def emit(**event: Any) -> None:
        os.write(events, (json.dumps(event) + "\n").encode())

    address = next(a.removeprefix("--implementation=") for a in arguments if a.startswith("--implementation="))
    answer = _preflight(address)
    if "usage" in answer:
        emit(event="usage", message=answer["usage"])
        return 4
    emit(event="target", target=answer["target"])
    import pytest

    return int(
        pytest.main(
            [
                *("-c", str(PACKAGE / "pytest.ini"), "--rootdir", str(PACKAGE), "--confcutdir", str(PACKAGE)),
                *("--disable-plugin-autoload", "-p", "fcspec.plugin", "-p", "no:cacheprovider", "-q", "--tb=short"),
                *("--no-header", "--no-summary", f"--fcspec-events={events}", *arguments, str(PACKAGE / "cases")),
            ]
        )
    )


def _preflight(address: str) -> dict[str, Any]:
    """Load and try the target in a child of its own, where it can do no harm."""
    import torch  # noqa: F401  # once for both

    read_end, write_end = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            os.close(read_end)
            answer: dict[str, Any]
            try:
                from fcspec import target

                function = target.load(address)
                target.try_out(function)
                answer = {"target": target.describe(address, function).as_dict()}
            except UsageError as error:
                answer = {"usage": str(error)}
            except BaseException as error:
                answer = {"usage": f"{address} does not import: {type(error).__name__}: {error}"}
            os.write(write_end, json.dumps(answer).encode())
        finally:
            os._exit(0)
    os.close(write_end)
    with open(read_end, encoding="utf-8") as pipe:
        text = pipe.read()
    _, status = os.waitpid(pid, 0)
    if not text:
        return {"usage": f"{address} ends the process when it is imported or called (wait status {status})"}
    result: dict[str, Any] = json.loads(text)
    return result


if __name__ == "__main__":
    sys.exit(_main(int(sys.argv[1]), sys.argv[2:]))
