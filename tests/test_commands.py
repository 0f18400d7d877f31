"""The commands for whoever writes an implementation: `fcspec next`, `fcspec init`; and `fcspec doctor`."""

import io
import re
import signal
import subprocess
import sys
import time
from dataclasses import replace

import pytest
from fcspec import index
from fcspec.commands import doctor, init, watch
from fcspec.commands.judging import say
from fcspec.errors import UsageError
from fcspec.options import NONE, Options
from fcspec.report import order
from fcspec.report.failure import failure_of
from fcspec.report.model import Case, ClauseResult, Run, judge
from fcspec.report.verdict import Verdict
from fcspec.spec import load_spec
from fcspec.target.address import Address
from fcspec.target.implementation import try_out
from rich.console import Console
from support.starting import fcspec

SPEC = load_spec()


# ------------------------------------------------------------------------------------------------------------------- order


def result_of(slug, *cases):
    result = ClauseResult(slug, SPEC[slug].level, "core", Verdict.worst(case.verdict for case in cases), cases)
    return replace(result, reason=result.plainest.reason if cases else None)


def test_lines_are_wrapped_to_a_terminal_and_whole_elsewhere(monkeypatch):
    monkeypatch.delenv("COLUMNS", raising=False)
    line = "call.result  MUST    " + "word " * 12

    def said(**more):
        out = Console(file=io.StringIO(), width=40, **more)
        say(out, [line.strip()], " " * 21)
        return out.file.getvalue().splitlines()

    assert said() == [line.strip()]
    wrapped = said(force_terminal=True, color_system=None)
    assert [len(one) <= 40 for one in wrapped] == [True] * 3
    assert [one[:21].strip() for one in wrapped] == ["call.result  MUST", "", ""]


def test_every_must_comes_before_every_should_and_chapters_as_they_build_on_each_other():
    slugs = [
        "tie.one-name",
        "call.once",
        "call.linear",
        "restore.objects",
        "restore.order",
        "swap.parameter",
        "call.result",
    ]
    ordered = order.in_order(map(result_of, slugs), SPEC)

    assert [one.clause for one in ordered] == [
        *("call.result", "swap.parameter", "restore.objects", "call.once", "tie.one-name"),
        *("call.linear", "restore.order"),
    ]


def test_every_chapter_that_decides_in_core_has_its_place():
    decides = {clause.chapter for clause in SPEC.select() if clause.level != "MAY"}

    assert decides == set(order.CHAPTERS)
    assert {SPEC[slug].level for slug in order.FIRST_STEPS} == {"MUST"}


# ------------------------------------------------------------------------------------------------------------- what it shows

MESSAGE = """Traceback (most recent call last):
  File "/x/fcspec/cases/test_call_result.py", line 10, in test_a
    assert functional_call(module, {}) is answer
  File "/home/me/mylib.py", line 7, in functional_call
    return helper(module)
  File "/home/me/mylib.py", line 3, in helper
    return module.nothing
AttributeError: nothing
"""


def test_a_failure_shows_the_line_of_the_test_and_the_frames_of_the_target():
    case = Case(
        "test_call_result.py::test_a", "call.result", "fail", "AttributeError: nothing", 0.1, "Model()", MESSAGE
    )
    failure = failure_of(result_of("call.result", case), SPEC, "mylib:f")

    rows = dict(failure.rows)
    assert rows["expected"] == "functional_call(module, {}) is answer"
    assert rows["actual"] == "AttributeError: nothing"
    assert rows["where"] == (
        "/home/me/mylib.py:3 in helper: return module.nothing\n"
        "/home/me/mylib.py:7 in functional_call: return helper(module)"
    )
    assert failure.again == ("fcspec check mylib:f", "--case test_call_result.py::test_a")
    assert failure.script == SPEC["call.result"].examples[0].code


@pytest.mark.parametrize(
    ("raised", "words"),
    [
        ("AssertionError: assert 3, expected 4", "3, expected 4"),
        ("AssertionError: assert a: is 3, was 4\n +  where a: is 3, was 4 = f(x)", "a: is 3, was 4"),
        ("AssertionError: assert False\n +  where False = isinstance(3, str)", "isinstance(3, str) is False"),
        ("AssertionError: assert not True\n +  where True = hasattr(3, 'real')", "hasattr(3, 'real') is True"),
        ("Failed: DID NOT RAISE Exception", "no error was raised"),
        (
            "AssertionError: Regex pattern did not match.\n  Expected regex: 'b'\n  Actual message: 'a'",
            "an error that says 'a', which does not match 'b'",
        ),
        ("ValueError: assert False", "ValueError: assert False"),
    ],
)
def test_what_happened_is_said_without_what_pytest_says_of_statements(raised, words):
    message = MESSAGE.replace("AttributeError: nothing", raised)
    case = Case("test_call_result.py::test_a", "call.result", "fail", raised.split(": ", 1)[-1], message=message)

    assert dict(failure_of(result_of("call.result", case), SPEC, "mylib:f").rows)["actual"] == words


def test_an_example_beside_another_case_says_that_it_is_one():
    fails = Case("test_call_result.py::test_a", "call.result", "fail", "AttributeError: nothing", message=MESSAGE)
    example = "test_examples.py::test_example[call.result]"
    drawn = replace(fails, message=f"{MESSAGE}\n# call.result · MUST: The call returns.\nassert False")

    def caption(*cases):
        return failure_of(result_of("call.result", *cases), SPEC, "a:b").caption

    where = "what fails is /x/fcspec/cases/test_call_result.py:10; what it names is in SPEC.md, Definitions"
    assert caption(fails, Case(example, "call.result", "pass")) == f"The law's example, which holds; {where}"
    assert caption(fails) == f"The law's example; {where}"
    names = "The law's example; what it names is in SPEC.md, Definitions"
    assert (caption(fails, replace(fails, id=example)), caption(drawn)) == (names, "")
    assert "\n    # The law's example; " in str(failure_of(result_of("call.result", fails), SPEC, "a:b"))


def test_the_plainest_case_of_a_failure_is_shown_with_its_own_reason():
    cases = [
        Case(f"{file}::x", "call.result", verdict, file)
        for file, verdict in (
            ("test_args.py", "pass"),
            ("test_call_result.py", "fail"),
            ("test_covering.py", "fail"),
            ("test_examples.py", "fail"),
        )
    ]
    whole = result_of("call.result", *cases)

    assert whole.plainest.reason == "test_examples.py"
    assert dict(failure_of(whole, SPEC, "a:b").rows)["actual"] == "test_examples.py"
    assert result_of("call.result", *cases[:3]).plainest.reason == "test_call_result.py"


def test_a_drawn_call_is_its_own_script():
    script = "# call.result · MUST: The call returns.\nimport torch\nassert False"
    case = Case("test_drawn.py::x", "call.result", "fail", "does not hold", message=f"AssertionError: no\n\n{script}")

    assert failure_of(result_of("call.result", case), SPEC, "a:b").script == script


def test_the_source_of_a_test_is_found_by_the_id_of_its_case():
    found = index.source("test_call_result.py::test_the_very_object_that_forward_returns_is_returned[tensor]")

    assert found.startswith("@")
    assert "def test_the_very_object_that_forward_returns_is_returned(" in found
    assert index.source("test_examples.py::test_example[call.result]") is None
    assert index.source("nowhere.py::test_a") is None


# ------------------------------------------------------------------------------------------------------------- the commands


async def _coroutine(*args, **kwargs):
    return args, kwargs


@pytest.mark.parametrize(
    ("draft", "says"),
    [
        (lambda *args, **kwargs: 1 / 0, "cannot call a torch.nn.Linear: ZeroDivisionError"),
        (lambda *args, **kwargs: None, "gives None"),
        (lambda *args, **kwargs: 3, "gives an object of type int"),
        (_coroutine, "gives a coroutine; define it with def"),
    ],
    ids=["raises", "none", "result", "coroutine"],
)
def test_a_first_draft_is_told_from_what_cannot_be_judged(draft, says):
    assert says in try_out(draft)

    with pytest.raises(UsageError, match="does not take functional_call's arguments"):
        try_out(lambda module, values: None)


@pytest.mark.slow
def test_a_start_is_written_once_and_its_next_step_is_to_call_the_module(tmp_path):
    folder = tmp_path / "mine"
    assert fcspec("init", str(folder)).returncode == 0
    assert sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()) == sorted(init.FILES)
    (folder / "test_functional_call.py").write_text("mine")

    again = fcspec("init", str(folder))
    first = fcspec("next", "functional_call.py:functional_call", cwd=folder)

    assert (again.returncode, "is there already; nothing was written" in again.stderr) == (4, True)
    assert (folder / "test_functional_call.py").read_text() == "mine"
    assert first.returncode == 1, first.stderr
    assert first.stdout.startswith("call.result · MUST · SPEC.md:")
    assert "the target cannot call a torch.nn.Linear: NotImplementedError" in first.stdout
    assert re.search(r"where     functional_call.py:\d+ in functional_call: raise NotImplementedError", first.stdout)
    assert first.stdout.endswith("next: call.result\n")


@pytest.mark.slow
def test_the_next_clause_is_the_first_that_does_not_hold(tmp_path):
    chosen = [f"--clause={slug}" for slug in ("tie.large-group", "dicts.state-dict", "restore.rebound", "call.result")]
    done = fcspec("next", "torch", *chosen, "--workers=1", cwd=tmp_path)

    assert done.returncode == 1, done.stderr
    assert done.stdout.startswith("restore.rebound · MUST · SPEC.md:")
    assert done.stdout.endswith("MUST 1 of 3 hold, SHOULD 0 of 1 hold, next: restore.rebound\n")
    assert "tie.large-group" not in done.stdout


def test_watching_needs_watchfiles_and_isolation(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "watchfiles", None)
    with pytest.raises(UsageError, match=r"needs watchfiles: python -m pip install 'fcspec\[watch\]'"):
        watch.Changes(tmp_path)

    for options, says in (
        (Options(Address("mine.py", "f"), isolation=NONE), "needs isolation"),
        (Options(Address("nowhere/mine.py", "f")), "no folder nowhere to watch"),
    ):
        with pytest.raises(UsageError, match=says):
            watch.folder_of(options)


@pytest.mark.slow
def test_a_change_is_judged_at_once_and_all_the_rest_behind_it(tmp_path):
    pytest.importorskip("watchfiles")
    target, log = tmp_path / "mine.py", tmp_path / "log"
    target.write_text(init.IMPLEMENTATION)
    command = [sys.executable, "-u", "-m", "fcspec", "next", "mine.py:functional_call", "--clause=call.r*", "--watch"]

    def wait_for(text, seconds=200):
        end = time.monotonic() + seconds
        while text not in log.read_text():
            assert time.monotonic() < end, log.read_text()
            time.sleep(0.05)

    with log.open("w") as output, subprocess.Popen(command, cwd=tmp_path, stdout=output, stderr=output) as process:
        try:
            wait_for("next: call.result\nafter ")
            wait_for("waiting for a change")
            target.write_text("def functional_call(:\n")
            wait_for("mine.py does not import: SyntaxError")
            target.write_text("from fcspec_reference import functional_call\n")
            wait_for("call.result holds now in test_examples.py::")
            wait_for("\nCONFORMING\nafter ")
            process.send_signal(signal.SIGINT)
            assert process.wait(20) == 2
        finally:
            process.kill()


@pytest.mark.slow
def test_the_doctor_tries_every_profile():
    done = fcspec("doctor")

    assert done.returncode == 0, done.stdout + done.stderr
    for profile in SPEC.profiles:
        assert f"profile     {profile}: can be judged" in done.stdout


def test_a_profile_that_cannot_be_judged_is_named():
    old = judge(
        SPEC,
        {"compile.fullgraph": ["a"]},
        [Case("a", "compile.fullgraph", "unsupported", "from torch 2.5 on")],
        target={"address": "a:b"},
        environment={},
        run=Run(),
    )

    assert doctor._in_words(old.clauses[0]) == "cannot be judged: from torch 2.5 on"
    assert doctor._in_words(result_of("call.result", Case("a", "call.result", "fail", "no"))) == (
        "the reference fails here: no"
    )
