"""Declared deviations are judged strictly both ways."""

import re
from datetime import date
from pathlib import Path

import pytest
from fcspec.errors import UsageError
from fcspec.report import deviations
from fcspec.report.model import Case, Run, judge
from fcspec.spec import Clause, Spec, load_spec

LEVELS = {"a.one": "MUST", "a.two": "MUST", "a.free": "MAY"}
SPEC = Spec(
    None,
    "1.0",
    (),
    tuple(Clause(slug, level, "core", "", "", "", None, None, (), 1) for slug, level in LEVELS.items()),
)
TODAY = date(2026, 11, 27)

FILE = """format = 1
target = "a:b"

[[deviation]]
clause = "a.one"
verdict = "fail"
reason = "known"
"""


def load(text, tmp_path, address="a:b"):
    path = tmp_path / "deviations.toml"
    path.write_text(text)
    return deviations.load(str(path), address, SPEC)


def report(**verdicts):
    """The verdicts of cases, by name: `one` and `two` are clauses of one case, `one_b` is a second case of `a.one`."""
    cases = [Case(name, f"a.{name.partition('_')[0]}", verdict) for name, verdict in verdicts.items()]
    plan = {clause.slug: [case.id for case in cases if case.clause == clause.slug] for clause in SPEC.clauses}
    plan = {slug: ids for slug, ids in plan.items() if ids}
    return judge(SPEC, plan, cases, target={}, environment={"torch": "2.13.0+cpu"}, run=Run())


@pytest.mark.parametrize(
    ("verdicts", "code", "verdict", "stale"),
    [
        ({"one": "fail", "two": "pass"}, 0, "conforming-as-declared", ()),
        ({"one": "pass", "two": "pass"}, 1, "nonconforming", ("a.one",)),
        ({"one": "crash", "two": "pass"}, 1, "nonconforming", ("a.one",)),
        ({"one": "fail", "two": "fail"}, 1, "nonconforming", ()),
        ({"two": "pass"}, 0, "conforming", ()),
    ],
)
def test_a_declaration_covers_what_it_says_and_no_more(verdicts, code, verdict, stale, tmp_path):
    judged = deviations.apply(report(**verdicts), load(FILE, tmp_path))

    assert (judged.exit_code, judged.verdict, judged.stale) == (code, verdict, stale)


@pytest.mark.parametrize(
    ("verdicts", "code"), [({"one": "fail", "one_b": "pass"}, 0), ({"one": "fail", "one_b": "fail"}, 1)]
)
def test_declared_cases_are_the_only_ones_that_may_fail(verdicts, code, tmp_path):
    declared = load(FILE + 'cases = ["one"]\n', tmp_path)

    assert deviations.apply(report(**verdicts), declared).exit_code == code


@pytest.mark.parametrize(("when", "code"), [("torch>=2.0", 0), ("torch<2.13", 1), ("torch==2.13.*", 0)])
def test_an_entry_for_other_releases_is_inert(when, code, tmp_path):
    declared = load(FILE + f'when = "{when}"\n', tmp_path)

    assert deviations.apply(report(one="fail"), declared).exit_code == code
    assert deviations.apply(report(one="pass"), declared).exit_code == 1 - code


@pytest.mark.parametrize(
    ("written", "instead", "says"),
    [
        ("format = 1", "format = 2", "expected format = 1"),
        ('target = "a:b"', 'target = "c:d"', "the target is 'a:b'"),
        ('target = "a:b"', "", 'toml:1: expected target = "a:b", found None'),
        ('clause = "a.one"', 'clause = "a.on"', r"toml:4: SPEC.md has no clause 'a.on'; did you mean 'a.one'"),
        ('verdict = "fail"', 'verdict = "pass"', "toml:4: no verdict 'pass'"),
        ('reason = "known"', 'reason = ""', "toml:4: an entry needs reason"),
        ('reason = "known"', 'reson = "known"', "toml:4: unknown key 'reson'; did you mean 'reason'"),
        ('reason = "known"', 'reason = "known"\nwhen = "2.0"', "toml:4: expected when"),
        ('reason = "known"', 'reason = "known"\ncases = "x"', "toml:4: expected cases"),
        ('reason = "known"', "reason = known", "is no TOML: .*line 7"),
        ("[[deviation]]", "[deviation]", r"\[\[deviation\]\]"),
        ('reason = "known"', 'reason = "known"\nwhen = ""', "toml:4: expected when"),
        ('reason = "known"', 'reason = "known"\nwhen = "torch>=2; python_version > \'3\'"', "and nothing else"),
        ('reason = "known"', 'reason = "known"\nuntil = "soon"', "toml:4: expected a date, as in until = 2027-01-31"),
        ('reason = "known"', 'reason = "known"\nreview = 2027-01-31T10:00:00', "toml:4: expected a date"),
        ('clause = "a.one"', "clauses = []", "toml:4: expected clauses = "),
        ('clause = "a.one"', 'clauses = ["a.one", "a.one"]', "toml:4: a.one is there twice"),
        ('clause = "a.one"', 'clauses = ["a.o*", "b.*"]', "toml:4: SPEC.md has no MUST or SHOULD that matches 'b"),
        ('clause = "a.one"', 'clauses = ["a.f*"]', "toml:4: SPEC.md has no MUST or SHOULD that matches 'a.f"),
        ('clause = "a.one"', 'clause = "a.one"\nclauses = ["a.two"]', "toml:4: expected clause or clauses, found both"),
        ('clause = "a.one"', 'clauses = ["a.one", "a.two"]\ncases = ["x"]', 'toml:4: expected cases."a.one" = '),
        ('clause = "a.one"', 'clauses = ["a.one"]\ncases."a.two" = ["x"]', "'a.two', which the entry does not declare"),
        ('reason = "known"\n', f'reason = "known"\n{FILE[FILE.index("[[") :]}', "declared twice"),
    ],
)
def test_an_invalid_file_is_said_with_its_line(written, instead, says, tmp_path):
    with pytest.raises(UsageError, match=says):
        load(FILE.replace(written, instead), tmp_path)


def test_the_entry_that_readme_shows_loads(tmp_path):
    readme = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")
    (shown,) = re.findall(r"```toml\n(.*?)```", readme, re.DOTALL)
    (tmp_path / "mine.toml").write_text(shown)

    declared = deviations.load(str(tmp_path / "mine.toml"), "package.module:function", load_spec())
    assert [one.clause for one in declared if one.cases] == ["dicts.state-dict"]
    assert {one.until for one in declared} == {date(2027, 6, 30)}


def test_there_is_a_builtin_file_for_torch_only():
    with pytest.raises(UsageError, match="carries no deviations file"):
        deviations.load("builtin", "a:b", SPEC)


GROUP = """format = 1
target = "a:b"

[[deviation]]
clauses = ["a.*"]
verdict = "fail"
reason = "both"
"""


@pytest.mark.parametrize(
    ("verdicts", "code", "stale"),
    [
        ({"one": "fail", "two": "fail"}, 0, ()),
        ({"one": "fail", "two": "pass"}, 1, ("a.two",)),
        ({"one": "crash", "two": "fail"}, 1, ("a.one",)),
        ({"one": "fail", "free": "crash"}, 0, ()),
    ],
)
def test_a_glob_declares_every_must_and_should_that_it_matches(verdicts, code, stale, tmp_path):
    judged = deviations.apply(report(**verdicts), load(GROUP, tmp_path))

    assert (judged.exit_code, judged.stale) == (code, stale)


def test_what_an_entry_names_is_no_matter_of_anothers_glob(tmp_path):
    named = '[[deviation]]\nclause = "a.two"\nverdict = "crash"\nreason = "another"\n'
    judged = deviations.apply(report(one="fail", two="crash"), load(GROUP + named, tmp_path))

    assert [result.declared for result in judged.clauses] == ["both", "another"]


def test_a_group_may_list_cases_of_some_of_its_clauses(tmp_path):
    declared = load(GROUP + 'cases."a.one" = ["one"]\n', tmp_path)

    assert deviations.apply(report(one="fail", one_b="pass", two="fail", two_b="pass"), declared).exit_code == 0
    assert deviations.apply(report(one="fail", one_b="fail", two="fail"), declared).stale == ("a.one",)


@pytest.mark.parametrize(("day", "code"), [("2026-11-26", 1), ("2026-11-27", 0)])
def test_what_is_declared_until_a_day_does_not_count_behind_it(day, code, tmp_path):
    declared = load(f"{GROUP}until = {day}\n", tmp_path)
    judged = deviations.apply(report(one="fail", two="fail"), declared, TODAY)

    assert judged.exit_code == code
    assert judged.run.notes == ((f"declared until {day}, which is over: a.one, a.two (both)",) if code else ())
    assert deviations.apply(report(one="pass", two="pass"), declared, TODAY).stale == (
        () if code else ("a.one", "a.two")
    )


@pytest.mark.parametrize(
    ("day", "notes"),
    [("2026-11-28", ()), ("2026-11-27", ("declared, to be reviewed since 2026-11-27: a.one, a.two (both)",))],
)
def test_a_review_that_is_due_is_said_once_for_a_reason_and_changes_nothing(day, notes, tmp_path):
    judged = deviations.apply(report(one="fail", two="fail"), load(f"{GROUP}review = {day}\n", tmp_path), TODAY)

    assert (judged.exit_code, judged.run.notes) == (0, notes)


def test_what_cannot_be_judged_here_is_not_stale(tmp_path):
    assert deviations.apply(report(one="unsupported", two="pass"), load(FILE, tmp_path)).stale == ()
