"""inplace, in calls that are drawn."""

from fcspec.cases.generated import none_breaks
from fcspec.plans import REBIND
from fcspec.plugin import clause
from fcspec.strategies import Topic


@clause("inplace.rebinding")
def test_the_dict_holds_what_any_forward_bound(functional_call, names, pytestconfig):
    topic = Topic("rebinding", acts=(REBIND,))

    none_breaks("inplace.rebinding", topic, functional_call, names, pytestconfig)
