"""parametrize, in calls that are drawn."""

from fcspec.calls.drawing import Topic
from fcspec.calls.plan import AS_PARAMETER, GRAD
from fcspec.cases.support.generated import assert_law_holds
from fcspec.plugin import clause


@clause("parametrize.original")
def test_originals_are_used_in_any_module(functional_call, names, pytestconfig):
    topic = Topic("originals", parametrized="original", kinds=(GRAD, AS_PARAMETER))

    assert_law_holds("parametrize.original", topic, functional_call, names, pytestconfig)
