"""call, in calls that are drawn."""

from fcspec.calls.topics import Feature, Topic
from fcspec.cases.support.generated import none_breaks
from fcspec.plugin import clause


@clause("call.hooks")
def test_hooks_see_the_given_values_wherever_they_are(functional_call, names, pytestconfig):
    topic = Topic("hooks", Feature.HOOK)

    none_breaks("call.hooks", topic, functional_call, names, pytestconfig)
