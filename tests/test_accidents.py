"""What happens to honest users: their targets' threads and descriptors, their terminals, files and pytest."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from fcspec import cli, spec
from fcspec.errors import UsageError
from fcspec.explore import explore
from fcspec.options import Options
from fcspec.report.model import write_json
from fcspec.target.address import Address
from fcspec.workers.child import Child
from fcspec.workers.pool import Ended, Pool, Task
from support.judging import judge_source
from support.starting import fcspec, run_python

HONEST = Path(__file__).parent / "honest"
HOSTILE = Path(__file__).parent / "hostile"


def judge(session, address, *clauses, folder=HONEST, **options):
    options = {"workers": 2, "timeout": 20.0, **options}
    return session.judge(Options(Address.parse(str(folder / address)), clauses=clauses, **options))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("address", "isolation"),
    [
        ("carried.py:uses_a_pool_made_at_import", "spawn"),
        ("carried.py:works_only_where_it_was_imported", "spawn"),
        ("parallel_at_import.py:functional_call", "spawn"),
        ("carried.py:uses_two_threads", "fork"),
        ("carried.py:is_slow_once", "fork"),
    ],
)
def test_a_target_that_forks_do_not_carry_is_imported_by_each_child(session, address, isolation):
    report = judge(session, address, "args.untouched", "call.result", "state.defaults")

    assert (report.exit_code, report.run.isolation) == (0, isolation)
    assert [note for note in report.run.notes if "a fork does not carry the target" in note] == (
        ["a fork does not carry the target: each child imports it anew (--isolation spawn)"]
        if isolation == "spawn"
        else []
    )


@pytest.mark.slow
def test_isolation_may_be_chosen(session):
    report = judge(session, "untidy.py:puts_a_folder_first", "call.result", isolation="spawn")

    assert (report.exit_code, report.run.isolation) == (0, "spawn")
    assert report.run.notes == ("put back after cases: sys.path",)
    assert report.target["file"] == "untidy.py"


def test_no_accelerator_is_seen_where_processes_fork(session):
    source = (
        "import os, torch\nfrom fcspec_reference import functional_call\n"
        "assert os.environ['CUDA_VISIBLE_DEVICES'] == '-1' and torch.cuda.device_count() == 0"
    )

    assert judge_source(session, source, clauses=("grad.given",)).exit_code == 0


def test_an_import_that_closes_descriptors_is_refused_in_one_line(session):
    with pytest.raises(UsageError, match="closes descriptors that it did not open; let it") as refused:
        judge(session, "import_closes.py:functional_call", "call.result")

    assert "\n" not in str(refused.value)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "what"), [("puts_a_folder_first", "sys.path"), ("changes_the_default_dtype", "default dtype")]
)
def test_what_each_call_changes_is_put_back_and_costs_no_process_for_each_case(session, name, what):
    # what is drawn makes many calls in a case
    report = judge(session, f"untidy.py:{name}", "tie.*", isolation="fork", exclude=("test_covering.py::*",))

    assert {str(one.verdict) for one in report.clauses if one.level == "MUST"} == {"pass"}
    assert report.run.notes == (f"put back after cases: {what}",)
    assert report.run.seconds < 60


@pytest.mark.slow
def test_a_target_whose_calls_return_in_both_halves_of_a_fork_ends(session):
    report = judge(session, "straying.py:forks_a_twin", "call.result", "args.untouched", folder=HOSTILE)

    assert report.complete
    assert {str(one.verdict) for one in report.clauses} == {"pass"}


def test_the_wait_for_a_processor_is_not_on_the_clock(monkeypatch):
    monkeypatch.setattr(Child, "starved", property(lambda self: 0.4))
    ended = {}
    for name, seconds in (("starved", 0.3), ("asleep", 60.0)):
        pool = Pool(1)
        pool.add(Task(name, lambda output, seconds=seconds: [time.sleep(seconds)], 0.15))
        began = time.monotonic()
        ended[name] = next(one.late for one in pool.run() if isinstance(one, Ended))
        assert time.monotonic() - began < 10

    assert ended == {"starved": False, "asleep": True}


ONCE = ("check", "reference", "--clause", "call.result")


def test_a_dash_is_stdout_and_the_screen_goes_elsewhere():
    done = fcspec(*ONCE, "--json", "-")

    assert json.loads(done.stdout)["verdict"] == "conforming"
    assert "CONFORMING" in done.stderr


def test_a_full_disk_costs_one_line_after_the_screen():
    done = fcspec(*ONCE, "--json", "/dev/full")

    assert (done.returncode, Path("/dev/full").is_char_device()) == (3, True)
    assert "CONFORMING" in done.stdout
    assert done.stderr.splitlines() == ["fcspec: --json /dev/full cannot be written: No space left on device"]


def test_a_symlink_and_a_pipe_stay_what_they_are(tmp_path):
    link, file, pipe = tmp_path / "link", tmp_path / "file", tmp_path / "pipe"
    link.symlink_to(file)
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    for path in (link, pipe):
        write_json({"a": 1}, path)

    assert link.is_symlink()
    assert json.loads(file.read_text()) == json.loads(os.read(reader, 100)) == {"a": 1}
    assert pipe.is_fifo()
    os.close(reader)


@pytest.mark.slow
def test_a_terminal_that_knows_ascii_only_is_written_to(tmp_path):
    environment = os.environ | {"PYTHONIOENCODING": "ascii"}
    command = [sys.executable, "-m", "fcspec", "check", "torch", "--clause", "restore.shared-submodule"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, env=environment, cwd=tmp_path)

    assert (done.returncode, done.stderr) == (1, "")
    assert done.stdout.splitlines()[-1].startswith("NOT CONFORMING")
    assert list(tmp_path.iterdir()) == []


def test_deviations_that_cannot_be_written_are_not_looked_for(tmp_path):
    began = time.monotonic()
    done = fcspec("deviations", "torch", "-o", tmp_path / "nowhere" / "file.toml")

    assert (done.returncode, len(done.stderr.splitlines())) == (4, 1)
    assert time.monotonic() - began < 30


@pytest.mark.slow
def test_an_interrupted_check_shows_nothing_unjudged_as_wrong(tmp_path):
    target, called = tmp_path / "target.py", tmp_path / "called"
    target.write_text(
        "import pathlib, time\n\ndef functional_call(*args, tie_weights=True, strict=False):\n"
        f"    pathlib.Path({str(called)!r}).touch()\n    time.sleep(60)\n"
    )
    command = [sys.executable, "-m", "fcspec", "check", f"{target}:functional_call"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=tmp_path)
    while not called.exists():
        time.sleep(0.1)
    process.send_signal(signal.SIGINT)
    stdout, stderr = process.communicate(timeout=60)

    assert (process.returncode, stdout.splitlines()[-1:]) == (2, ["INCOMPLETE"]), stdout + stderr
    assert "not judged" in stdout
    assert "✗" not in stdout


def test_an_interrupted_search_keeps_what_it_found():
    def interrupt(search):
        if search.examples:
            raise KeyboardInterrupt

    search = explore(Address.parse("torch"), seconds=60, workers=1, on_progress=interrupt)

    assert search.interrupted
    assert search.examples


def under_pytest(folder, *arguments):
    return run_python("-m", "pytest", "-q", "-p", "no:cacheprovider", *arguments, cwd=folder)


SUITE = ("--pyargs", "fcspec", "--fcspec-target", "reference", "--fcspec-clause")


@pytest.mark.slow
def test_an_ini_file_of_the_callers_does_not_empty_the_run(tmp_path):
    (tmp_path / "pytest.ini").write_text("[pytest]\npython_files = check_*.py\npython_functions = check_*\n")
    done = under_pytest(tmp_path, *SUITE, "call.result")

    assert done.returncode == 0, done.stdout + done.stderr
    assert " passed" in done.stdout


@pytest.mark.slow
@pytest.mark.parametrize("workers", [(), ("-n", "1")], ids=["serial", "xdist"])
def test_a_mistyped_clause_is_one_line(tmp_path, workers):
    done = under_pytest(tmp_path, *SUITE, "call.onze", *workers)

    assert (done.returncode, done.stdout.strip()) == (4, "")
    assert done.stderr.split("\n\n")[0] == "ERROR: no clause matches 'call.onze'; did you mean 'call.once'?"


@pytest.mark.slow
@pytest.mark.parametrize("workers", [(), ("-n", "1")], ids=["serial", "xdist"])
def test_a_run_without_a_case_judges_nothing_and_says_so(tmp_path, workers):
    (tmp_path / "test_own.py").write_text("def test_own(): pass\n")
    done = under_pytest(tmp_path, "--fcspec-target", "reference", *workers)

    assert done.returncode == 4, done.stdout + done.stderr
    assert "ERROR: --fcspec-target: no case of the suite was collected" in done.stdout


@pytest.mark.slow
def test_an_option_of_the_callers_keeps_its_name(tmp_path):
    (tmp_path / "conftest.py").write_text(
        "def pytest_addoption(parser):\n    parser.addoption('--implementation', default='mine')\n"
    )
    (tmp_path / "test_own.py").write_text(
        "def test_own(request):\n    assert request.config.getoption('--implementation') == 'theirs'\n"
    )

    assert under_pytest(tmp_path, "--implementation", "theirs").returncode == 0
    assert under_pytest(tmp_path, *SUITE, "call.result").returncode == 0


@pytest.mark.slow
def test_a_target_that_forks_do_not_carry_is_judged_under_pytest_too(tmp_path):
    target = f"{HONEST / 'carried.py'}:uses_a_pool_made_at_import"
    done = under_pytest(tmp_path, "--pyargs", "fcspec", "--implementation", target, "--fcspec-clause", "call.result")

    assert done.returncode == 0, done.stdout + done.stderr


def test_an_installation_without_one_of_its_files_says_which(tmp_path, capsys):
    ignore = shutil.ignore_patterns("__pycache__", "cases", "SPEC.md")
    shutil.copytree(Path(spec.__file__).parent, tmp_path / "fcspec", ignore=ignore)
    done = fcspec("clauses", cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(tmp_path)})
    said = (
        f"this installation of fcspec is broken: {tmp_path}/fcspec/SPEC.md cannot be read (No such file or directory)"
    )
    assert (done.returncode, done.stderr) == (3, f"fcspec: {said}; install it again\n")

    assert cli._exit_code(lambda: Path("/nowhere/page.css").read_text()) == 3
    assert capsys.readouterr().err == "fcspec: /nowhere/page.css: No such file or directory\n"
