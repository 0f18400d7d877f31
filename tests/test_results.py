"""results/, RESULTS.md and results/index.html: what they are made from, and that they are up to date."""

import re
from xml.etree import ElementTree

import cost_plot
import pytest
import results_page
from fcspec.known import ADDRESSES
from fcspec.report.verdict import Verdict
from fcspec.spec import load_spec

import results

REPORT = {
    "target": {"address": "torch.func:functional_call", "name": "torch 2.11.0"},
    "environment": {"torch": "2.11.0+cu130"},
    "run": {"complete": True},
    "clauses": [
        {"clause": "call.result", "level": "MUST", "verdict": "pass", "seconds": 0.5},
        {"clause": "tie.large-group", "level": "MUST", "verdict": "fail", "seconds": 0.5},
        {"clause": "compile.tied", "level": "MUST", "verdict": "unsupported", "seconds": 0.5},
    ],
}


OLD = results.Result("torch.func", "2.9.1", {"call.result": ("MUST", "pass"), "tie.default": ("MUST", "crash")})
NEW = results.Result("torch.func", "2.10.0", {"call.result": ("MUST", "pass"), "tie.default": ("MUST", "pass")})
DRAWN = results_page.files(results.committed())


@pytest.mark.parametrize("path", DRAWN, ids=lambda path: path.name)
def test_what_is_drawn_from_the_committed_results_is_up_to_date(path):
    assert path.read_text(encoding="utf-8") == DRAWN[path], "python tests/results.py"


def test_the_plot_of_cost_is_drawn_from_the_committed_measurements():
    drawn = (results_page.ROOT / "docs" / "speed.svg").read_text(encoding="utf-8")

    assert drawn == cost_plot.standalone(), "python -m tox run -e benchmark -- --draw docs/speed.json"


def test_the_page_stays_below_3_mb():
    assert len(DRAWN[results_page.FOLDER / "index.html"].encode()) < 3_000_000


def test_a_result_has_the_verdict_of_each_clause_and_reads_back(tmp_path, monkeypatch):
    monkeypatch.setattr(results, "RESULTS", tmp_path)
    result = results.result_of(REPORT)

    assert result.path == tmp_path / "torch.func" / "2.11.0.txt"
    assert [line.split() for line in result.text.splitlines()] == [
        ["call.result", "MUST", "pass"],
        ["tie.large-group", "MUST", "fail"],
        ["compile.tied", "MUST", "unsupported"],
    ]
    assert result.counts("MUST") == "1 of 2"
    result.path.parent.mkdir()
    result.path.write_text(result.text)
    assert results.committed() == [result]


def test_results_are_read_in_order_those_of_torch_first(tmp_path, monkeypatch):
    monkeypatch.setattr(results, "RESULTS", tmp_path)
    for place in ("abc/2.9.1", "reference/2.9.1", "torch.func/2.10.0", "torch.func/2.9.1"):
        path = tmp_path / f"{place}.txt"
        path.parent.mkdir(exist_ok=True)
        path.write_text(OLD.text)

    assert [(one.target, one.torch) for one in results.committed()] == [
        ("torch.func", "2.9.1"),
        ("torch.func", "2.10.0"),
        ("reference", "2.9.1"),
        ("abc", "2.9.1"),
    ]


def test_the_page_has_the_laws_on_which_releases_differ():
    lines = results_page.markdown([OLD, NEW]).splitlines()

    assert "| 2.9.1 | 1 of 2 | 0 of 0 |" in lines
    assert "| tie.default | ✗ | ✓ |" in lines
    assert [line for line in lines if line.startswith("| call.result")] == []


def test_the_table_of_implementations_has_the_newest_release_of_each():
    lines = results_page.markdown([OLD, NEW, results.Result("mine", "2.9.1", OLD.clauses)]).splitlines()

    assert lines[lines.index("| torch.func | 2.10.0 | 2 of 2 | 0 of 0 |") + 1] == "| mine | 2.9.1 | 1 of 2 | 0 of 0 |"


def test_releases_that_keep_the_same_laws_are_one_column_and_the_newest_comes_first():
    newer = results.Result("torch.func", "2.11.0", NEW.clauses)

    text = results_page.html([OLD, NEW, newer], load_spec())

    headers = re.findall('<th scope="col" title="([^"]*)"', text)
    assert headers == ["torch.func 2.10.0 – 2.11.0", "torch.func 2.9.1"]
    assert "judged with each of torch 2.10.0, 2.11.0" in text


def test_plots_say_in_words_what_they_show():
    broken, cost = results_page.by_release("torch.func", [OLD, NEW]), cost_plot.plot({"a": {2: 1.0, 20: 123.4}})

    assert "<desc>Broken are 2.9.1: 1 MUST and 0 SHOULD; 2.10.0: 0 MUST and 0 SHOULD.</desc>" in broken
    assert "a 1 at 2, 123 at 20" in cost
    for plot in (broken, cost):
        root = ElementTree.fromstring(results_page.plots.standalone(plot))
        assert root.get("role") == "img"
        assert root[0].tag.endswith("title")


@pytest.mark.parametrize(("address", "folder"), results.TARGETS.items(), ids=results.TARGETS.values())
def test_each_known_implementation_has_a_result_of_every_clause(address, folder):
    found = results.read(results.RESULTS / folder / "2.13.0.txt").clauses

    levels = {slug: level for slug, (level, _) in found.items()}
    assert levels == {one.slug: one.level for one in load_spec().clauses}, "python -m tox run -e results"
    assert {Verdict(verdict) for _, verdict in found.values()} <= {*Verdict} - {Verdict.ERROR}


def test_every_result_is_of_a_known_implementation():
    assert {path.name for path in results.RESULTS.iterdir() if path.is_dir()} <= {*results.TARGETS.values()}


@pytest.mark.parametrize(
    ("changed", "problem"),
    [
        ({"run": {"complete": False}}, "expected a complete report"),
        ({"target": {"address": "mine:call", "name": "mine"}}, "found mine:call"),
        (
            {"target": {"address": ADDRESSES["higher"], "name": "higher 0.1"}},
            r"expected higher 0\.2\.1, found higher 0\.1;",
        ),
    ],
)
def test_what_says_nothing_lasting_is_refused(changed, problem):
    with pytest.raises(results.NoResultError, match=problem):
        results.result_of(REPORT | changed)


def test_what_is_no_report_is_refused_in_one_line(tmp_path):
    (tmp_path / "none.json").write_text("[]")

    assert "expected a report of `fcspec check --json`" in results.main([str(tmp_path / "none.json")])
