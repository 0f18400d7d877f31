"""tie, in calls that are drawn."""

from fcspec.calls.plan import Kind
from fcspec.calls.topics import Feature, Topic
from fcspec.cases.support.generated import none_breaks
from fcspec.plugin import clause


@clause("tie.one-name")
def test_one_name_of_two_is_enough_in_any_module(functional_call, names, pytestconfig):
    topic = Topic("two tied names", Feature.TIES_ON, tied_names=2, slot_kinds=(Kind.PARAMETER,))

    none_breaks("tie.one-name", topic, functional_call, names, pytestconfig)
