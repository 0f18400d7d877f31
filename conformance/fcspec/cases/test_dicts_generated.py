"""dicts, in calls that are drawn."""

from fcspec.calls.drawing import Topic
from fcspec.cases.support.generated import assert_law_holds
from fcspec.plugin import clause


@clause("dicts.tuple")
def test_a_tuple_of_dicts_acts_as_their_union(functional_call, names, pytestconfig):
    topic = Topic("tuples", split=True)

    assert_law_holds("dicts.tuple", topic, functional_call, names, pytestconfig)
