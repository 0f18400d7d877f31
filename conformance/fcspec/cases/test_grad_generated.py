"""grad, in calls that are drawn."""

from fcspec.calls.plan import ValueKind
from fcspec.calls.topics import Feature, Topic
from fcspec.cases.support.generated import none_breaks
from fcspec.plugin import clause


@clause("grad.given")
def test_gradients_are_those_of_a_module_that_holds_the_values(functional_call, names, pytestconfig):
    topic = Topic("gradients", Feature.CONTAINERS, value_kinds=(ValueKind.REQUIRES_GRAD, ValueKind.PARAMETER))

    none_breaks("grad.given", topic, functional_call, names, pytestconfig)
