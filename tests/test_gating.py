"""What `fcspec check` leaves for others: JUnit, Markdown, lines for GitHub Actions; what changed since another report."""

import json
from xml.etree import ElementTree

import pytest
from fcspec.commands.gating import Outputs
from fcspec.errors import UsageError
from fcspec.report import comparison, deviations, junit, markdown, terminal
from fcspec.report.model import Case, Run, judge, write_json
from fcspec.report.verdict import Verdict
from fcspec.spec import load_spec
from support.starting import fcspec

SPEC = load_spec()
MUST, OTHER, SHOULD, MAY = "call.result", "call.once", "restore.recurrent", "restore.interrupted"


def report_of(verdicts, declared=(), **run):
    """A report with these verdicts by clause: a word, or (word, reason); None: not judged."""
    pairs = {slug: one if isinstance(one, tuple) else (one, "a reason") for slug, one in verdicts.items()}
    cases = [Case(f"test_x.py::{slug}", slug, *pair) for slug, pair in pairs.items() if pair[0]]
    target = {"address": "a:b", "name": "b", "file": None, "line": None}
    plan = {slug: [f"test_x.py::{slug}"] for slug in verdicts}
    report = judge(SPEC, plan, cases, target=target, environment={"torch": "2.13.0"}, run=Run(**run))
    return deviations.apply(report, [deviations.Deviation(slug, Verdict.FAIL, "known | to us") for slug in declared])


# ------------------------------------------------------------------------------------------------------------------ JUnit


def junit_of(verdicts, **more):
    """(what the test case of each clause holds, the suite's counts)."""
    suite = ElementTree.fromstring(junit.document(report_of(verdicts, **more), SPEC)).find("testsuite")
    found = {case.get("name"): [(one.tag, one.get("message")) for one in case] for case in suite}
    return found, [int(suite.get(key)) for key in ("tests", "failures", "errors", "skipped")]


def test_a_test_case_for_each_clause():
    found, counts = junit_of(
        {MUST: "pass", OTHER: "crash", SHOULD: "fail", MAY: "crash", "args.none": None, "strict.exact": "unsupported"}
    )

    assert found == {
        MUST: [],
        OTHER: [("failure", "crash: a reason")],
        "args.none": [("error", "not judged")],
        MAY: [("system-out", None)],
        SHOULD: [("skipped", "SHOULD does not hold: a reason")],
        "strict.exact": [("skipped", "unsupported: a reason")],
    }
    assert counts == [6, 1, 1, 2]


def test_a_declared_deviation_is_skipped_and_a_stale_one_fails():
    found, _ = junit_of({MUST: "fail", OTHER: "pass", SHOULD: "crash"}, declared=(MUST, OTHER, SHOULD))

    assert found == {
        MUST: [("skipped", "declared: known | to us")],
        OTHER: [("failure", "the declared deviation is stale")],
        SHOULD: [("failure", "it deviates in another way than declared")],
    }


def test_what_is_strict_and_what_is_the_suites_own_fault():
    found, _ = junit_of({MUST: "error", SHOULD: "fail"}, strict=True, problem="it died")

    assert found == {
        MUST: [("error", "the suite itself failed: a reason")],
        SHOULD: [("failure", "fail: a reason")],
        "run": [("error", "it died")],
    }


def test_whatever_a_target_says_is_xml():
    found, _ = junit_of({MUST: ("fail", "]]> <a> & \x00\x1b[2J\ufffe\x85")})

    assert found[MUST] == [("failure", "fail: ]]> <a> & ")]


# --------------------------------------------------------------------------------------------------------------- Markdown


def test_a_summary_says_verdict_counts_and_what_is_wrong():
    text = markdown.document(report_of({MUST: ("fail", "x | <b>`y`"), OTHER: "pass", SHOULD: "fail"}), SPEC, ("worse",))

    assert text.startswith("### fcspec: ❌ not conforming\n\n`a:b`")
    assert "MUST 1 of 2 hold, SHOULD 0 of 1 hold" in text
    assert "| `call.result` | MUST | fail: x &#124; &lt;b&gt;&#96;y&#96; |" in text
    assert "<details><summary>restore.recurrent</summary>" in text
    assert "\n* worse\n" in text


def test_what_was_declared_is_folded():
    text = markdown.document(report_of({MUST: "fail", OTHER: "pass"}, declared=(MUST, OTHER)), SPEC)

    assert "<details><summary>1 declared</summary>" in text
    assert "known &#124; to us" in text
    assert "**call.once is declared, and holds now: take it out of the file**" in text


def test_what_is_stale_is_one_line():
    report = report_of({MUST: "pass", OTHER: "pass", SHOULD: "crash"}, declared=(MUST, OTHER, SHOULD))
    gone = f"2 laws are declared, and hold now: {MUST}, {OTHER}"
    otherwise = f"{SHOULD} fails in another way, or in other cases, than declared"

    assert [*markdown.error_lines(report, SPEC)] == [f"::error title=deviations::{line}" for line in (gone, otherwise)]
    assert f"**{gone}**\n\n**{otherwise}**" in markdown.document(report, SPEC)


def test_lines_for_github_actions_cannot_be_forged_and_are_few():
    lines = [*markdown.error_lines(report_of({MUST: ("fail", "50%\n::error::more"), SHOULD: "fail"}), SPEC)]
    assert lines == ["::error title=call.result::MUST, fail: 50%25%0A::error::more"]

    many = {clause.slug: "fail" for clause in SPEC.clauses if clause.level == "MUST"}
    lines = [*markdown.error_lines(report_of(many), SPEC)]
    assert len(lines) == 10
    assert lines[-1].endswith(f"::{len(many) - 9} more causes")


# ------------------------------------------------------------------------------------------------------------- comparison


def changes(before, now, declared=(), **run):
    return comparison.compare(report_of(before).as_dict(), report_of(now, declared, **run).as_dict())


def slugs(found):
    return [change.clause for change in found]


def test_what_is_newly_broken_decides():
    found = changes({MUST: "pass", SHOULD: "pass"}, {MUST: "fail", SHOULD: "fail", OTHER: "crash"})

    assert slugs(found.broken) == [MUST, OTHER, SHOULD]
    assert slugs(found.worse) == [MUST, OTHER]
    assert [str(change) for change in found.worse] == [
        "call.result · MUST: pass -> fail in 1 of 1 cases (a reason)",
        "call.once · MUST: not judged -> crash in 1 of 1 cases (a reason)",
    ]


def test_a_should_decides_where_it_is_strict_and_what_is_declared_does_not():
    assert slugs(changes({SHOULD: "pass"}, {SHOULD: "fail"}, strict=True).worse) == [SHOULD]
    assert slugs(changes({MUST: "pass"}, {MUST: "fail"}, declared=(MUST,)).worse) == []


def test_what_holds_now_what_fails_otherwise_and_what_is_not_judged_now():
    found = changes(
        {MUST: "fail", OTHER: "fail", SHOULD: ("fail", "<f at 0x1>"), "args.none": "pass"},
        {MUST: "pass", OTHER: "crash", SHOULD: ("fail", "<f at 0x2>")},
    )

    assert (slugs(found.held), slugs(found.otherwise), found.missing, found.broken) == (
        [MUST],
        [OTHER],
        ("args.none",),
        (),
    )
    assert [*found.lines()][-2:] == [
        "not judged now args.none",
        "since then: 0 newly broken, 1 newly held, 1 otherwise, in 3 clauses that both judged (of 4 before, 3 now)",
    ]


def test_a_comparison_of_a_part_says_so():
    found = changes({MUST: "pass", OTHER: "fail", MAY: "pass"}, {OTHER: "fail"})

    assert [*found.lines()] == [
        f"not judged now {MUST}, {MAY}",
        "nothing changed, in 1 clause that both judged (of 3 before, 1 now)",
    ]


def test_cases_that_were_not_asked_for_are_not_compared():
    before = report_of({MUST: ("fail", "a")}).as_dict()
    (clause,) = before["clauses"]
    clause["cases"].append({"id": "test_x.py::other", "verdict": "fail", "reason": "b"})
    alike = comparison.compare(before, report_of({MUST: ("fail", "a")}, in_part=True).as_dict())
    clause["cases"][0] |= {"verdict": "pass"}
    held = comparison.compare(before, report_of({MUST: "pass"}, in_part=True).as_dict())

    said = "nothing changed, in 1 clause and some of their cases that both judged (of 1 before, 1 now)"
    assert [*alike.lines()] == [*held.lines()] == [said]


def test_another_reason_is_another_way_unless_the_seed_chose_the_names():
    before, now = {MUST: ("fail", "a")}, {MUST: ("fail", "b")}

    assert slugs(changes(before, now).otherwise) == [MUST]
    assert slugs(changes(before, now, seed=1).otherwise) == []


def test_a_may_clause_and_an_unsupported_one_do_not_change():
    assert [*changes({MAY: "pass", MUST: "fail"}, {MAY: "crash", MUST: "unsupported"}).lines()] == ["nothing changed"]


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (None, "cannot be read: No such file"),
        ("{", "is no report: "),
        ("[]", "is no report: expected a file of fcspec check --json"),
        ('{"format": "fcspec-report", "format_version": 2}', "expected format_version 1, found 2"),
        ('{"format": "fcspec-report", "format_version": 1, "run": {"complete": false}}', "is not complete"),
        (
            '{"format": "fcspec-report", "format_version": 1, "run": {"complete": true}, "clauses": [1]}',
            "no whole report",
        ),
        ("\udcff", "is no report"),
    ],
)
def test_what_is_no_report_is_refused(content, says, tmp_path):
    file = tmp_path / "report.json"
    if content is not None:
        file.write_bytes(content.encode(errors="surrogateescape"))

    with pytest.raises(UsageError, match=says):
        comparison.load(str(file))


def test_diff_says_it_and_exits_by_it(tmp_path):
    for name, verdict in (("a", "pass"), ("b", "fail")):
        write_json(report_of({MUST: verdict}).as_dict(), tmp_path / f"{name}.json")

    def diff(*names):
        return fcspec("diff", *names, cwd=tmp_path)

    assert (diff("a.json", "a.json").returncode, diff("a.json", "a.json").stdout) == (0, "nothing changed\n")
    assert diff("b.json", "a.json").returncode == 0
    assert diff("a.json", "b.json").returncode == 1
    assert diff("a.json", "b.json").stdout.startswith("newly broken  call.result · MUST: pass -> fail")
    assert diff("a.json", "c.json").returncode == 4


# ---------------------------------------------------------------------------------------------------------------- outputs


def outputs(tmp_path, **more):
    chosen = {"json": None, "junit": None, "markdown": None, "baseline": None, "only_changes": False, **more}
    return Outputs.from_options(chosen)


def test_files_say_that_nothing_has_ended_until_it_has(tmp_path, monkeypatch):
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path / "summary.md"))
    paths = {kind: tmp_path / kind for kind in ("json", "junit", "markdown")}
    out = outputs(tmp_path, **paths)
    out.claim()
    assert json.loads(paths["json"].read_text())["run"] == {"complete": False}
    assert "has not ended" in paths["junit"].read_text()
    assert "INCOMPLETE" in paths["markdown"].read_text()

    out.write(report_of({MUST: "pass"}), SPEC, None)

    assert json.loads(paths["json"].read_text())["verdict"] == "conforming"
    assert ElementTree.parse(paths["junit"]).find("testsuite").get("tests") == "1"
    assert (tmp_path / "summary.md").read_text() == paths["markdown"].read_text()


@pytest.mark.parametrize(
    ("now", "run", "code"),
    [
        ({MUST: "fail"}, {}, 0),
        ({MUST: "pass"}, {}, 0),
        ({MUST: "fail", OTHER: "fail"}, {}, 1),
        ({MUST: "fail"}, {"problem": "it died"}, 3),
        ({MUST: "fail", OTHER: None}, {"out_of_patience": True}, 1),
    ],
)
def test_only_what_changed_decides_where_that_was_asked_for(now, run, code, tmp_path):
    write_json(report_of({MUST: "fail", OTHER: "pass"}).as_dict(), tmp_path / "before.json")
    out = outputs(tmp_path, baseline=str(tmp_path / "before.json"), only_changes=True)
    report = report_of(now, **run)

    assert out.exit_code(report, out.compare(report)) == code


def test_where_only_changes_decide_the_verdict_says_that_it_is_no_worse(tmp_path, monkeypatch):
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    write_json(report_of({MUST: "fail", OTHER: "pass"}).as_dict(), tmp_path / "before.json")
    out = outputs(tmp_path, baseline=str(tmp_path / "before.json"), only_changes=True)

    def said(now):
        report = report_of(now)
        changes = out.compare(report)
        no_worse = out.is_no_worse(report, changes)
        shown = terminal.screen(report, SPEC, no_worse=no_worse).plain.splitlines()[-1]
        title = markdown.document(report, SPEC, no_worse=no_worse).splitlines()[0]
        return shown, title, len(out.github_lines(report, SPEC, changes))

    no_worse = "### fcspec: ✅ not conforming, but nothing is newly broken"
    assert said({MUST: "fail", OTHER: "pass"}) == ("NOT CONFORMING, BUT NOTHING IS NEWLY BROKEN", no_worse, 0)
    assert said({MUST: "fail", OTHER: "fail"}) == ("NOT CONFORMING", "### fcspec: ❌ not conforming", 2)


def test_options_that_do_not_fit_are_refused(tmp_path):
    with pytest.raises(UsageError, match="--only-changes needs --baseline"):
        outputs(tmp_path, only_changes=True)
    with pytest.raises(UsageError, match=r"--junit .* cannot be written"):
        outputs(tmp_path, junit=tmp_path / "nowhere" / "a.xml").claim()
