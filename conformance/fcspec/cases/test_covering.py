"""Laws where features of a call meet: every pair of them, in calls whose outcome is computed without any functional_call."""

import functools

import pytest

from fcspec.calls.clauses import SLUGS
from fcspec.calls.comparison import broken_laws
from fcspec.calls.covering import covering_rows
from fcspec.calls.meetings import rows_where_laws_meet
from fcspec.calls.reduction import Finding, Reduction
from fcspec.calls.script import script_of
from fcspec.cases.support.generated import words
from fcspec.plugin import Needs, clause, needs
from fcspec.plugin.items import UNDER_TEST
from fcspec.specimens.base import Names

pytestmark = needs(Needs.DRAWING)

REDUCING = 400
"""So many calls are made while rows are reduced. A target that breaks every law is not reduced to the end."""


@functools.cache
def first_findings(functional_call, seed) -> dict[str, Finding]:
    """Of each law that reduced rows break, the first one. All rows are judged, once in a process."""
    reduction = Reduction(lambda plan: broken_laws(plan, functional_call), words(Names(f"covering {seed}")), REDUCING)
    reduction.judge_all([*rows_where_laws_meet(), *covering_rows()])
    return {finding.broken.clause: finding for finding in reversed(reduction.findings)}


@pytest.mark.parametrize("slug", [pytest.param(slug, id=slug, marks=clause(slug)) for slug in SLUGS])
def test_no_pair_of_features_breaks_the_law(functional_call, pytestconfig, slug):
    options = pytestconfig.stash[UNDER_TEST].options
    finding = first_findings(functional_call, options.seed).get(slug)
    if finding is not None:
        script = script_of(finding.plan, finding.broken, options.address)
        raise AssertionError(f"{finding.broken.message}\n\n{script}")
