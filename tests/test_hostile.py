"""Every hostile target gets its verdict, and the run ends by itself, with a report that says complete or not."""

import json
import os
from pathlib import Path

import pytest
from fcspec import parametrizing, runner
from fcspec.errors import UsageError
from fcspec.options import Options
from fcspec.report import junit, terminal
from fcspec.spec import load_spec
from fcspec.target.address import Address
from support.starting import fcspec, run_python

HOSTILE = Path(__file__).parent / "hostile"
SLOW = pytest.mark.slow
DRAWN = ("test_covering.py::*", "test_drawn.py::*")  # they run first, and make calls of all kinds


@pytest.fixture
def judge(session):
    """`judge("leaving.py:exits_with_0", "call.once")` -> Report."""

    def judge(address, *clauses, **options):
        return session.judge(request(address, *clauses, **options))

    return judge


def request(address, *clauses, **options):
    return Options(Address.parse(str(HOSTILE / address)), clauses=clauses, **{"workers": 2, "timeout": 20.0, **options})


def verdicts(report):
    return {result.clause: result.verdict for result in report.clauses}


EVERY_CASE = {
    "leaving.py:exits_with_0": ("exit", "left the process with status 0, and no verdict"),
    "leaving.py:exits_with_3": ("exit", "left the process with status 3, and no verdict"),
    "leaving.py:raises_system_exit": ("exit", "SystemExit"),
    "leaving.py:leaves_a_twin_behind": ("exit", "left the process with status 0"),
    "speaking.py:exits_pytest": ("evaded", "Exit: all is well"),
    "speaking.py:skips": ("evaded", "Skipped: not today"),
    "speaking.py:expects_failure": ("evaded", "XFailed: known"),
    "speaking.py:skips_as_unittest_does": ("evaded", "SkipTest: not today"),
    "speaking.py:rejects_the_example": ("evaded", "UnsatisfiedAssumption"),
    "speaking.py:assumes_what_is_false": ("evaded", "UnsatisfiedAssumption"),
    "speaking.py:quits_the_debugger": ("evaded", "BdbQuit"),
    "speaking.py:says_unsupported": ("evaded", "Unsupported: this torch is too old"),
    "raising.py:interrupts": ("fail", "KeyboardInterrupt"),
    "raising.py:exits_a_generator": ("fail", "GeneratorExit"),
    "raising.py:stops_an_iteration": ("fail", "StopIteration"),
    "raising.py:recurses_for_ever": ("fail", "RecursionError"),
    "raising.py:has_markup_in_its_message": ("fail", "ValueError"),
    "raising.py:has_no_message": ("fail", "Unprintable"),
    "crashing.py:reads_address_0": ("crash", "killed by SIGSEGV"),
    "crashing.py:aborts": ("crash", "killed by SIGABRT"),
    "crashing.py:kills_itself": ("crash", "killed by SIGKILL"),
    "crashing.py:kills_its_group": ("crash", "killed by SIGKILL"),
    "crashing.py:takes_all_memory": ("fail", "MemoryError"),
    "writing.py:answers_for_the_test": ("evaded", "wrote into the suite's channel"),
    "writing.py:looks_for_the_word": ("evaded", "wrote into the suite's channel"),
    "writing.py:closes_everything": ("exit", "no verdict"),
    "replacing.py:replaces_equal": ("evaded", "replaced torch.equal"),
    "replacing.py:replaces_equal_once": ("evaded", "replaced torch.equal"),
    "replacing.py:replaces_assert_close": ("evaded", "replaced torch.testing.assert_close"),
    "replacing.py:replaces_the_code_of_assert_close": ("evaded", "assert_close.__code__"),
    "replacing.py:replaces_eq_of_tensors": ("evaded", "replaced torch.Tensor.__eq__"),
    "replacing.py:replaces_isinstance": ("evaded", "replaced builtins.isinstance"),
    "replacing.py:replaces_raises": ("evaded", "replaced pytest.raises"),
    "replacing.py:replaces_a_hook": ("evaded", "replaced pytest_runtest_makereport of runner"),
    "replacing.py:registers_a_hook": ("evaded", "replaced pytest_runtest_makereport"),
    "replacing.py:replaces_the_snapshot": ("evaded", "replaced fcspec.state.module_state.snapshot"),
    "replacing.py:replaces_the_verdict": ("evaded", "replaced _pytest.runner.CallInfo.from_call"),
    "lying.py:returns_an_agreeable_tensor": ("evaded", "returned an object of its own class Agreeable"),
    "lying.py:returns_an_agreeable_object": ("evaded", "returned an object of its own class AgreeableObject"),
}


@pytest.mark.parametrize("address", EVERY_CASE)
def test_what_a_target_does_in_every_call_is_the_verdict_of_every_clause(judge, address):
    verdict, reason = EVERY_CASE[address]

    # clauses whose cases let no error pass, and get no result from an nn.Linear
    report = judge(address, "call.plain-state", "args.untouched")

    assert verdicts(report) == {"call.plain-state": verdict, "args.untouched": verdict}
    assert all(reason in case.reason for result in report.clauses for case in result.cases if case.verdict.is_wrong)
    assert (report.exit_code, report.complete, report.verdict) == (1, True, "nonconforming")


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("lying.py:is_right_once", {"call.result": "fail", "call.once": "pass"}),
        ("lying.py:is_wrong_once", {"call.result": "fail", "call.once": "pass"}),
        ("lying.py:knows_the_examples", {"call.result": "fail", "call.once": "pass"}),
        ("lying.py:is_right_before_an_example", {"call.result": "fail", "call.once": "pass"}),
        pytest.param(
            "straying.py:leaves_a_thread", {"state.processes": "fail", "args.untouched": "pass"}, marks=pytest.mark.slow
        ),
        pytest.param(
            "straying.py:leaves_a_child", {"state.processes": "fail", "args.untouched": "pass"}, marks=pytest.mark.slow
        ),
        pytest.param(
            "straying.py:forks_a_twin", {"state.processes": "fail", "args.untouched": "pass"}, marks=pytest.mark.slow
        ),
        pytest.param(
            "straying.py:leaves_a_daemon", {"call.result": "pass", "args.untouched": "pass"}, marks=pytest.mark.slow
        ),
        ("untidy.py:leaves_grad_mode_off", {"call.mode": "fail", "args.untouched": "pass"}),
        ("untidy.py:changes_the_default_dtype", {"state.defaults": "fail", "args.untouched": "pass"}),
        pytest.param("untidy.py:reseeds", {"state.rng": "fail", "args.untouched": "pass"}, marks=SLOW),
        ("untidy.py:leaves_a_function_mode", {"state.modes": "fail", "args.untouched": "pass"}),
        ("untidy.py:lies_under_a_function_mode", {"state.modes": "fail", "call.result": "fail", "call.once": "pass"}),
        pytest.param(
            "untidy.py:patches_named_parameters",
            {"state.torch": "fail", "call.result": "pass", "args.untouched": "pass"},
            marks=SLOW,
        ),
        pytest.param(
            "writing.py:prints_megabytes", {"state.silent": "fail", "args.untouched": "pass"}, marks=pytest.mark.slow
        ),
    ],
)
def test_what_breaks_one_clause_disturbs_no_other(judge, address, expected):
    report = judge(address, *expected)

    assert verdicts(report) == expected
    assert report.complete


@pytest.mark.parametrize(
    "address",
    [
        "legitimate.py:callable_object",
        "legitimate.py:bound_method",
        "legitimate.py:partial",
        "legitimate.py:takes_anything",
        "replacing.py:replaces_in_its_own_call",
        "import_prints.py:functional_call",
    ],
)
def test_what_is_unusual_but_right_conforms(judge, address):
    report = judge(address, "call.result", "state.torch")

    assert verdicts(report) == {"call.result": "pass", "state.torch": "pass"}
    assert (report.exit_code, report.verdict) == (0, "conforming")


@pytest.mark.slow
@pytest.mark.parametrize(
    "address",
    ["hanging.py:sleeps", "hanging.py:holds_the_lock", "hanging.py:stops_itself", "hanging.py:hangs_in_another_group"],
)
def test_what_never_returns_is_not_waited_for(judge, address):
    report = judge(address, "call.once", "call.result", "call.no-values", timeout=1.0, patience=3, exclude=DRAWN)

    assert "timeout" in verdicts(report).values()
    assert set(verdicts(report).values()) <= {"timeout", None}
    assert sum(len(result.cases) for result in report.clauses) == 3
    assert all(case.reason == "no verdict after 1 s" for result in report.clauses for case in result.cases)
    assert (report.exit_code, report.complete, report.run.out_of_patience) == (1, False, True)


@pytest.mark.parametrize(
    ("address", "says"),
    [
        ("import_raises.py", "does not import: RuntimeError: this module wants a GPU"),
        ("import_exits.py", "ends the process (status 0)"),
        ("import_exits_politely.py", "does not import: SystemExit: 0"),
        ("import_crashes.py", "ends the process (killed by SIGSEGV)"),
        ("import_hangs.py", "takes more than 2 s to import"),
        ("import_patches.py", "changes torch.equal"),
        ("import_patches_modules.py", "Module.named_parameters"),
    ],
)
def test_what_can_not_be_imported_cleanly_is_refused(judge, address, says):
    timeout = 1.0 if "takes" in says else 20.0

    with pytest.raises(UsageError) as refused:
        judge(f"{address}:functional_call", "call.result", timeout=timeout)

    assert says in str(refused.value)


def test_what_was_judged_before_the_suites_process_is_killed_is_kept(judge):
    report = judge("crashing.py:kills_its_parent", "call.result", "strict.none", workers=1, exclude=DRAWN)

    assert verdicts(report) == {"call.result": "pass", "strict.none": None}
    assert (report.exit_code, report.complete, report.verdict) == (3, False, "incomplete")
    assert "killed by SIGKILL" in report.run.problem


@pytest.mark.slow
def test_the_command_prints_and_writes_nothing_that_a_target_could_misuse(tmp_path):
    path = tmp_path / "report.json"
    address = f"{HOSTILE / 'raising.py'}:has_markup_in_its_message"

    done = fcspec("check", address, "--clause", "call.result", "--json", path)

    assert done.returncode == 1, done.stderr
    assert not {"\x1b", "\x07", "\r"} & {*done.stdout, *done.stderr}
    report = json.loads(path.read_text(encoding="utf-8"))
    assert (report["verdict"], report["run"]["complete"]) == ("nonconforming", True)


def test_what_is_right_only_where_pytest_is_loaded_does_not_conform():
    report = runner.run(request(f"{HOSTILE / 'lying.py'}:is_right_under_pytest", "call.result"))

    assert (report.exit_code, report.verdict) == (1, "nonconforming")
    assert "does not compute with the given values" in report.run.draft
    assert f"\n{report.run.draft}\nNOT CONFORMING\n" in terminal.screen(report, load_spec()).plain
    assert report.run.draft in junit.document(report, load_spec())
    outcomes = {parametrizing._outcome(result, report).kind for result in report.clauses}
    assert outcomes == {parametrizing.Kind.FAILS}


@pytest.mark.slow
def test_nothing_that_a_target_started_outlives_the_run(judge):
    def processes():
        found = set()
        for folder in Path("/proc").glob("[0-9]*"):
            try:
                found.add((folder / "environ").read_bytes().count(mark) and int(folder.name))
            except OSError:
                pass
        return found - {0}

    mark = f"FCSPEC_TEST={os.getpid()}".encode()
    os.environ["FCSPEC_TEST"] = str(os.getpid())
    try:
        judge("straying.py:leaves_a_daemon", "call.result")
    finally:
        del os.environ["FCSPEC_TEST"]

    assert processes() == set()


def under_pytest(address, *options, folder):
    choice = (
        "--fcspec-clause",
        "call.result",
        "--fcspec-timeout",
        "1",
        "--fcspec-patience",
        "2",
        "-p",
        "no:cacheprovider",
    )
    command = ["-m", "pytest", "--pyargs", "fcspec", "--implementation", HOSTILE / address, *choice]
    return run_python(*command, *options, cwd=folder)


@pytest.mark.slow
def test_workers_of_xdist_survive(tmp_path):
    done = under_pytest("leaving.py:exits_with_0", "-n", "2", folder=tmp_path)

    assert done.returncode == 1, done.stdout + done.stderr
    assert "exit: left the process with status 0, and no verdict" in done.stdout
    assert " passed" not in done.stdout


@pytest.mark.slow
def test_patience_ends_a_run_under_pytest_too(tmp_path):
    done = under_pytest("hanging.py:holds_the_lock", "-n", "0", "-rs", folder=tmp_path)

    assert done.returncode == 1, done.stdout + done.stderr
    assert "timeout: no verdict after 1 s" in done.stdout
    assert "2 failed" in done.stdout
    assert "not judged: too many timeouts in a row" in done.stdout
