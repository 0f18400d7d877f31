"""The command: verdicts as exit codes, the report as data, bad input as one clear line."""

import json
import os
import shutil
import subprocess
import sys
from importlib import resources
from pathlib import Path

import jsonschema
import pytest
from fcspec.errors import UsageError
from fcspec.options import NONE, Options, flags
from fcspec.report.model import Case, Run, judge, write_json
from fcspec.runner import Session
from fcspec.spec import load_spec
from fcspec.target.address import Address
from support.starting import fcspec, run_python

import results

SCHEMA = json.loads(resources.files("fcspec").joinpath("report", "report.schema.json").read_text(encoding="utf-8"))


def new_process(*arguments, **options):
    """As a user starts the command."""
    command = [sys.executable, *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=300, **options)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("arguments", "verdict"),
    [
        (["reference", "--strict"], "CONFORMING"),
        (["torch", "--strict", "--deviations", "builtin"], "CONFORMING AS DECLARED"),
    ],
    ids=["reference", "torch"],
)
def test_verdict_report_and_screen_of_a_whole_run(arguments, verdict, tmp_path):
    done = new_process("-m", "fcspec", "check", *arguments, "--json", str(tmp_path / "report.json"))
    report = json.loads((tmp_path / "report.json").read_text())

    assert (done.returncode, done.stdout.splitlines()[-1:]) == (0, [verdict]), done.stdout + done.stderr
    jsonschema.validate(report, SCHEMA)
    assert report["run"]["complete"]
    assert any("reproducer" in clause for clause in report["clauses"]) == (arguments[0] == "torch")
    assert [clause["clause"] for clause in report["clauses"]] == [one.slug for one in load_spec().select()]
    assert [
        clause["clause"] for clause in report["clauses"] if clause["level"] == "MAY" and not clause["observed"]
    ] == []
    result = results.result_of(report)
    whole = results.read(result.path).clauses
    assert {slug: whole.get(slug) for slug in result.clauses} == result.clauses, "python -m tox run -e results"


@pytest.mark.slow
def test_without_declared_deviations_torch_does_not_conform(tmp_path):
    broken, whole = "restore.shared-submodule", "restore.objects"
    outputs = [f"--{kind}={tmp_path / kind}" for kind in ("json", "junit", "markdown")]
    environment = {"GITHUB_ACTIONS": "true", "GITHUB_STEP_SUMMARY": str(tmp_path / "summary")}
    done = fcspec("check", "torch", f"--clause={broken}", f"--clause={whole}", *outputs, env=os.environ | environment)

    *_, verdict, error = done.stdout.splitlines()
    assert (done.returncode, verdict) == (1, "NOT CONFORMING"), done.stdout + done.stderr
    assert error.startswith(f"::error title={broken}::MUST, fail: ")
    assert f"✗ {broken} · MUST" in done.stdout
    assert f"✗ {whole}" not in done.stdout
    assert f'<testcase classname="restore" name="{whole}"' in (tmp_path / "junit").read_text()
    assert (tmp_path / "summary").read_text() == (tmp_path / "markdown").read_text()

    again = fcspec("check", "torch", f"--clause={broken}", f"--baseline={tmp_path / 'json'}", "--only-changes")
    last = "nothing changed, in 1 clause that both judged (of 2 before, 1 now)"
    assert (again.returncode, again.stdout.splitlines()[-1]) == (0, last), again.stdout + again.stderr


@pytest.mark.slow
def test_a_broken_installation_is_named_and_blamed_on_no_implementation(tmp_path):
    spec = load_spec().path
    shutil.copy(spec, tmp_path)
    suite = tmp_path / "conformance" / "fcspec"
    shutil.copytree(Path(__file__).parents[1] / "conformance" / "fcspec", suite)
    with (suite / "cases" / "test_args.py").open("a") as file:
        file.write("\nnowhere\n")

    environment = os.environ | {"PYTHONPATH": str(suite.parent)}
    done = new_process("-m", "fcspec", "check", "reference", "--clause", "args.*", env=environment)

    assert done.returncode == 3, done.stdout + done.stderr
    *_, problem, verdict = done.stdout.splitlines()
    assert "cases/test_args.py cannot be collected" in problem
    assert "NameError: name 'nowhere' is not defined" in problem
    assert verdict == "INCOMPLETE"


@pytest.mark.slow
def test_verdicts_do_not_depend_on_workers_on_the_seed_or_on_isolation():
    def verdicts(**options):
        report = session.judge(Options(Address.parse("torch"), clauses=("parametrize.*",), **options))
        assert report.complete
        return {case.id: case.verdict for result in report.clauses for case in result.cases}

    with Session(clauses=("parametrize.*",)) as session:
        expected = verdicts(workers=2)

        assert set(expected.values()) == {"pass", "fail"}
        assert verdicts(workers=1) == expected
        assert verdicts(workers=3, seed=7) == expected
        assert verdicts(isolation=NONE) == expected


CLAUSES = "call.result", "restore.shared-submodule", "tie.large-group"
"""torch breaks the second and the third."""


def under_command(*options, report, folder):
    chosen = [f"--clause={slug}" for slug in CLAUSES]
    done = fcspec("check", "torch", *chosen, *options, "--workers=1", f"--json={report}", cwd=folder)
    return done.returncode, json.loads(report.read_text())


def judged(report):
    """(verdict, id) of every case."""
    return [(case["verdict"], case["id"]) for clause in report["clauses"] for case in clause["cases"]]


@pytest.mark.slow
def test_excluded_cases_are_neither_judged_nor_planned(tmp_path):
    code, report = under_command("--exclude=test_ex*", "--exclude=*drawn*", report=tmp_path / "a.json", folder=tmp_path)

    files = {id.partition("::")[0] for _, id in judged(report)}
    assert files
    assert not files & {"test_examples.py", "test_drawn.py"}
    assert (code, report["run"]["complete"]) == (1, True)


@pytest.mark.slow
def test_a_brief_run_judges_a_clause_up_to_its_first_case_that_is_wrong(tmp_path):
    code, report = under_command(
        "--brief", "--exclude", "test_covering.py::*", report=tmp_path / "a.json", folder=tmp_path
    )

    wrong = [[case["verdict"] != "pass" for case in clause["cases"]] for clause in report["clauses"]]
    assert [sum(cases) for cases in wrong] == [0, 1, 1]
    assert [cases[-1] for cases in wrong] == [False, True, True]
    assert [clause["verdict"] for clause in report["clauses"]] == ["pass", "fail", "fail"]
    assert (code, report["run"]["complete"]) == (1, True)


@pytest.mark.slow
def test_exitfirst_ends_a_run_with_the_first_case_that_is_wrong(tmp_path):
    code, report = under_command("--exitfirst", report=tmp_path / "a.json", folder=tmp_path)

    assert [verdict for verdict, _ in judged(report) if verdict != "pass"] == ["fail"]
    assert (code, report["run"]["complete"]) == (1, False)


def test_every_option_of_the_command_is_one_of_pytest_but_for_the_workers():
    command = fcspec("check", "--help").stdout
    done = run_python("-m", "pytest", "--help")

    for flag in flags():
        assert f"--{flag.name} " in command
        assert (f"--fcspec-{flag.name}" in done.stdout) == (flag.name != "workers")


@pytest.mark.slow
@pytest.mark.parametrize("workers", [[], ["-n", "2"]], ids=["serial", "xdist"])
def test_the_cases_run_under_pytest_too(workers, tmp_path):
    slugs = ("inplace.rebinding", "inplace.rebinding-tuple")
    choice = ["--implementation", "torch", *(f"--fcspec-clause={slug}" for slug in slugs), *workers]
    command = ["-m", "pytest", "--pyargs", "fcspec", "-p", "no:cacheprovider", "-q", *choice]

    done = run_python(*command, cwd=tmp_path)

    assert done.returncode == 1, done.stdout + done.stderr
    assert "test_example[inplace.rebinding-tuple]" in done.stdout
    assert "test_example[inplace.rebinding]" not in done.stdout


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ([], "which implementation?"),
        (["torch.func.functional_call"], "is no target"),
        (["torch.func:functional_cal"], "did you mean 'functional_call'?"),
        (["torch", "--clause", "restore.object"], "did you mean 'restore.objects'?"),
        (["torch", "--profile", "cor"], "did you mean 'core'?"),
        (["torch", "--deviations", "nowhere.toml"], "--deviations nowhere.toml cannot be read"),
        (["torch", "--json", "nowhere/report.json"], "--json nowhere/report.json cannot be written"),
        (["torch", "--workers", "0"], "--workers"),
        (["torch", "--junit", "nowhere/report.xml"], "--junit nowhere/report.xml cannot be written"),
        (["torch", "--baseline", "nowhere.json"], "nowhere.json cannot be read"),
        (["torch", "--exclude", "test_[a-m]*", "--exclude", "*"], "--exclude test_[a-m]* * leaves no case to judge"),
        (["torch", "--only-changes"], "--only-changes needs --baseline FILE"),
        (["torch", "--json", "-", "--markdown", "-"], "only one of --json, --markdown can go to stdout"),
        (["torch", "--isolation", "some"], "'fork', 'spawn', 'none'"),
        (["torch", "--strictly"], "--strict"),
        (["torch", "--device", "gpu"], "--device gpu: expected one of cpu, cuda, mps"),
        (["torch", "--device", "mps"], "--device mps: torch "),
        (["torch", "--device", "cuda", "--profile", "all"], "judge compile and drop-in on the CPU"),
    ],
)
def test_bad_input_is_one_clear_message_and_exit_code_4(arguments, says, tmp_path):
    done = fcspec("check", *arguments, cwd=tmp_path)

    assert done.returncode == 4, done.stdout
    assert says in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("address", "says"),
    [
        ("torch.funk:functional_call", "torch.funk does not import: ModuleNotFoundError"),
        ("torch:__version__", "is not callable"),
        ("builtins:len", "does not take functional_call's arguments"),
        ("nowhere.py:functional_call", "no file nowhere.py"),
    ],
)
def test_what_cannot_be_judged_is_refused(session, address, says):
    with pytest.raises(UsageError) as refused:
        session.judge(Options(Address.parse(address)))

    assert says in str(refused.value)


@pytest.mark.slow
def test_all_is_made_on_the_device_that_is_chosen(tmp_path):
    target = tmp_path / "target.py"
    target.write_text(
        "import torch\nfrom fcspec_reference import functional_call as plain\n\n"
        "def functional_call(module, values, args=None, kwargs=None, **flags):\n"
        "    assert torch.get_default_device() == torch.device('cpu:0')\n"
        "    return plain(module, values, args, kwargs, **flags)\n"
    )

    for device, code in (("cpu:0", 0), ("cpu", 1)):
        report = tmp_path / "report.json"
        done = fcspec(
            *(
                "check",
                f"{target}:functional_call",
                "--clause",
                "swap.parameter",
                "--device",
                device,
                "--json",
                str(report),
            )
        )

        assert done.returncode == code, done.stdout + done.stderr
        assert (" · on cpu:0\n" in done.stdout) == (code == 0)
        assert (json.loads(report.read_text()).get("environment", {}).get("device") == "cpu:0") == (code == 0)


def test_python_without_asserts_is_refused(tmp_path):
    done = new_process("-O", "-m", "fcspec", "targets", cwd=tmp_path)

    assert done.returncode == 4
    assert "python -O removes assert statements" in done.stderr


def test_clauses_are_listed_and_explained():
    listed = fcspec("clauses", "restore.*")
    explained = fcspec("explain", "restore.exception")

    assert listed.stdout.splitlines()[0].startswith("restore.objects")
    assert len(listed.stdout.splitlines()) == 25
    assert "pytorch#81262" in explained.stdout
    assert fcspec("explain", "restore.exeption").stderr.startswith(
        "fcspec: SPEC.md has no clause 'restore.exeption'; did you"
    )


def test_the_schema_tells_a_report_from_what_is_none(tmp_path):
    spec = load_spec()
    whole = judge(spec, {"call.result": ["test_call.py::a"]}, [Case("test_call.py::a", "call.result", "pass")], run=Run(
        started="2026-01-01T00:00:00Z"), target={"address": "a:b", "name": "b", "file": None, "line": None}, environment={},
    ).as_dict()  # fmt: skip
    write_json(whole, tmp_path / "report.json")
    jsonschema.validate(json.loads((tmp_path / "report.json").read_text()), SCHEMA)
    jsonschema.validate({"format": "fcspec-report", "format_version": 1, "run": {"complete": False}}, SCHEMA)

    for wrong in (
        {**whole, "verdict": "fine"},
        {**whole, "more": 1},
        {"format": "fcspec-report", "run": {"complete": True}},
    ):
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(wrong, SCHEMA)
