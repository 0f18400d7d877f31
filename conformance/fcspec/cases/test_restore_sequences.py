"""restore, in long sequences of calls on one module: plain, failing, nested and writing ones, between training and loading."""

import pytest

from fcspec.cases.support.sequences import run_sequences
from fcspec.plugin import Needs, clause, needs

pytestmark = needs(Needs.DRAWING)

SLUGS = ("restore.objects", "restore.exception", "restore.nested", "restore.rebound")


@pytest.mark.parametrize("slug", [pytest.param(slug, marks=clause(slug)) for slug in SLUGS])
def test_own_objects_come_back_in_a_sequence_of_calls(functional_call, names, slug):
    run_sequences(functional_call, names, slug)
