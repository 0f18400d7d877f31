"""inplace, in calls that are drawn."""

from fcspec.calls.plan import Act
from fcspec.calls.topics import Topic
from fcspec.cases.support.generated import none_breaks
from fcspec.plugin import clause


@clause("inplace.rebinding")
def test_the_dict_holds_what_any_forward_bound(functional_call, names, pytestconfig):
    topic = Topic("rebinding", acts=(Act.REBIND,))

    none_breaks("inplace.rebinding", topic, functional_call, names, pytestconfig)
