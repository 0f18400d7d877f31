"""dicts, in calls that are drawn."""

from fcspec.calls.topics import Feature, Topic
from fcspec.cases.support.generated import none_breaks
from fcspec.plugin import clause


@clause("dicts.tuple")
def test_a_tuple_of_dicts_acts_as_their_union(functional_call, names, pytestconfig):
    topic = Topic("tuples", Feature.SPLIT)

    none_breaks("dicts.tuple", topic, functional_call, names, pytestconfig)
