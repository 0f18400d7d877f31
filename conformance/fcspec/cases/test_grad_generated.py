"""grad, in calls that are drawn."""

from fcspec.calls.drawing import Topic
from fcspec.calls.plan import AS_PARAMETER, GRAD
from fcspec.cases.support.generated import assert_law_holds
from fcspec.plugin import clause


@clause("grad.given")
def test_gradients_are_those_of_a_module_that_holds_the_values(functional_call, names, pytestconfig):
    topic = Topic("gradients", forms=True, kinds=(GRAD, AS_PARAMETER))

    assert_law_holds("grad.given", topic, functional_call, names, pytestconfig)
