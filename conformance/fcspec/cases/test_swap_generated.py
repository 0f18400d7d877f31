"""swap, in calls that are drawn."""

from fcspec.calls.drawing import Topic
from fcspec.cases.support.generated import assert_law_holds
from fcspec.plugin import clause


@clause("swap.nested")
def test_given_values_are_used_at_any_depth(functional_call, names, pytestconfig):
    topic = Topic("containers", forms=True)

    assert_law_holds("swap.nested", topic, functional_call, names, pytestconfig)
