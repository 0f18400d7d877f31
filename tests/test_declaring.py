"""`fcspec deviations`: what it writes loads again, and says no more than was found; --update changes no more than has changed."""

import re
import sys
from dataclasses import replace
from datetime import date

import pytest
from fcspec.commands import deviations as deviations_command
from fcspec.commands.deviations import command
from fcspec.errors import UsageError
from fcspec.report import declarations, declaring, deviations, updating
from fcspec.report.model import Case, Run, judge
from fcspec.report.verdict import Verdict
from fcspec.spec import Clause, Spec, load_spec

SLUGS = ("a.one", "a.two", "a.three", "b.one", "b.two")
SPEC = Spec(None, "1.0", (), tuple(Clause(slug, "MUST", "core", "", "", "", None, None, (), 1) for slug in SLUGS))
TODAY = date(2026, 11, 27)

FILE = """# What we know.
format = 1
target = "a:b"  # ours

# --- ties
[[deviation]]
clauses = [
    "a.*",  # all of them
    "b.one",
]
verdict = "fail"
reason = "ties"  # since May
cases."a.two" = ["a.two[0]"]

# --- others
[[deviation]]
clause = "b.two"
verdict = "fail"
# as the others do
reason = "others"

[[deviation]]
clause = "a.one"
verdict = "crash"
reason = "once"
when = "torch<2"
"""


def report(**verdicts):
    """The verdicts of the cases of clauses, as words: `a_one="fail pass"`."""
    by_slug = {name.replace("_", "."): words.split() for name, words in verdicts.items()}
    cases = [
        Case(f"{slug}[{number}]", slug, word, reason=f"of {slug}", message="x")
        for slug, words in by_slug.items()
        for number, word in enumerate(words)
    ]
    plan = {slug: [case.id for case in cases if case.clause == slug] for slug in by_slug}
    return judge(SPEC, plan, cases, target={"address": "a:b"}, environment={"torch": "2.13.0"}, run=Run())


def entries(text):
    return declarations.entries(text, "file", "a:b", SPEC, unfinished=True)


def updated(text, **verdicts):
    pytest.importorskip("tomlkit")
    return updating.update(text, entries(text), report(**verdicts), SPEC, TODAY)


AS_DECLARED = {"a_one": "fail", "a_two": "fail pass", "a_three": "fail", "b_one": "fail pass", "b_two": "fail"}
NAMED = FILE.replace('"a.*",  # all of them', '"a.two",\n    "a.three",')
"""Without a glob, so that a.one is declared for another release only."""


def test_what_is_written_declares_what_was_found():
    found = report(**{**AS_DECLARED, "b_two": "pass"})
    text = declaring.write(found, SPEC)

    judged = deviations.apply(found, declarations.deviations(entries(text), SPEC))
    assert (judged.exit_code, judged.stale) == (0, ())
    assert text.count('reason = ""') == len(entries(text))
    with pytest.raises(UsageError, match="an entry needs reason"):
        declarations.entries(text, "file", "a:b", SPEC)


def test_what_is_written_again_keeps_reasons_in_one_entry_each_and_other_releases():
    text = declaring.write(report(**{**AS_DECLARED, "b_two": "pass"}), SPEC, entries(NAMED))

    assert [(one.clauses, one.reason) for one in entries(text)] == [
        (("a.two", "a.three", "b.one"), "ties"),
        (("a.one",), ""),
        (("a.one",), "once"),
    ]
    assert [one.when for one in entries(text)] == [None, "torch==2.13.*", "torch<2"]


def test_an_update_of_what_is_as_declared_changes_no_character():
    named = NAMED.replace("torch<2", "torch>=2").replace('"crash"', '"fail"')

    assert updated(named, **AS_DECLARED) == (named, ())


def test_what_holds_now_is_taken_out_and_a_glob_becomes_the_rest_of_its_clauses():
    file = FILE[: FILE.rindex("\n[[deviation]]")]
    text, lines = updated(file, **{**AS_DECLARED, "a_three": "pass", "b_two": "pass"})

    assert lines == ("stale    a.three holds now: taken out", "stale    b.two holds now: taken out")
    assert updated(file, **{**AS_DECLARED, "a_three": "pass", "a_two": "pass"})[1] == (
        "stale    2 laws hold now, taken out: a.two, a.three",
    )
    assert [one.clauses for one in entries(text)] == [("a.one", "a.two", "b.one")]
    kept = ("# What we know.", "# ours", "# --- ties", "# since May", "# --- others", 'cases."a.two" = ["a.two[0]"]')
    assert [one for one in kept if one not in text] == []


def test_a_glob_in_one_line_becomes_names_in_one_line():
    file = 'format = 1\ntarget = "a:b"\n[[deviation]]\nclauses = ["a.*"]  # all\nverdict = "fail"\nreason = "ties"\n'
    text, _ = updated(file, a_one="fail", a_two="pass", a_three="fail")

    assert '\nclauses = ["a.one", "a.three"]  # all\n' in text


def test_what_deviates_otherwise_is_corrected_where_it_stands():
    text, lines = updated(
        NAMED, **{**AS_DECLARED, "a_one": "pass", "a_two": "pass fail", "b_one": "crash", "b_two": "timeout"}
    )

    assert lines == (
        "changed  b.one: fail -> crash",
        "changed  a.two: it fails in other cases",
        "changed  b.two: fail -> timeout",
    )
    assert [(one.clauses, one.verdict, one.reason) for one in entries(text)][:3] == [
        (("a.two", "a.three"), "fail", "ties"),
        (("b.one",), "crash", "ties"),
        (("b.two",), "timeout", "others"),
    ]
    assert entries(text)[0].cases == {"a.two": ("a.two[1]",)}
    assert "# as the others do" in text


def test_what_is_new_comes_last_without_a_reason_and_for_this_release_where_another_declares_it():
    text, lines = updated(NAMED, **AS_DECLARED)

    assert lines == ("new      a.one: it needs a reason",)
    assert text.startswith(NAMED)
    assert [(one.clauses, one.reason, one.when) for one in entries(text)][-1] == (("a.one",), "", "torch==2.13.*")


def test_what_changed_for_one_cause_is_one_line():
    pytest.importorskip("tomlkit")
    laws = [clause.slug for clause in load_spec().select(globs=["tie.*", "strict.*"]) if clause.level != "MAY"]
    cases = [Case(f"{slug}[0]", slug, "crash", "killed by SIGSEGV") for slug in laws]
    made = judge(
        load_spec(),
        {one.clause: [one.id] for one in cases},
        cases,
        target={"address": "a:b"},
        environment={"torch": "2.13.0"},
        run=Run(),
    )
    file = 'format = 1\ntarget = "a:b"\n'
    whole, new = updating.update(file, (), made, load_spec(), date(2026, 1, 1))
    same = replace(made, clauses=tuple(replace(one, verdict=Verdict.FAIL) for one in made.clauses))
    declared = declarations.entries(whole, "file", "a:b", load_spec(), unfinished=True)
    _, changed = updating.update(whole, declared, same, load_spec(), date(2026, 1, 1))

    first = "tie.one-name, tie.large-group, tie.buffers, tie.across-kinds, tie.same-object"
    assert new == (
        f"new      {len(laws)} laws need a reason (crash: killed by SIGSEGV): {first} and {len(laws) - 5} more",
    )
    assert changed == (f"changed  {len(laws)} laws: crash -> fail: {first} and {len(laws) - 5} more",)


def test_what_was_declared_until_a_day_that_is_over_is_said_and_stays():
    file = NAMED.replace('reason = "others"', 'reason = "others"\nuntil = 2026-01-31').replace("torch<2", "torch>2")
    text, lines = updated(file, **{**AS_DECLARED, "a_one": "crash"})

    assert text == file
    assert lines == ("ended    declared until 2026-01-31, which is over: b.two (others): set another day, or mend it",)


def test_ends_of_lines_stay_what_they_are():
    text, _ = updated(NAMED.replace("\n", "\r\n"), **AS_DECLARED)

    assert text.count("\r\n") == text.count("\n") > NAMED.count("\n")


# ------------------------------------------------------------------------------------------------------------ the command


def run(*arguments):
    return command.main([*map(str, arguments)], standalone_mode=False)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--update", "nowhere.toml"), "--update nowhere.toml: no such file; fcspec deviations ... -o nowhere.toml"),
        (("--update", "a.toml", "-o", "b.toml"), "leave one of them out"),
        (("--update", "mine.toml"), "mine.toml:1: expected format = 1, found None"),
    ],
)
def test_what_cannot_be_updated_is_refused_before_the_run(arguments, says, tmp_path, monkeypatch):
    pytest.importorskip("tomlkit")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.toml").write_text("")

    with pytest.raises(UsageError, match=re.escape(says)):
        run("torch", *arguments)


def test_it_ends_with_a_line_that_says_what_the_file_holds(tmp_path, monkeypatch, capsys):
    pytest.importorskip("tomlkit")
    spec = load_spec()
    cases = [Case("one", "call.result", "fail", "a reason"), Case("two", "call.once", "crash", "a reason")]
    plan = {case.clause: [case.id] for case in cases}
    target = {"address": "mine:f"}
    found = judge(spec, plan, cases, target=target, environment={"torch": "2.13.0"}, run=Run())
    held = judge(spec, plan, [replace(cases[0], verdict="pass"), cases[1]], target=target, environment={}, run=Run())
    cut_off = replace(found, run=replace(found.run, problem="it died"))
    file = tmp_path / "mine.toml"

    monkeypatch.setattr(deviations_command, "with_progress", lambda options: found)
    assert run("mine:f", "-o", file) == 0
    assert capsys.readouterr() == ("", f"{file}: 2 clauses in 2 entries; 2 need a reason\n")

    file.write_text(file.read_text().replace('""', '"known"'))
    monkeypatch.setattr(deviations_command, "with_progress", lambda options: held)
    assert run("mine:f", "--update", file) == 0
    assert capsys.readouterr() == ("stale    call.result holds now: taken out\n", f"{file}: 1 clause in 1 entry\n")

    monkeypatch.setattr(deviations_command, "with_progress", lambda options: cut_off)
    assert run("mine:f") == 3
    assert capsys.readouterr() == ("", "fcspec: the run is incomplete, nothing is written: it died\n")


def test_without_tomlkit_it_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "tomlkit", None)

    with pytest.raises(UsageError, match=r"^--update needs tomlkit: python -m pip install 'fcspec\[update\]'$"):
        updating.tomlkit()
