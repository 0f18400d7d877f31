"""restore, in calls that are drawn."""

from fcspec.calls.topics import ANY_VALUE, Feature, Topic
from fcspec.cases.support.generated import none_breaks
from fcspec.plugin import clause


@clause("restore.objects")
def test_own_objects_come_back_in_any_module(functional_call, names, pytestconfig):
    topic = Topic("values", Feature.CONTAINERS, value_kinds=ANY_VALUE)

    none_breaks("restore.objects", topic, functional_call, names, pytestconfig)
