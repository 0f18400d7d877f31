"""inplace, in calls that are drawn."""

from fcspec.calls.drawing import Topic
from fcspec.calls.plan import REBIND
from fcspec.cases.support.generated import assert_law_holds
from fcspec.plugin import clause


@clause("inplace.rebinding")
def test_the_dict_holds_what_any_forward_bound(functional_call, names, pytestconfig):
    topic = Topic("rebinding", acts=(REBIND,))

    assert_law_holds("inplace.rebinding", topic, functional_call, names, pytestconfig)
