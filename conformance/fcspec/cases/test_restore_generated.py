"""restore, in calls that are drawn."""

from fcspec.calls.drawing import ANY_KIND, Topic
from fcspec.cases.support.generated import assert_law_holds
from fcspec.plugin import clause


@clause("restore.objects")
def test_own_objects_come_back_in_any_module(functional_call, names, pytestconfig):
    topic = Topic("values", forms=True, kinds=ANY_KIND)

    assert_law_holds("restore.objects", topic, functional_call, names, pytestconfig)
