"""results/ and RESULTS.md: what they are made from, and that they are up to date."""

import pytest

import results

REPORT = {
    "target": {"address": "torch.func:functional_call"},
    "environment": {"torch": "2.11.0+cu130"},
    "run": {"complete": True},
    "clauses": [
        {"clause": "call.result", "level": "MUST", "verdict": "pass", "seconds": 0.5},
        {"clause": "tie.large-group", "level": "MUST", "verdict": "fail", "seconds": 0.5},
        {"clause": "compile.tied", "level": "MUST", "verdict": "unsupported", "seconds": 0.5},
    ],
}


def test_the_page_is_drawn_from_the_committed_results():
    assert results.PAGE.read_text(encoding="utf-8") == results.page(results.committed()), "python tests/results.py"


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


def test_the_page_has_the_laws_on_which_releases_differ():
    old = results.Result("torch.func", "2.9.1", {"call.result": ("MUST", "pass"), "tie.pair": ("MUST", "crash")})
    new = results.Result("torch.func", "2.10.0", {"call.result": ("MUST", "pass"), "tie.pair": ("MUST", "pass")})

    lines = results.page([old, new]).splitlines()

    assert "| 2.9.1 | 1 of 2 | 0 of 0 |  |  |" in lines
    assert "| tie.pair | ✗ | ✓ |" in lines
    assert [line for line in lines if line.startswith("| call.result")] == []


@pytest.mark.parametrize(
    ("changed", "problem"),
    [
        ({"run": {"complete": False}}, "expected a complete report"),
        ({"target": {"address": "mine:call"}}, "found mine:call"),
    ],
)
def test_what_says_nothing_lasting_is_refused(changed, problem):
    with pytest.raises(results.NoResultError, match=problem):
        results.result_of(REPORT | changed)


def test_what_is_no_report_is_refused_in_one_line(tmp_path):
    (tmp_path / "none.json").write_text("[]")

    assert "expected a report of `fcspec check --json`" in results.main([str(tmp_path / "none.json")])
