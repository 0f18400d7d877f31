"""state, in calls that are drawn."""

from fcspec.calls.drawing import ANY_KIND, Topic
from fcspec.cases.support.generated import assert_law_holds
from fcspec.plugin import clause


@clause("state.rng")
def test_no_call_draws_random_numbers(functional_call, names, pytestconfig):
    topic = Topic("values", forms=True, split=True, hooks=True, raises=True, kinds=ANY_KIND)

    assert_law_holds("state.rng", topic, functional_call, names, pytestconfig)
