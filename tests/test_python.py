"""From Python: fcspec.check, what it judges, what it refuses, and that it leaves the caller as it was."""

import functools
import os
import random
import subprocess
import sys
import threading
import time

import fcspec
import fcspec_reference
import pytest
import torch
from fcspec import api, live, runner
from fcspec.report.model import Case, Run, judge
from fcspec.spec import load_spec
from fcspec.state import process_state

CLAUSE = "dicts.distinct"


def closure(function):
    def functional_call(module, values, args=None, kwargs=None, *, tie_weights=True, strict=False):
        return function(module, values, args, kwargs, tie_weights=tie_weights, strict=strict)

    return functional_call


def last_dict_counts(module, values, *args, **flags):
    """Breaks CLAUSE."""
    united = {name: value for one in values for name, value in one.items()} if isinstance(values, tuple) else values
    return fcspec_reference.functional_call(module, united, *args, **flags)


class Report(api.Report):
    @classmethod
    def of(cls, cases, **run):
        plan = {case.clause: [case.id] for case in cases}
        target = {"address": "a:<b>", "name": "<b>", "file": None, "line": None}
        report = judge(load_spec(), plan, cases, target=target, environment={}, run=Run(**run))
        return cls(**{name: getattr(report, name) for name in report.__dataclass_fields__})


def failing(verdict="fail"):
    return Report.of([Case("test_x.py::a", CLAUSE, verdict, "x < y\x1b[2J", stimulus="Linear()")])


# ---------------------------------------------------------------------------------------------------------------- judging


def test_importing_fcspec_imports_next_to_nothing():
    code = "import sys; before = set(sys.modules); import fcspec; print(*sys.modules.keys() - before)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    heavy = {"torch", "pytest", "_pytest", "hypothesis", "markdown_it", "click", "rich", "json", "subprocess"}
    assert {name.partition(".")[0] for name in done.stdout.split()} & heavy == set()


@pytest.mark.slow
def test_an_address_is_judged():
    report = fcspec.check("reference", clauses=CLAUSE, workers=1)

    assert (report.verdict, report.exit_code, report.broken) == ("conforming", 0, ())
    assert [one.clause for one in report.clauses] == [CLAUSE]


@pytest.mark.slow
def test_a_closure_is_judged_under_torchs_own_defaults_and_the_caller_stays_as_it_was(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(torch.nn.modules.module, "_global_forward_hooks", {0: pytest.fail})
    torch.ones(300, 300) @ torch.ones(300, 300)  # starts torch's threads
    torch.set_default_dtype(torch.float64)
    before = process_state.snapshot()
    try:
        with torch.no_grad(), torch.autocast("cpu"):
            report = fcspec.check(closure(last_dict_counts), clauses=(CLAUSE, "call.result"), workers=1)
        assert process_state.difference(before, process_state.snapshot()) == {}
    finally:
        torch.set_default_dtype(torch.float32)

    assert [one.clause for one in report.broken] == [CLAUSE]
    assert report.target["address"] == "test_python:closure.<locals>.functional_call"
    assert [*tmp_path.iterdir()] == []


def test_random_numbers_are_drawn_as_if_nothing_had_been_imported():
    code = "import random, fcspec; random.seed(1); fcspec.check; print(random.random())"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout == f"{random.Random(1).random()}\n"


def test_what_has_no_address_is_judged_again_by_a_call():
    shown = str(failing())

    assert "    again     fcspec.check(..., " in shown
    assert "cases=['test_x.py::a'])" in shown


def test_a_mode_that_a_fork_cannot_leave_is_named():
    with torch.inference_mode(), pytest.raises(fcspec.UsageError, match="modes: inference"):
        fcspec.check(closure(last_dict_counts), clauses=CLAUSE)


def test_a_process_whose_forks_cannot_run_autograd_is_refused(monkeypatch):
    def refuse():
        raise RuntimeError("Unable to handle autograd's threading in combination with fork-based multiprocessing")

    monkeypatch.setattr(live, "_run_backward", refuse)
    with pytest.raises(fcspec.UsageError, match="autograd does not run in a fork of this process"):
        fcspec.check(closure(last_dict_counts), clauses=CLAUSE)


def test_a_backward_pass_that_hangs_in_a_fork_is_refused(monkeypatch):
    here = os.getpid()
    monkeypatch.setattr(live, "_run_backward", lambda: time.sleep(0 if os.getpid() == here else 60))
    monkeypatch.setattr(live, "_LONGEST_BACKWARD", 0.1)
    with pytest.raises(fcspec.UsageError, match="autograd does not run in a fork of this process"):
        live._try_autograd()


def test_no_verdict_comes_of_a_test_without_an_end_in_a_fork_of_threads():
    doubted = api._doubting_the_fork(failing("timeout"), ["other"])

    assert doubted.verdict == "incomplete"
    assert "threads (other), which may be why: put the implementation into a module" in doubted.run.problem
    assert api._doubting_the_fork(failing(), ["other"]).verdict == "nonconforming"
    assert api._doubting_the_fork(failing("timeout"), []).verdict == "nonconforming"


def test_threads_are_those_of_python_and_those_of_libraries():
    stop = threading.Event()
    thread = threading.Thread(target=stop.wait, name="other")
    before = api._other_threads()
    thread.start()
    try:
        assert {*api._other_threads()} - {*before} == {"other"}
    finally:
        stop.set()
        thread.join()


def test_an_interruption_ends_the_suite_and_reaches_the_caller(monkeypatch):
    def interrupt(*_):
        raise KeyboardInterrupt

    before = process_state.snapshot("processes")
    monkeypatch.setattr(runner.Session, "_follow", interrupt)
    with pytest.raises(KeyboardInterrupt):
        fcspec.check(closure(last_dict_counts), clauses=CLAUSE)

    assert process_state.difference(before, process_state.snapshot("processes")) == {}


# -------------------------------------------------------------------------------------------------------------- addresses


class Method:
    def functional_call(self, *args):
        pass


@pytest.mark.parametrize(
    ("target", "address"),
    [
        (torch.func.functional_call, "torch.func:functional_call"),
        (fcspec_reference.functional_call, "fcspec_reference:functional_call"),
        (fcspec.check, "fcspec.api:check"),
    ],
)
def test_a_function_of_a_module_has_an_address(target, address):
    found, held = api._locate(target)

    assert (str(found), held) == (address, None)


@pytest.mark.parametrize(
    ("target", "address"),
    [
        (closure(len), "test_python:closure.<locals>.functional_call"),
        (Method().functional_call, "test_python:Method.functional_call"),
        (functools.partial(len), "builtins:partial(len)"),
    ],
)
def test_what_no_import_finds_is_held(target, address):
    found, held = api._locate(target)

    assert (str(found), held) == (address, target)


def test_a_function_of_the_program_itself_is_held(monkeypatch):
    monkeypatch.setattr(last_dict_counts, "__module__", "__main__")
    monkeypatch.setattr(sys.modules["__main__"], "last_dict_counts", last_dict_counts, raising=False)

    assert api._locate(last_dict_counts)[1] is last_dict_counts


# --------------------------------------------------------------------------------------------------------------- arguments


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"target": 3}, "expected an implementation of functional_call or its address, found 3"),
        ({"target": "torch.func.functional_call"}, "is no target"),
        ({"profiles": "cor"}, "did you mean 'core'?"),
        ({"clauses": ("restore.object",)}, "did you mean 'restore.objects'?"),
        ({"clauses": 3}, "clauses: expected strings, found 3"),
        ({"clauses": []}, "clauses: found none, so there is nothing to judge; leave it out to judge all"),
        ({"cases": []}, "cases: found none, so there is nothing to judge"),
        ({"profiles": ()}, "profiles: found none, so there is nothing to judge"),
        ({"workers": 0}, "workers: expected a whole number from 1 on, found 0"),
        ({"workers": True}, "workers: expected a whole number from 1 on, found True"),
        ({"timeout": "1"}, "timeout: expected a number from 0.1 on, found '1'"),
        ({"timeout": float("nan")}, "timeout: expected a number from 0.1 on, found nan"),
        ({"strict": 1}, "strict: expected True or False, found 1"),
        ({"isolation": "none"}, "no option 'isolation'; there are target, deviations, profiles"),
        ({"deviations": 3}, "deviations: expected a path or 'builtin', found 3"),
        ({"deviations": "nowhere.toml"}, "--deviations nowhere.toml cannot be read"),
    ],
)
def test_a_bad_argument_is_one_clear_message(arguments, says):
    with pytest.raises(fcspec.UsageError) as refused:
        fcspec.check(**{"target": "torch", **arguments})

    assert says in str(refused.value)


# ------------------------------------------------------------------------------------------------------------------ report


def test_a_report_shows_itself():
    report = failing()

    assert repr(report) == "<fcspec.Report of a:<b>: nonconforming, MUST 0 of 1 hold>"
    assert str(report).endswith("NOT CONFORMING\n")
    assert '"verdict": "nonconforming"' in report.to_json()


def test_a_notebook_shows_what_is_wrong_and_nothing_of_a_target_is_html():
    shown = failing()._repr_html_()

    assert "a:&lt;b&gt;" in shown
    assert "x &lt; y" in shown
    assert "<b>" not in shown
    assert "\x1b" not in shown
    assert CLAUSE in shown
