"""state, in calls that are drawn."""

from fcspec.calls.topics import ANY_VALUE, Feature, Topic
from fcspec.cases.support.generated import none_breaks
from fcspec.plugin import clause


@clause("state.rng")
def test_no_call_draws_random_numbers(functional_call, names, pytestconfig):
    topic = Topic(
        "values",
        Feature.CONTAINERS | Feature.SPLIT | Feature.HOOK | Feature.RAISES,
        value_kinds=ANY_VALUE,
    )

    none_breaks("state.rng", topic, functional_call, names, pytestconfig)
