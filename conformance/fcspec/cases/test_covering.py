"""Laws where features of a call meet: every pair of them, in calls whose outcome is computed without any functional_call."""

import functools

import pytest

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


CLAUSES = (
    "call.circular",
    "call.exception",
    "call.hooks",
    "call.no-values",
    "call.once",
    "call.same-module",
    "args.kwargs",
    "args.tuple",
    "swap.buffer",
    "swap.identity",
    "swap.nested",
    "swap.parameter",
    "dicts.bad-name",
    "dicts.bad-value",
    "dicts.distinct",
    "dicts.not-a-tensor",
    "dicts.subclass",
    "dicts.tuple",
    "dicts.unchanged",
    "restore.deleted",
    "restore.exception",
    "restore.nested",
    "restore.no-leftovers",
    "restore.no-references",
    "restore.objects",
    "restore.order",
    "restore.rebound",
    "restore.rebound-non-tensor",
    "restore.rejected",
    "restore.shape",
    "restore.shared-buffer-owner",
    "restore.shared-submodule",
    "restore.versions",
    "inplace.module-untouched",
    "inplace.nested",
    "inplace.not-given",
    "inplace.only-tensors",
    "inplace.rebinding",
    "inplace.rebinding-shared",
    "inplace.rebinding-tuple",
    "inplace.same-tensor",
    "tie.across-kinds",
    "tie.buffers",
    "tie.conflict",
    "tie.conflict-in-part",
    "tie.equal-values",
    "tie.gradient",
    "tie.large-group",
    "tie.off",
    "tie.off-different",
    "tie.one-name",
    "tie.same-object",
    "tie.shared-submodule",
    "strict.buffers",
    "strict.exact",
    "strict.missing",
    "strict.none",
    "strict.off",
    "strict.parametrized",
    "strict.tied",
    "strict.tied-off",
    "strict.unexpected",
    "parametrize.buffer",
    "parametrize.cached",
    "parametrize.no-right-inverse",
    "parametrize.not-run",
    "parametrize.original",
    "parametrize.regular-name",
    "parametrize.regular-name-gradient",
    "parametrize.regular-parameter",
    "parametrize.several-originals",
    "parametrize.still-active",
    "grad.given",
    "grad.own",
    "grad.own-given",
    "grad.twice",
    "state.rng",
    "state.silent",
    "state.warnings",
)
"""What a reduced row can break (calls/attribution.py)."""


@functools.cache
def first_findings(functional_call, seed) -> dict[str, Finding]:
    """Of each law that reduced rows break, the first one. All rows are judged, once in a process."""
    reduction = Reduction(lambda plan: broken_laws(plan, functional_call), words(Names(f"covering {seed}")), REDUCING)
    reduction.judge_all([*rows_where_laws_meet(), *covering_rows()])
    return {finding.broken.clause: finding for finding in reversed(reduction.findings)}


@pytest.mark.parametrize("slug", [pytest.param(slug, id=slug, marks=clause(slug)) for slug in CLAUSES])
def test_no_pair_of_features_breaks_the_law(functional_call, pytestconfig, slug):
    options = pytestconfig.stash[UNDER_TEST].options
    finding = first_findings(functional_call, options.seed).get(slug)
    if finding is not None:
        broken_laws(finding.plan, functional_call)  # so that the report shows this call
        script = script_of(finding.plan, finding.broken, options.address)
        raise AssertionError(f"{finding.broken.message}\n\n{script}")
