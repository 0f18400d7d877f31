"""Declared deviations are judged strictly both ways."""

import pytest
from fcspec.errors import UsageError
from fcspec.report import deviations
from fcspec.report.model import Case, Run, judge
from fcspec.spec import Clause, Spec

SPEC = Spec(
    None, "1.0", (), tuple(Clause(slug, "MUST", "core", "", "", "", None, None, (), 1) for slug in ("a.one", "a.two"))
)

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
        ('clause = "a.one"', 'clause = "a.on"', r"toml:4: SPEC.md has no clause 'a.on'; did you mean 'a.one'"),
        ('verdict = "fail"', 'verdict = "pass"', "toml:4: no verdict 'pass'"),
        ('reason = "known"', 'reason = ""', "toml:4: an entry needs reason"),
        ('reason = "known"', 'reson = "known"', "toml:4: unknown key 'reson'; did you mean 'reason'"),
        ('reason = "known"', 'reason = "known"\nwhen = "2.0"', "toml:4: expected when"),
        ('reason = "known"', 'reason = "known"\ncases = "x"', "toml:4: expected cases"),
        ('reason = "known"', "reason = known", "is no TOML: .*line 7"),
        ("[[deviation]]", "[deviation]", r"\[\[deviation\]\]"),
        ('reason = "known"\n', f'reason = "known"\n{FILE[FILE.index("[[") :]}', "declared twice"),
    ],
)
def test_an_invalid_file_is_said_with_its_line(written, instead, says, tmp_path):
    with pytest.raises(UsageError, match=says):
        load(FILE.replace(written, instead), tmp_path)


def test_there_is_a_builtin_file_for_torch_only():
    with pytest.raises(UsageError, match="carries no deviations file"):
        deviations.load("builtin", "a:b", SPEC)
