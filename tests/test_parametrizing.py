"""fcspec.parametrize: what becomes of a clause's test, and when the clauses are judged."""

import warnings
from datetime import date
from types import SimpleNamespace

import pytest
from _pytest.outcomes import Failed, Skipped, XFailed
from fcspec import parametrizing
from fcspec.errors import UsageError
from fcspec.parametrizing import ClauseTest, ConformanceWarning, DeclaredDeviation, Judgement, Judging, Kind, Outcome
from fcspec.report import deviations
from fcspec.report.model import Case, Run, judge
from fcspec.report.verdict import Verdict
from fcspec.spec import load_spec

MUST, SHOULD, MAY = "call.result", "restore.recurrent", "restore.interrupted"


def report_of(slug, verdict, declared=None, **run):
    cases = [Case("test_x.py::a", slug, verdict, "a reason")] if verdict else []
    target = {"address": "a:b", "name": "b", "file": None, "line": None}
    report = judge(load_spec(), {slug: ["test_x.py::a"]}, cases, target=target, environment={}, run=Run(**run))
    entries = [deviations.Deviation(slug, Verdict(declared), "known")] if declared else []
    return deviations.apply(report, entries)


class Request:
    """An api.Request that finds every clause to hold, and counts."""

    options = "options"
    function = print
    declared = None

    def __init__(self, error=None):
        self.asked, self.error = [], error

    def judge(self, slugs):
        self.asked.append(slugs)
        if self.error:
            raise self.error
        target = {"address": "a:b", "name": "b", "file": None, "line": None}
        cases = [Case(slug, slug, "pass") for slug in slugs]
        return judge(load_spec(), {slug: [slug] for slug in slugs}, cases, target=target, environment={}, run=Run())


@pytest.mark.parametrize(
    ("slug", "verdict", "more", "kind"),
    [
        (MUST, "pass", {}, Kind.HOLDS),
        (MUST, "fail", {}, Kind.FAILS),
        (MUST, "crash", {}, Kind.FAILS),
        (MUST, "unsupported", {}, Kind.UNSUPPORTED),
        (MUST, None, {}, Kind.FAILS),
        (MUST, "pass", {"problem": "it died"}, Kind.FAILS),
        (MUST, "fail", {"declared": "fail"}, Kind.DEVIATES),
        (MUST, "crash", {"declared": "fail"}, Kind.FAILS),
        (MUST, "pass", {"declared": "fail"}, Kind.HOLDS),  # and the mark xfail(strict) fails it
        (SHOULD, "fail", {}, Kind.WARNS),
        (SHOULD, "fail", {"strict": True}, Kind.FAILS),
        (SHOULD, "fail", {"declared": "fail"}, Kind.DEVIATES),
        (SHOULD, "crash", {"declared": "fail"}, Kind.FAILS),
        (SHOULD, "error", {}, Kind.FAILS),
        (MAY, "crash", {}, Kind.HOLDS),
        (MAY, "error", {}, Kind.FAILS),
    ],
)
def test_what_becomes_of_a_clause(slug, verdict, more, kind):
    report = report_of(slug, verdict, **more)

    assert parametrizing._outcome(report.clauses[0], report).kind is kind


def test_a_failure_says_what_the_law_is_and_what_happened():
    report = report_of(MUST, "fail")
    text = parametrizing._outcome(report.clauses[0], report).text

    for part in ("call.result · MUST · SPEC.md:", "The call returns the very object", "a reason", "fcspec check a:b"):
        assert part in text


@pytest.mark.parametrize(
    ("kind", "raised"),
    [(Kind.FAILS, Failed), (Kind.DEVIATES, DeclaredDeviation), (Kind.UNSUPPORTED, Skipped), (Kind.WARNS, XFailed)],
)
def test_what_a_test_does_where_warnings_are_errors(kind, raised):
    clause = ClauseTest(MUST, SimpleNamespace(outcome=lambda slug: Outcome(kind, "text")))

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(raised, match="text"):
            clause()


def test_a_should_warns():
    with pytest.warns(ConformanceWarning, match="text"):
        ClauseTest(SHOULD, SimpleNamespace(outcome=lambda slug: Outcome(Kind.WARNS, "text")))()


def test_what_is_declared_is_a_strict_xfail_for_that_deviation_only(tmp_path):
    file = tmp_path / "deviations.toml"
    file.write_text(
        'format = 1\ntarget = "torch.func:functional_call"\n'
        f'[[deviation]]\nclause = "{MUST}"\nverdict = "fail"\nreason = "known"\n'
        f'[[deviation]]\nclause = "{SHOULD}"\nverdict = "fail"\nreason = "old"\nwhen = "torch<2.0"\n'
    )
    mark = parametrizing.parametrize("torch", clauses=(MUST, SHOULD), deviations=file)
    (expected, other) = mark.args[1]

    assert (expected.id, other.id, other.marks) == (MUST, SHOULD, ())
    assert expected.marks[0].kwargs == {"reason": "known", "strict": True, "raises": DeclaredDeviation}


def test_what_was_declared_until_a_day_that_is_over_is_no_xfail_and_a_failure_says_so():
    over = deviations.Deviation(MUST, Verdict.FAIL, "known", until=date(2026, 1, 31))
    later = deviations.Deviation(SHOULD, Verdict.FAIL, "known", review=date(2026, 1, 31))
    request = SimpleNamespace(declared=(over, later))

    assert parametrizing._declared_here(request) == {SHOULD: "known (to be reviewed since 2026-01-31)"}
    report = report_of(MUST, "fail")
    assert parametrizing._outcome(report.clauses[0], report, over).text.startswith(
        f"declared until 2026-01-31, which is over: {MUST} (known)\n{MUST} · MUST"
    )


def test_a_bad_argument_is_one_message_without_frames_of_ours():
    with pytest.raises(UsageError, match="did you mean") as refused:
        parametrizing.parametrize("torch", clauses="dict.*")

    assert len(refused.traceback.filter(refused)) == 1


def test_relative_paths_start_at_the_test_file(tmp_path, monkeypatch):
    (tmp_path / "deviations.toml").write_text("")
    assert parametrizing._found_from(tmp_path, "deviations.toml") == str(tmp_path / "deviations.toml")
    assert parametrizing._found_from(tmp_path, "elsewhere.toml") == "elsewhere.toml"
    assert parametrizing._found_from(tmp_path, "builtin") == "builtin"


def test_what_is_selected_is_judged_once():
    request = Request()
    judgement = Judgement(request, (MUST, SHOULD, MAY), "file:1")
    judgement.selected |= {MUST, MAY}

    assert judgement.outcome(MUST) == judgement.outcome(MAY) == Outcome(Kind.HOLDS)
    assert request.asked == [[MUST, MAY]]


def test_all_are_judged_where_the_selection_is_not_known():
    request = Request()

    Judgement(request, (MUST, SHOULD), "file:1").outcome(MUST)

    assert request.asked == [[MUST, SHOULD]]


def test_workers_of_xdist_share_what_one_of_them_found(tmp_path):
    requests = [Request(), Request(), Request()]
    judgements = [Judgement(one, (MUST, SHOULD), place) for one, place in zip(requests, "aab", strict=True)]
    for judgement in judgements:
        judgement.folder = tmp_path
        assert judgement.outcome(MUST) == Outcome(Kind.HOLDS)

    assert [len(one.asked) for one in requests] == [1, 0, 1]


def test_a_target_that_cannot_be_judged_fails_every_clause_in_one_line():
    judgement = Judgement(Request(UsageError("it does not import")), (MUST, SHOULD), "file:1")

    assert judgement.outcome(MUST) == judgement.outcome(SHOULD) == Outcome(Kind.FAILS, "fcspec: it does not import")


def test_a_session_judges_before_the_protocol_of_a_test_and_leaves_others_alone():
    request = Request()
    clause = ClauseTest(MUST, Judgement(request, (MUST, SHOULD), "file:1"))
    item = SimpleNamespace(callspec=SimpleNamespace(params={"clause": clause}), iter_markers=lambda name: iter(()))
    other = SimpleNamespace(callspec=SimpleNamespace(params={"clause": "somebody's own"}))
    judging = Judging(SimpleNamespace(items=[item, other, SimpleNamespace()], config=None))

    next(judging.pytest_runtest_protocol(other))
    assert request.asked == []
    next(judging.pytest_runtest_protocol(item))
    assert request.asked == [[MUST]]
