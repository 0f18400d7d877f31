"""tie, in calls that are drawn."""

from fcspec.calls.drawing import Topic
from fcspec.calls.plan import PARAMETER
from fcspec.cases.support.generated import assert_law_holds
from fcspec.plugin import clause


@clause("tie.one-name")
def test_one_name_of_two_is_enough_in_any_module(functional_call, names, pytestconfig):
    topic = Topic("two tied names", ties=2, explicit=True, slots=(PARAMETER,))

    assert_law_holds("tie.one-name", topic, functional_call, names, pytestconfig)
