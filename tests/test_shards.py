"""Shards of a run: which clauses each judges, and what their reports say together."""

import json

import pytest
from fcspec.commands.gating import Outputs
from fcspec.commands.merge import command
from fcspec.errors import UsageError
from fcspec.report import comparison, merging
from fcspec.report.model import Case, Run, judge, write_json
from fcspec.report.shard import shard_of
from fcspec.spec import load_spec
from support.starting import fcspec

SPEC = load_spec()
GLOBS = ("call.*", "args.*")
SLUGS = [clause.slug for clause in SPEC.select((), GLOBS)]


def shard(folder, text, wrong=(), *, address="a:b", **run):
    """The file of the report of a shard in which these clauses fail, and the rest holds."""
    part = shard_of(text, (), GLOBS)
    slugs = SLUGS[part.index - 1 :: part.of]
    cases = [Case(f"test_x.py::{slug}", slug, "fail" if slug in wrong else "pass", "no", message="m") for slug in slugs]
    report = judge(
        SPEC,
        {slug: [f"test_x.py::{slug}"] for slug in slugs},
        cases,
        target={"address": address, "name": "b", "file": None, "line": None},
        environment={"torch": "2.13.0"},
        run=Run(started="2026-01-01T00:00:00Z", seconds=2.0, shard=part, **run),
    )
    path = folder / f"{text.replace('/', 'of')}.json"
    write_json(report.as_dict(), path)
    return path


def merged(*paths):
    return merging.merge({path.name: comparison.load(str(path), whole=False) for path in paths}, SPEC)


def test_shards_make_one_report_in_the_order_of_the_specification(tmp_path):
    report = merged(*(shard(tmp_path, f"{number}/3", wrong=("call.once",)) for number in (3, 1, 2)))

    assert [one.clause for one in report.clauses] == SLUGS
    assert [one.clause for one in report.broken] == ["call.once"]
    assert (report.exit_code, report.verdict, report.complete, report.run.seconds) == (1, "nonconforming", True, 6.0)
    assert report.broken[0].cases[0].message == "m"


def test_a_missing_shard_makes_it_incomplete(tmp_path):
    report = merged(shard(tmp_path, "1/3"), shard(tmp_path, "3/3"))

    assert (report.exit_code, report.verdict, report.complete) == (3, "incomplete", False)
    assert report.run.problem == "shard 2 of 3 is missing"
    assert [one.clause for one in report.clauses if one.verdict is None] == SLUGS[1::3]


def test_a_draft_or_a_problem_of_one_shard_is_one_of_all(tmp_path):
    draft = merged(shard(tmp_path, "1/2"), shard(tmp_path, "2/2", draft="it cannot call a Linear"))
    assert (draft.exit_code, draft.run.draft) == (1, "it cannot call a Linear")

    problem = merged(shard(tmp_path, "1/2", problem="it died"), shard(tmp_path, "2/2"))
    assert (problem.exit_code, problem.run.problem) == (3, "it died")


def cut_off(path, exit_code):
    """The report as it is where the run ended before its last clause was judged."""
    data = json.loads(path.read_text())
    data["run"] |= {"complete": False, "exit_code": exit_code, "judged": data["run"]["planned"] - 1}
    data["clauses"][-1] |= {"verdict": None, "reason": None, "cases": []}
    write_json(data, path)
    return path


def test_a_shard_that_was_interrupted_makes_it_incomplete(tmp_path):
    report = merged(shard(tmp_path, "1/2"), cut_off(shard(tmp_path, "2/2"), 2))

    assert (report.exit_code, report.verdict, report.complete) == (3, "incomplete", False)
    assert report.run.problem == "shard 2 of 2 was interrupted"
    assert len([one for one in report.clauses if one.verdict is None]) == 1


def test_a_shard_that_patience_ended_ends_it_as_it_would_one_run(tmp_path):
    report = merged(shard(tmp_path, "1/2"), cut_off(shard(tmp_path, "2/2", wrong=SLUGS[1:2]), 1))

    assert (report.exit_code, report.run.out_of_patience, report.complete) == (1, True, False)


def test_a_shard_whose_run_has_not_ended_makes_it_incomplete(tmp_path, capsys):
    first, second = shard(tmp_path, "1/2"), tmp_path / "2.json"
    Outputs({"json": second}).claim()

    assert command.main([str(first), str(second)], standalone_mode=False) == 3
    shown = " ".join(capsys.readouterr().out.split())
    assert f"shard 2 of 2 is missing; {second} is of a run that has not ended" in shown
    assert shown.endswith("INCOMPLETE")
    with pytest.raises(UsageError, match="no run that has ended"):
        command.main([str(second)], standalone_mode=False)


@pytest.mark.parametrize(
    ("second", "more", "says"),
    [
        ("1/2", {"address": "c:d"}, "are not of one run: target 'c:d' and 'a:b'"),
        ("2/3", {}, "are not of one run: number of shards 3 and 2"),
        ("2/2", {"seed": 7}, "are not of one run: seed 7 and 0"),
        ("1/2", {}, "are both shard 1"),
    ],
)
def test_what_is_not_of_one_run_is_refused(second, more, says, tmp_path):
    (tmp_path / "other").mkdir()
    first, second = shard(tmp_path, "1/2"), shard(tmp_path / "other", second, **more)
    reports = {str(path): comparison.load(str(path)) for path in (first, second)}

    with pytest.raises(UsageError, match=says):
        merging.merge(reports, SPEC)


@pytest.mark.parametrize("text", ["", "2", "0/4", "5/4", "a/b", "1/", "-1/4", "²/3"])
def test_what_is_no_shard_is_refused(text):
    with pytest.raises(UsageError, match="expected I/N"):
        shard_of(text, (), ())


@pytest.mark.slow
def test_two_shards_of_the_command_are_merged_by_the_command(tmp_path):
    chosen = ("--clause=args.t*", "--clause=args.s*")
    for number in (1, 2):
        more = (f"--shard={number}/2", f"--json={number}.json")
        done = fcspec("check", "reference", *chosen, *more, cwd=tmp_path)
        assert done.returncode == 0, done.stdout + done.stderr
        assert f" · shard {number}/2\n" in done.stdout

    whole = fcspec("merge", "1.json", "2.json", "--json=whole.json", cwd=tmp_path)
    part = fcspec("merge", "2.json", cwd=tmp_path)

    assert (whole.returncode, whole.stdout.splitlines()[-1]) == (0, "CONFORMING in the clauses that were selected")
    report = json.loads((tmp_path / "whole.json").read_text())
    names = [clause.slug for clause in SPEC.select((), ("args.t*", "args.s*"))]
    assert [clause["clause"] for clause in report["clauses"]] == names
    assert (part.returncode, "shard 1 of 2 is missing" in part.stdout) == (3, True)
