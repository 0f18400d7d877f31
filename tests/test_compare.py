"""`fcspec compare`: clauses x implementations, of reports and of targets."""

import itertools
import time
from dataclasses import replace

import pytest
from fcspec.commands import compare
from fcspec.errors import UsageError
from fcspec.report import badge, page, side_by_side
from fcspec.report.matrix import Matrix
from fcspec.report.model import Case, Run, judge
from fcspec.report.page import plots
from fcspec.spec import load_spec
from reports import SPEC, mine, other, report
from test_show import fcspec, real, written

PASS, FAIL = {"verdict": "pass"}, {"verdict": "fail", "reason": "r"}


def rows(*reports):
    return {row.clause.slug: row for row in Matrix.of(reports, SPEC).rows}


def test_clauses_come_in_the_order_of_the_specification_and_those_nobody_asked_for_do_not():
    one, two = report({"tie.conflict": PASS, "call.once": PASS}), report({"call.result": PASS})

    found = rows(one, two)

    assert [*found] == ["call.result", "call.once", "tie.conflict"]
    assert [cell.word for cell in found["call.result"].cells] == ["not asked", "pass"]


@pytest.mark.parametrize(
    ("first", "second", "differs"),
    [
        (PASS, PASS, False),
        (PASS, FAIL, True),
        (FAIL, {"verdict": "crash"}, True),
        (FAIL, {"verdict": "fail", "reason": "another"}, False),
        (PASS, None, False),
        (PASS, {"verdict": "unsupported"}, False),
    ],
)
def test_they_differ_where_two_were_judged_otherwise(first, second, differs):
    assert rows(report({"call.once": first}), report({"call.once": second}))["call.once"].differs is differs


def test_a_may_clause_differs_in_what_was_observed():
    seen = [report({"call.free": {"verdict": "pass", "observed": text}}) for text in ("a", "b", "a")]

    row = rows(*seen)["call.free"]

    assert row.differs
    assert row.groups() == {"a": [0, 2], "b": [1]}


def test_a_declared_deviation_is_no_pass():
    row = rows(mine(), report({"tie.conflict": PASS}))["tie.conflict"]

    assert [cell.word for cell in row.cells] == ["declared", "pass"]
    assert row.differs


def test_names_tell_columns_apart():
    named = replace(mine(), target={"address": "torch.func:functional_call", "name": "torch 2.13"})
    dotted = replace(mine(), target={"address": "a.b:functional_call", "name": "functional_call"})
    newer = replace(mine(), environment={"torch": "2.15.0"})

    names = [column.name for column in Matrix.of([named, dotted, mine(), newer, newer], SPEC).columns]

    assert names == ["torch 2.13", "a.b", "mine · torch 2.13.0", "mine · torch 2.15.0", "mine · torch 2.15.0 (2)"]


def test_a_good_verdict_says_of_how_many_clauses_it_is():
    some, every = report({"call.once": PASS}), report({clause.slug: PASS for clause in SPEC.clauses})

    assert [column.verdict for column in Matrix.of([some, every], SPEC).columns] == [
        "conforming in 1 of 6 clauses",
        "conforming",
    ]
    assert "conforming in 1 of 6 clauses" in badge.document(some, SPEC)


def test_the_terminal_shows_where_they_differ_and_with_every_all():
    matrix = Matrix.of(
        [report({"call.result": PASS, "call.once": FAIL}), report({"call.result": PASS, "call.once": PASS})], SPEC
    )

    assert "call.result" not in side_by_side.screen(matrix).plain
    assert "call.once                          MUST     ✗   ✓" in side_by_side.screen(matrix).plain
    assert "call.result" in side_by_side.screen(matrix, every=True).plain


def test_findings_that_are_the_same_are_on_the_page_once():
    text = page.document([mine(), mine(), other()], SPEC)

    assert text.count("<dd>signal 11") + text.count("<dd>crash: signal 11") == 1
    assert 'data-columns="0 1"' in text


def test_a_target_that_was_judged_with_several_releases_gets_a_plot():
    old, new, once = report({"call.once": FAIL}), report({"call.once": PASS}), report({"call.once": FAIL}, name="once")
    new = replace(new, environment={"torch": "2.15.0+cpu"})

    text = page.document([old, new, once], SPEC)

    assert text.count('<svg xmlns="http://www.w3.org/2000/svg" class="plot"') == 1
    assert "<desc>Broken are 2.13.0: 1 MUST and 0 SHOULD; 2.15.0: 0 MUST and 0 SHOULD.</desc>" in text
    assert 'class="plot"' not in page.document([old, once], SPEC)


def test_what_a_target_says_in_a_plot_is_escaped():
    drawn = plots.bars("<b>", [plots.Bar("<script>\x1b[0m", 1, 0)])

    assert "<script>" not in drawn
    assert "\x1b" not in drawn


# --------------------------------------------------------------------------------------------------------------------- size


def big(number, spec):
    """A report in which every clause fails, with long texts that no other report has."""
    places = itertools.count()

    def text(words):
        return f"{number} {next(places)} " + "'name' <&" * words

    plan = {clause.slug: [f"test_drawn.py::test_x[{clause.slug}]"] for clause in spec.clauses}
    cases = [
        Case(
            plan[slug][0], slug, "fail", text(60), 0.1, text(60), f"{text(60)}\n# {slug} · MUST\n{text(200)}", text(30)
        )
        for slug in plan
    ]
    target = {"address": f"m{number}:f", "name": f"implementation {number}", "file": None, "line": None}
    return judge(spec, plan, cases, target=target, environment={"torch": "2.13.0"}, run=Run())


def test_a_page_of_twenty_implementations_that_fail_everything_stays_below_3_mb():
    spec = load_spec()
    reports = [big(number, spec) for number in range(20)]

    started = time.process_time()
    text = page.document(reports, spec)

    assert len(spec.clauses) > 220
    assert len(text.encode()) < 3_000_000
    assert time.process_time() - started < 20


def test_a_page_of_one_report_shows_findings_whole():
    spec = load_spec()
    made = big(0, spec)
    few = replace(made, clauses=made.clauses[:3])

    assert "more characters" not in page.document([few], spec)


# --------------------------------------------------------------------------------------------------------------- the command


def test_reports_are_compared_and_the_page_is_written(tmp_path, capsys):
    path = written(tmp_path, real({"call.result": "fail", "call.once": "pass"}))

    assert fcspec("compare", path, path, "--html", tmp_path / "x.html") == 0

    assert "of 2 clauses they differ in none" in capsys.readouterr().out
    assert "call.result" in (tmp_path / "x.html").read_text()


def test_clauses_are_selected(tmp_path, capsys):
    path = written(tmp_path, real({"call.result": "fail", "call.once": "pass"}))

    fcspec("compare", path, path, "--every", "--clause", "call.once")

    assert "call.result" not in capsys.readouterr().out


def test_targets_are_judged_and_one_that_is_refused_does_not_hide_the_others(tmp_path, capsys, monkeypatch):
    judged = real({"call.result": "pass", "call.once": "pass"})

    def run(options):
        if options.address.place == "broken":
            raise UsageError("broken cannot be imported")
        return judged

    monkeypatch.setattr(compare, "with_progress", run)
    path = written(tmp_path, real({"call.result": "fail", "call.once": "pass"}))

    assert fcspec("compare", "broken:f", path, "reference") == 4

    captured = capsys.readouterr()
    assert captured.err == "fcspec: broken cannot be imported\n"
    assert "call.result                        MUST     ✗   ✓" in captured.out


def test_an_incomplete_report_is_shown_and_exits_3(tmp_path, capsys):
    made = replace(real({"call.result": "pass"}), run=Run(problem="died"))

    assert fcspec("compare", written(tmp_path, made)) == 3
    assert "died" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "which implementations? as in: fcspec compare torch"),
        (("torhc",), "'torhc' is no target; did you mean 'torch'?"),
        (("none.json",), "none.json cannot be read: No such file or directory"),
        (("none.json", "--workers", "2"), "--workers says how to judge, and only reports are compared; leave it out"),
        (("none.json", "--clause", "no.such"), "no clause matches 'no.such'"),
    ],
)
def test_bad_input_is_one_line(capsys, arguments, said):
    assert fcspec("compare", *arguments) == 4
    assert said in capsys.readouterr().err
