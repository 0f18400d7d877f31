"""The rows that fcspec check goes through: every pair of features that can meet does, and each is what its table says."""

import re
from pathlib import Path

import pytest
from fcspec import calls
from fcspec.calls.comparison import broken_laws
from fcspec.calls.covering import as_json, covering_rows
from fcspec.calls.expected import expect
from fcspec.calls.features import AcceptedFeatures, non_default
from fcspec.calls.meetings import TOPICS, rows_where_laws_meet
from fcspec.calls.module_drawing import Words
from fcspec.calls.reduction import Reduction
from fcspec.calls.rows import plan_of
from fcspec.calls.rules import allowed
from fcspec_reference import functional_call

CALLS = Path(calls.__file__).parent
CASES = CALLS.parent / "cases" / "test_covering.py"
SLUG = re.compile(r'"([a-z-]+\.[a-z-]+)"')
ROWS = [*rows_where_laws_meet(), *covering_rows()]


@pytest.mark.slow
def test_the_rows_are_up_to_date():
    assert (CALLS / "covering.json").read_text(encoding="utf-8") == as_json(), "python -m fcspec.calls.covering"


def test_the_rules_allow_every_row():
    assert all(map(allowed, ROWS))


def test_every_topic_has_rows():
    rows = [non_default(row) | {"given": row.given} for row in rows_where_laws_meet()]
    for topic in TOPICS:
        assert any(all(row.get(name) in values for name, values in topic.items()) for row in rows)


def test_a_call_is_an_error_where_its_table_says_so():
    wrong = [row for row in ROWS if (expect(plan_of(row)).refused_by is None) != isinstance(row, AcceptedFeatures)]
    assert wrong == []


def test_every_clause_that_a_row_can_break_has_a_case():
    texts = [
        (CALLS / f"{name}.py").read_text() for name in ("attribution", "refusals", "assertions", "looks", "comparison")
    ]
    named = set(re.findall(SLUG, "".join(texts)))
    assert named - {"dicts.state-dict", "dicts.idioms"} == set(re.findall(SLUG, CASES.read_text(encoding="utf-8")))


def copies_values(module, values, *args, **kwargs):
    if isinstance(values, dict) and len(values) == 2:
        values = {name: value.clone() for name, value in values.items()}
    return functional_call(module, values, *args, **kwargs)


def test_a_row_is_reduced_to_what_it_takes():
    reduction = Reduction(lambda plan: broken_laws(plan, copies_values), Words(), limit=400)

    reduction.judge_all(ROWS)

    assert "swap.identity" in {finding.broken.clause for finding in reduction.findings}
    assert all(len(finding.plan.entries) == 2 for finding in reduction.findings)


@pytest.mark.parametrize("limit", [0, 5])
def test_no_more_calls_are_made_for_reducing_than_allowed(limit):
    calls = []

    def judge(plan):
        calls.append(plan)
        return broken_laws(plan, copies_values)

    Reduction(judge, Words(), limit).judge_all(ROWS)

    assert len(calls) <= len(ROWS) + limit
