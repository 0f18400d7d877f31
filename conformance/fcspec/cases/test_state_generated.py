"""state, in calls that are drawn."""

from fcspec.cases.generated import none_breaks
from fcspec.plugin import clause
from fcspec.strategies import ANY_KIND, Topic


@clause("state.rng")
def test_no_call_draws_random_numbers(functional_call, names, pytestconfig):
    topic = Topic("values", forms=True, split=True, hooks=True, raises=True, kinds=ANY_KIND)

    none_breaks("state.rng", topic, functional_call, names, pytestconfig)
