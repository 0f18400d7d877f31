"""call, in calls that are drawn."""

from fcspec.calls.drawing import Topic
from fcspec.cases.support.generated import assert_law_holds
from fcspec.plugin import clause


@clause("call.hooks")
def test_hooks_see_the_given_values_wherever_they_are(functional_call, names, pytestconfig):
    topic = Topic("hooks", hooks=True)

    assert_law_holds("call.hooks", topic, functional_call, names, pytestconfig)
