"""`fcspec show`: views of a report are functions of it alone; what is no whole report is refused in one line."""

import json
import re
from html import unescape
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree

import jsonschema
import pytest
from fcspec import cli
from fcspec.errors import UsageError
from fcspec.report import badge, page, reading, terminal
from fcspec.report.model import Case, Run, as_json, judge
from fcspec.report.words import cut
from fcspec.spec import load_spec
from reports import EVIL, GOLDEN, SCRIPT, SPEC, mine, other, report, views

SCHEMA = Path(reading.__file__).with_name("report.schema.json")


def fcspec(*arguments):
    with pytest.raises(SystemExit) as ended:
        cli.main([*map(str, arguments)])
    return ended.value.code


def written(tmp_path, made, **changes):
    """The file of a report, with changes to its JSON."""
    path = tmp_path / "report.json"
    path.write_text(as_json({**made.as_dict(), **changes}), encoding="utf-8")
    return path


# --------------------------------------------------------------------------------------------------------------- golden files


@pytest.mark.parametrize("name", sorted(views()))
def test_a_view_is_as_its_golden_file(name):
    assert views()[name] == (GOLDEN / name).read_text(encoding="utf-8"), "python tests/reports.py writes it anew"


@pytest.mark.parametrize("made", [mine(), other(), report({"call.result": {"verdict": "pass"}}, strict=True)])
def test_a_report_that_was_read_is_the_one_that_was_written(tmp_path, made):
    again = reading.report(str(written(tmp_path, made)), SPEC)

    jsonschema.validate(again.as_dict(), json.loads(SCHEMA.read_text(encoding="utf-8")))
    assert again.as_dict() == cleaned(made.as_dict())


def cleaned(data):
    """JSON without what controls a terminal."""
    if isinstance(data, dict):
        return {key: cleaned(one) for key, one in data.items()}
    if isinstance(data, list):
        return [cleaned(one) for one in data]
    return terminal.clean(data) if isinstance(data, str) else data


@pytest.mark.parametrize(
    "run", [{"out_of_patience": True}, {"exitfirst": True}, {"interrupted": True}, {"problem": "died"}, {}]
)
def test_how_a_run_ended_is_read(tmp_path, run):
    made = report({"call.result": {"verdict": "timeout"}, "call.once": None}, **run)

    assert reading.report(str(written(tmp_path, made)), SPEC).run == made.run


# ------------------------------------------------------------------------------------------------------------------ escaping


class Tags(HTMLParser):
    """Names of all tags, of attributes, and the texts of scripts."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.attributes, self.open, self.script = [], set(), [], ""
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes |= {name for name, _ in attrs}
        if tag not in ("meta", "input", "rect"):
            self.open.append(tag)

    def handle_endtag(self, tag):
        if tag != "rect":
            assert self.open.pop() == tag

    def handle_startendtag(self, tag, attrs):
        self.tags.append(tag)

    def handle_data(self, data):
        if self.open and self.open[-1] == "script":
            self.script += data


@pytest.mark.parametrize("reports", [[mine()], [mine(), other()]], ids=["one", "two"])
def test_nothing_that_a_target_says_is_html(reports):
    found = Tags(page.document(reports, SPEC))

    assert found.tags.count("script") == 1
    assert "alert" not in found.script
    assert not found.open
    assert not [name for name in found.attributes if name.startswith("on")]


def test_the_page_asks_for_nothing():
    text = page.document([mine(), other()], SPEC)

    assert not re.search(r'(src|href)="(?!#)', text)
    assert "url(" not in text
    assert "default-src 'none'" in text


def test_what_tells_targets_apart_is_escaped_too():
    made = report({"call.result": {"verdict": "pass"}}, name='<img onclick="x">')

    found = Tags(page.document([made, made], SPEC))

    assert "onclick" not in found.attributes
    assert "img" not in found.tags


@pytest.mark.parametrize("name", ["show.txt", "show.md", "show.html", "compare.txt", "compare.html"])
def test_nothing_controls_a_terminal_or_turns_text(name):
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e]", views()[name])
    assert "\u202e" in EVIL


def test_a_lone_surrogate_can_be_written(tmp_path):
    made = report({"call.result": {"verdict": "fail", "reason": "\ud800 bad"}})
    path = tmp_path / "report.json"
    path.write_text(json.dumps(made.as_dict()))

    page.document([reading.report(str(path), SPEC)], SPEC).encode()


def test_the_badge_is_xml_that_says_verdict_and_counts():
    root = ElementTree.fromstring(badge.document(mine(), SPEC))

    assert "nonconforming · MUST 1 of 3 hold" in root.get("aria-label")


def test_a_script_that_the_report_has_is_on_the_page_whole():
    assert SCRIPT in unescape(page.document([mine()], SPEC))


def test_what_is_cut_says_so():
    assert cut("x" * 10, 4) == "xxxx ... 6 more characters"
    assert cut("xxxx", 4) == "xxxx"
    made = report({"call.once": {"verdict": "fail", "reason": "y" * 20_000}})
    assert "more characters" in page.document([made], SPEC)


# ------------------------------------------------------------------------------------------------------------------ refusals


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "is no report: Expecting value"),
        ('{"format": "fcspec-report", "format_version": 1, "run": {"comp', "is no report: Unterminated string"),
        ("[" * 100_000, "is no report: "),
        ("[]", "expected a file of fcspec check --json"),
        ('{"format": "sarif", "version": 2}', "expected a file of fcspec check --json"),
        ('{"format": "fcspec-report", "format_version": 2}', "found 2; a newer fcspec wrote it: update fcspec"),
        ('{"format": "fcspec-report", "format_version": "x"}', "expected format_version 1, found 'x'"),
        ('{"format": "fcspec-report", "format_version": 1, "run": {"complete": false}}', "has not ended"),
        ('{"format": "fcspec-report", "format_version": 1}', "'target' is missing"),
    ],
)
def test_what_is_no_whole_report_is_refused_in_one_line(tmp_path, capsys, text, said):
    path = tmp_path / "report.json"
    path.write_text(text)

    assert fcspec("show", path) == 4
    line = capsys.readouterr().err
    assert line.count("\n") == 1
    assert said in line


CLAUSE = mine().as_dict()["clauses"][1]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"clauses": []}, "verdict is 'nonconforming', its clauses say"),
        ({"verdict": "conforming"}, "verdict is 'conforming', its clauses say"),
        ({"clauses": {}}, "clauses is {}, expected a list"),
        ({"clauses": [5]}, "a clause is 5, expected an object"),
        (
            {"clauses": [{**CLAUSE, "clause": "call.new"}]},
            "has no clause 'call.new': use the fcspec that wrote it, 0.1.0",
        ),
        ({"clauses": [{**CLAUSE, "verdict": "maybe"}]}, "'maybe' is not a valid Verdict"),
        ({"clauses": [{**CLAUSE, "reason": ["x"]}]}, "reason is ['x'], expected str | None"),
        ({"clauses": [{**CLAUSE, "level": "MIGHT"}]}, "level is 'MIGHT'"),
        ({"clauses": [{**CLAUSE, "cases": [{"verdict": "fail"}]}]}, "missing 1 required positional argument: 'id'"),
        ({"clauses": [CLAUSE, CLAUSE]}, "a clause is there twice"),
        ({"stale": ["<script>"]}, "has no clause '<script>'"),
        ({"target": "mine"}, "target is 'mine', expected an object"),
        (
            {"target": {"address": "a:b", "name": None, "file": None, "line": None}},
            "target.name is None, expected text",
        ),
        ({"environment": {"torch": 2}}, "environment.torch is 2, expected text"),
        ({"run": []}, "run is [], expected an object"),
        ({"run": {**mine().as_dict()["run"], "seconds": True}}, "seconds is True, expected float"),
        ({"run": {**mine().as_dict()["run"], "planned": 99}}, "planned is 99, its clauses say 6"),
    ],
)
def test_a_report_that_was_changed_is_refused(tmp_path, changes, said):
    with pytest.raises(UsageError) as refused:
        reading.report(str(written(tmp_path, mine(), **changes)), SPEC)

    assert said in str(refused.value)
    assert "\n" not in str(refused.value)


# --------------------------------------------------------------------------------------------------------------- the command


def real(verdicts):
    """A report over the real SPEC.md."""
    cases = [Case(f"test_x.py::{slug}", slug, verdict, f"because {slug}") for slug, verdict in verdicts.items()]
    target = {"address": "a:b", "name": "b", "file": None, "line": None}
    plan = {slug: [f"test_x.py::{slug}"] for slug in verdicts}
    return judge(load_spec(), plan, cases, target=target, environment={"torch": "2.13.0"}, run=Run())


def test_a_report_is_shown_in_the_terminal_and_the_exit_code_is_no_verdict(tmp_path, capsys):
    path = written(tmp_path, real({"call.result": "fail", "call.once": "pass"}))

    assert fcspec("show", path) == 0
    assert "MUST 1 of 2 hold" in capsys.readouterr().out


def test_every_view_is_written(tmp_path, capsys):
    path = written(tmp_path, real({"call.result": "fail", "call.once": "pass"}))
    files = {kind: tmp_path / f"x.{kind}" for kind in ("html", "markdown", "junit", "badge")}

    assert fcspec("show", path, *(part for kind, file in files.items() for part in (f"--{kind}", file))) == 0

    assert capsys.readouterr().out == ""
    texts = {kind: file.read_text() for kind, file in files.items()}
    assert "</html>" in texts["html"]
    assert "not conforming" in texts["markdown"]
    assert 'failures="1"' in texts["junit"]
    assert "MUST 1 of 2 hold" in texts["badge"]


def test_a_view_goes_to_stdout_and_only_one_of_them(tmp_path, capfd):
    path = written(tmp_path, real({"call.result": "pass"}))

    assert fcspec("show", path, "--html", "-") == 0
    assert capfd.readouterr().out.startswith("<!doctype html>")
    assert fcspec("show", path, "--html", "-", "--badge", "-") == 4


def test_a_file_that_cannot_be_written_is_said(tmp_path, capsys):
    path = written(tmp_path, real({"call.result": "pass"}))

    assert fcspec("show", path, "--html", tmp_path / "no" / "x.html") == 4
    assert "cannot be written: No such file or directory" in capsys.readouterr().err
