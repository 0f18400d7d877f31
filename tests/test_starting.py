"""Commands start early, and those of tests in forks that behave as new processes do."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from fcspec import __main__, cli, runner
from fcspec.options import Options
from fcspec.target.address import Address
from support.starting import run_python

# ---------------------------------------------------------------------------------- the process that judges, started early


@pytest.fixture
def early():
    runner.start_early()
    (session,) = runner._early
    yield session
    runner._end_early()


@pytest.mark.slow
def test_a_run_judges_in_the_process_that_was_started_early(early):
    report = runner.run(Options(Address.parse("reference"), clauses=("call.result",), workers=1))

    assert (report.exit_code, runner._early) == (0, [])
    assert [one.clause for one in report.clauses] == ["call.result"]
    assert early._process.returncode is not None


def test_a_process_that_was_started_early_for_nothing_ends_with_the_command():
    code = "from fcspec import runner; runner.start_early(); print(runner._early[0]._process.pid)"
    done = run_python("-c", code)

    assert (done.returncode, done.stderr) == (0, "")
    assert not Path("/proc", done.stdout.strip()).exists()


@pytest.mark.parametrize(
    ("arguments", "starts"),
    [
        (["check", "torch"], True),
        (["show", "report.json"], False),
        ([], False),
        (["check", "torch", "--isolation=none"], False),
        (["check", "torch", "--device", "cuda"], False),
        (["check", "--help"], False),
    ],
)
def test_only_a_check_on_the_cpu_in_a_process_apart_starts_early(arguments, starts, monkeypatch):
    called = []
    monkeypatch.setattr(sys, "argv", ["fcspec", *arguments])
    monkeypatch.setattr(runner, "start_early", lambda: called.append("early"))
    monkeypatch.setattr(cli, "main", lambda: called.append("command"))

    __main__.main()

    assert called == [*["early"] * starts, "command"]


# ------------------------------------------------------------------------------------------------------ forks for commands

SCRIPT = "import sys\nprint(sys.argv, sys.path[0], __name__)\nraise SystemExit('no more')\n"

COMMANDS = {
    "an exception": ("-c", "import sys; print(sys.argv, sys.path[:1])\n\ndef f():\n    1 / 0\n\nf()", "an argument"),
    "a file": ("script.py", "an argument"),
    "a script on stdin": ("-", "an argument"),
    "the status of an exit": ("-c", "raise SystemExit(3)"),
    "a module": ("-m", "json.tool", "--indent=1"),
    "a module from the folder": ("-m", "script"),
    "no folder": ("-P", "-c", "import script"),
    "an exit function": ("-c", "import atexit; atexit.register(print, 'bye')"),
    "its surroundings": ("-c", "import os, sys; print(os.getcwd(), sorted(os.environ), sys.stdin.read())"),
}


@pytest.mark.parametrize("command", COMMANDS.values(), ids=COMMANDS)
def test_a_fork_ends_as_a_new_process_does(command, tmp_path):
    (tmp_path / "script.py").write_text(SCRIPT)
    more = {"cwd": tmp_path, "env": os.environ | {"ANOTHER": "1"}, "input": '{"a": "print(1)"}'}
    ours = run_python(*command, **more)
    python = subprocess.run([sys.executable, *command], capture_output=True, text=True, **more)

    assert (ours.returncode, ours.stdout) == (python.returncode, python.stdout), ours.stderr
    assert without_frames_of_runpy(ours.stderr) == without_frames_of_runpy(python.stderr)


def without_frames_of_runpy(text):
    return [line for line in text.splitlines() if "runpy" not in line]


def test_a_fork_has_torch_and_nothing_of_what_is_tested():
    done = run_python("-c", "import sys; print(*sys.modules)")

    assert "torch" in done.stdout.split()
    assert not {"fcspec", "pytest", "hypothesis", "click"} & {*done.stdout.split()}


def test_a_fork_that_takes_too_long_is_killed_and_the_next_one_runs():
    began = time.monotonic()
    with pytest.raises(subprocess.TimeoutExpired):
        run_python("-c", "import time; time.sleep(60)", timeout=0.3)

    assert time.monotonic() - began < 30
    assert run_python("-c", "print(1)").stdout == "1\n"
