"""swap, in calls that are drawn."""

from fcspec.calls.topics import Feature, Topic
from fcspec.cases.support.generated import none_breaks
from fcspec.plugin import clause


@clause("swap.nested")
def test_given_values_are_used_at_any_depth(functional_call, names, pytestconfig):
    topic = Topic("containers", Feature.CONTAINERS)

    none_breaks("swap.nested", topic, functional_call, names, pytestconfig)
