"""Verdicts of cases become verdicts of clauses, an overall verdict and an exit code."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from fcspec.report import comparison, declaring, html, junit, markdown, page, terminal
from fcspec.report.model import Case, Run, judge, write_json
from fcspec.report.words import MESSAGE_CAP, capped
from fcspec.spec import Clause, Spec


def clause(slug, level="MUST"):
    return Clause(slug, level, "core", "The law.", "ours.", "1.0", None, None, (), 1)


MUST, SHOULD, MAY = clause("a.must"), clause("a.should", "SHOULD"), clause("a.may", "MAY")
TARGET = {"address": "a:b", "name": "b"}
SPEC = Spec(None, "1.0", (), (MUST, SHOULD, MAY))


def report(verdicts, *, plan=None, **run):
    """A report over cases given as {"a.must": ["pass", "fail"]}; what is planned beyond them was not judged."""
    plan = plan or {slug: [f"{slug}-{n}" for n in range(len(of))] for slug, of in verdicts.items()}
    cases = [Case(f"{slug}-{n}", slug, verdict) for slug, of in verdicts.items() for n, verdict in enumerate(of)]
    return judge(SPEC, plan, cases, target={"address": "a:b"}, environment={}, run=Run(**run))


@pytest.mark.parametrize(
    ("cases", "worst"),
    [
        (["pass", "pass"], "pass"),
        (["pass", "fail"], "fail"),
        (["fail", "evaded"], "evaded"),
        (["evaded", "timeout"], "timeout"),
        (["timeout", "exit"], "exit"),
        (["exit", "crash"], "crash"),
        (["crash", "error"], "error"),
        (["unsupported", "pass"], "pass"),
        (["unsupported", "fail"], "fail"),
        (["unsupported"], "unsupported"),
    ],
)
def test_the_worst_case_is_the_clauses_verdict(cases, worst):
    assert report({"a.must": cases}).clauses[0].verdict == worst


@pytest.mark.parametrize(
    ("verdicts", "run", "code", "verdict"),
    [
        ({"a.must": ["pass"], "a.should": ["pass"]}, {}, 0, "conforming"),
        ({"a.must": ["fail"]}, {}, 1, "nonconforming"),
        ({"a.must": ["pass"], "a.should": ["fail"]}, {}, 0, "conforming"),
        ({"a.must": ["pass"], "a.should": ["fail"]}, {"strict": True}, 1, "nonconforming"),
        ({"a.must": ["pass"], "a.may": ["crash"]}, {"strict": True}, 0, "conforming"),
        ({"a.must": ["evaded"]}, {}, 1, "nonconforming"),
        ({"a.must": ["timeout"]}, {}, 1, "nonconforming"),
        ({"a.must": ["error"]}, {}, 3, "incomplete"),
        ({"a.must": ["fail"]}, {"problem": "died"}, 3, "incomplete"),
        ({"a.must": ["fail"]}, {"interrupted": True, "problem": "died"}, 2, "incomplete"),
        ({"a.must": ["unsupported"]}, {}, 5, "incomplete"),
        ({}, {}, 5, "incomplete"),
    ],
)
def test_exit_code_and_overall_verdict(verdicts, run, code, verdict):
    judged = report(verdicts, **run)

    assert (judged.exit_code, judged.verdict) == (code, verdict)


def test_a_clause_is_judged_only_when_all_its_cases_are():
    plan = {"a.must": ["a.must-0", "a.must-1"], "a.should": ["a.should-0"]}

    passing = report({"a.must": ["pass"], "a.should": ["pass"]}, plan=plan)
    failing = report({"a.must": ["fail"], "a.should": ["pass"]}, plan=plan)

    assert (passing.judged, passing.complete, passing.exit_code) == (1, False, 3)
    assert (failing.judged, failing.exit_code) == (2, 1)


def test_a_run_that_lost_patience_is_nonconforming():
    plan = {"a.must": ["a.must-0"], "a.should": ["a.should-0"]}

    judged = report({"a.must": ["timeout"]}, plan=plan, out_of_patience=True)

    assert (judged.exit_code, judged.complete) == (1, False)


def test_every_view_shows_the_same_case_of_a_clause():
    ids = ("test_drawn.py::a", "test_a.py::b", "test_examples.py::c")
    cases = [Case(id, "a.must", "fail", f"found in {id}", message=f"E  in {id}") for id in ids]
    made = judge(SPEC, {"a.must": ids}, cases, target=TARGET, environment={}, run=Run())
    before = judge(
        SPEC, {"a.must": ids}, [replace(one, verdict="pass") for one in cases], target=TARGET, environment={}, run=Run()
    )
    spec = replace(SPEC, path=Path("SPEC.md"))

    assert made.clauses[0].reason == "found in test_examples.py::c"
    for view in (
        terminal.screen(made, spec).plain,
        markdown.document(made, spec),
        junit.document(made, spec),
        html.page(made, spec),
        page.document([made], spec),
        "".join(markdown.error_lines(made, spec)),
        "".join(comparison.compare(before.as_dict(), made.as_dict()).lines()),
        "".join(comparison.compare(made.as_dict(), replace(before, run=Run(in_part=True)).as_dict()).lines()),
        declaring.write(made, spec),
    ):
        assert "found in test_examples.py::c" in view
        assert "found in test_drawn.py::a" not in view
        assert "found in test_a.py::b" not in view


def test_what_a_may_clause_shows_is_kept():
    cases = [Case("1", "a.may", "pass", observed="unpacked"), Case("2", "a.may", "crash")]
    plan = {"a.may": ["1", "2"]}

    judged = judge(SPEC, plan, cases, target={}, environment={}, run=Run())

    assert judged.clauses[0].observed == "unpacked; crash"


def test_clauses_and_cases_come_in_the_plans_order_whatever_order_they_ended_in():
    plan = {"a.should": ["3"], "a.must": ["1", "2"]}
    cases = [Case("3", "a.should", "pass"), Case("2", "a.must", "pass"), Case("1", "a.must", "pass")]

    judged = judge(SPEC, plan, cases, target={}, environment={}, run=Run())

    assert [[case.id for case in result.cases] for result in judged.clauses] == [["1", "2"], ["3"]]


def test_the_file_is_whole_or_the_old_one(tmp_path):
    path = tmp_path / "report.json"
    write_json({"a": 1}, path)

    with pytest.raises(ValueError, match="JSON"):
        write_json({"a": float("nan")}, path)

    assert json.loads(path.read_text()) == {"a": 1}
    assert list(tmp_path.iterdir()) == [path]


def test_long_text_says_what_was_cut():
    text = capped("x" * (MESSAGE_CAP + 5))

    assert "5 characters cut" in text
    assert capped("short") == "short"
