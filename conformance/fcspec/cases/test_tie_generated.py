"""tie, in calls that are drawn."""

from fcspec.cases.generated import none_breaks
from fcspec.plans import PARAMETER
from fcspec.plugin import clause
from fcspec.strategies import Topic


@clause("tie.one-name")
def test_one_name_of_two_is_enough_in_any_module(functional_call, names, pytestconfig):
    topic = Topic("two tied names", ties=2, explicit=True, slots=(PARAMETER,))

    none_breaks("tie.one-name", topic, functional_call, names, pytestconfig)
