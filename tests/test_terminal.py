"""What `fcspec check` shows: all that decides, nothing that a target could forge."""

import re
from dataclasses import replace

import pytest
from fcspec.plugin.items import CASES
from fcspec.report import terminal
from fcspec.report.model import Case, Run, judge
from fcspec.report.verdict import Verdict
from fcspec.spec import load_spec


def screen(verdicts, observed=None, *, width=100, **run):
    """The final screen of a run with these verdicts, a case for each clause: (verdict, reason)."""
    report = report_of(verdicts, observed, **run)
    return terminal.screen(report, load_spec(), width).plain


def report_of(verdicts, observed=None, **run):
    spec, seen = load_spec(), observed or {}
    cases = [
        Case(f"test_x.py::{slug}", slug, verdict, reason, observed=seen.get(slug))
        for slug, (verdict, reason) in verdicts.items()
    ]
    return judge(
        spec,
        {slug: [f"test_x.py::{slug}"] for slug in verdicts},
        cases,
        target={"address": "package:function", "name": "function", "file": None, "line": None},
        environment={},
        run=Run(**run),
    )


def test_what_this_torch_cannot_run_does_not_count_and_says_why():
    old = "unsupported", "from torch 2.5 on"
    shown = screen({"call.result": ("pass", None), "compile.fullgraph": old, "compile.tuple": old})

    assert "compile        0/0    - fullgraph  - tuple" in shown
    assert "- compile.fullgraph and 1 more: unsupported: from torch 2.5 on" in shown
    assert "MUST 1 of 1 hold · 2 unsupported · 3 of 3 clauses judged" in shown
    assert shown.endswith("\nCONFORMING in the clauses that were selected\n")


def test_a_whole_profile_conforms_without_a_but():
    shown = screen({clause.slug: ("pass", None) for clause in load_spec().select()})

    assert shown.endswith("\nCONFORMING\n")
    assert "    generator: " not in shown


def test_what_was_observed_is_listed_where_clauses_were_selected():
    shown = screen({"args.none": ("pass", None)}, observed={"args.none": "no argument"})

    assert "\n    none: no argument\n" in shown


def test_a_failure_shows_its_clause_its_case_and_its_reason():
    shown = screen({"call.result": ("pass", None), "call.once": ("fail", "called twice"), "args.none": ("pass", None)})

    assert "call           1/2    ✗ once" in shown
    assert "✗ call.once · MUST" in shown
    assert "actual    called twice" in shown
    assert "MUST 1 of 2 hold · MAY 1 observed · 3 of 3 clauses judged" in shown
    assert shown.endswith("\nNOT CONFORMING\n")


def test_control_characters_of_a_target_are_not_shown():
    shown = screen({"call.once": ("fail", "\x1b[2J\x1b]0;CONFORMING\x07gone\r\x00")})

    assert not set("\x1b\x07\r\x00") & set(shown)
    assert "gone" in shown


# -------------------------------------------------------------------------------------------------------- a failure in words

RAISED = """Traceback (most recent call last):
  File "/x/fcspec/cases/test_call_result.py", line 10, in test_a
    assert functional_call(module, {{}}) is answer
  File "/home/me/mylib.py", line {line}, in functional_call
    return helper(module)
{error}
"""


def raising(slug, error, line=7, **more):
    message = RAISED.format(line=line, error=error)
    return Case(f"test_x.py::{slug}", slug, "fail", error.splitlines()[0], message=message, **more)


def screen_of(cases, width=100, *, details=False, **run):
    plan = {case.clause: [case.id] for case in cases}
    target = {"address": "package:function", "name": "function", "file": None, "line": None}
    report = judge(load_spec(), plan, cases, target=target, environment={}, run=Run(**run))
    return terminal.screen(report, load_spec(), width, details=details).plain


def test_laws_that_fail_for_one_cause_share_a_block_and_the_first_to_mend_is_shown():
    shown = screen_of(
        [
            raising("restore.objects", "KeyError: 'tasoda'"),
            raising("tie.one-name", "KeyError: 'zeroka'"),
            raising("call.result", "KeyError: 'mavaza'", line=9),
            raising("call.linear", "KeyError: 'x'"),
        ]
    )

    assert "✗ 3 laws (2 MUST, 1 SHOULD): KeyError: 'x'\n  laws      restore.objects tie.one-name call.linear\n" in shown
    assert "  first: restore.objects · MUST · SPEC.md:" in shown
    assert shown.index("\n✗ call.result · MUST") < shown.index("✗ 3 laws")
    assert "4 laws do not hold, for 2 causes; the first to mend: call.result" in shown


def test_what_a_test_found_is_about_its_own_clause():
    def of_test(slug, error):
        case = raising(slug, error)
        before, _, after = case.message.partition('  File "/home')
        return replace(case, message=f"{before}{after.splitlines()[-1]}\n")

    same = "AssertionError: assert 3 == 1"
    assert " laws (" not in screen_of([of_test("call.result", same), of_test("call.once", same)])
    same = "AttributeError: 'NoneType' object has no attribute 'item'"
    assert "✗ 2 laws (2 MUST): " in screen_of([of_test("call.result", same), of_test("call.once", same)])


def test_a_message_of_many_lines_is_shown_whole_with_what_was_printed():
    error = "ValueError: not the tensors\n  that were given:\n    a"
    shown = screen_of([raising("call.result", error, output="one\n\ntwo\n", stimulus="Model()")])

    assert "    called    Model()\n" in shown
    assert "    expected  functional_call(module, {}) is answer\n" in shown
    assert "    actual    ValueError: not the tensors\n                that were given:\n                  a\n" in shown
    assert "    where     /home/me/mylib.py:7 in functional_call: return helper(module)\n" in shown
    assert "    printed   one\n\n              two\n" in shown
    assert "    again     fcspec check package:function --case test_x.py::call.result\n" in shown


def test_a_first_draft_is_one_cause_in_a_few_lines():
    every = [clause.slug for clause in load_spec().select() if clause.level != "MAY"]
    shown = screen_of([raising(slug, f"{slug}: no") for slug in every], draft="the target cannot call a Linear")

    assert f"✗ {len(every)} laws (" in shown
    assert "): the target cannot call a Linear\n  first: call.result · MUST" in shown
    assert len(shown.splitlines()) < 40
    assert "  swap           0/19   ✗ all\n" in shown


def test_declared_deviations_are_one_line_after_what_is_new_or_stale():
    verdicts = {
        "call.result": ("fail", "no"),
        "call.once": ("pass", None),
        "call.hooks": ("fail", "as before"),
        "call.mode": ("fail", "otherwise"),
    }
    report = report_of(verdicts)
    clauses = [replace(one, declared="known") if one.clause == "call.hooks" else one for one in report.clauses]
    report = replace(report, clauses=tuple(clauses), stale=("call.once", "call.mode"))
    shown = terminal.screen(report, load_spec()).plain

    assert "\ndeviations: 1 new, 1 in another way, 1 stale, 1 declared\n" in shown
    assert "\n✗ call.once is declared, and holds now: take it out of the file\n" in shown
    assert "\n✗ call.mode fails in another way, or in other cases, than declared\n" in shown
    report = replace(report, clauses=tuple(replace(one, verdict=Verdict.PASS) for one in report.clauses))
    gone = terminal.screen(replace(report, stale=("call.once", "call.mode")), load_spec()).plain
    assert "\n✗ 2 laws are declared, and hold now: call.once, call.mode\n" in gone
    assert "call.hooks · MUST" not in shown
    assert "  ~ hooks" in shown
    assert "✗ a MUST that does not hold   ~ deviates as declared" in shown


@pytest.mark.parametrize("width", [60, 80, 120])
def test_lines_are_as_wide_as_the_terminal_and_hang_below_each_other(width):
    words = "ValueError: " + "neither this nor that, " * 20
    case = raising("restore.shared-submodule", words, stimulus="Pair(left=Scale, right=Scale), " * 9)
    shown = screen_of([case], width)

    assert max(map(len, shown.splitlines())) <= width
    called = shown.partition("    called    ")[2].partition("    expected")[0].splitlines()[1:]
    assert called
    assert all(line.startswith(" " * 14) for line in called)


def test_the_legend_breaks_between_its_items_and_the_names_of_a_chapter_stand_below_each_other():
    restore = [clause.slug for clause in load_spec().select(globs=["restore.*"])]
    shown = screen(dict.fromkeys(restore[:12], ("fail", "r")) | {restore[12]: ("pass", None)}, width=60)

    assert "\n  ✗ a MUST that does not hold\n  ! a SHOULD that does not hold\n" in shown
    assert all(
        line.startswith(" " * 24) for line in shown.partition("\n  restore")[2].split("\n\n")[0].splitlines()[1:]
    )


def test_an_id_is_never_broken_and_its_command_can_be_pasted():
    case = raising("call.result", "KeyError: 1")
    case = replace(case, id="test_call_result.py::test_the_very_object_is_returned[a layer replaced]")
    command = screen_of([case], 60).partition("again     ")[2].partition("\n\n")[0]

    assert command.split("\\\n") == ["fcspec check package:function ", f"                --case '{case.id}'"]


def test_one_case_is_shown_with_its_script():
    script = "# call.result · MUST: The call returns.\nimport torch\nassert False"
    case = raising("call.result", f"AssertionError: no\n\n{script}")

    assert "\n    import torch\n" in screen_of([case], details=True)
    assert "import torch" not in screen_of([case])


@pytest.mark.parametrize("file", ["test_strict.py", "SPEC.md"])
def test_a_line_of_a_test_that_goes_on_is_shown_whole(file):
    path, slug = (load_spec().path, "call.signature") if file == "SPEC.md" else (CASES / file, "strict.exact")
    lines = path.read_text(encoding="utf-8").splitlines()
    line = next(number for number, text in enumerate(lines, 1) if text.endswith("functional_call("))
    case = raising(slug, "KeyError: 1")
    message = case.message.replace("/x/fcspec/cases/test_call_result.py", f"/x/fcspec/cases/{file}")
    message = message.replace("line 10", f"line {line}")
    message = message.replace("assert functional_call(module, {}) is answer", lines[line - 1].strip())
    shown = screen_of([replace(case, message=message)], 400)

    assert re.search(r"expected  .*functional_call\(.+\).*\n", shown)
