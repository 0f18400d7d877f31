"""args, in calls that are drawn."""

from fcspec.calls.drawing import Topic
from fcspec.calls.plan import ALL_BY_KEYWORD, BY_KEYWORD
from fcspec.cases.support.generated import assert_law_holds
from fcspec.plugin import clause


@clause("args.kwargs")
def test_the_forward_of_any_module_takes_its_argument_by_keyword(functional_call, names, pytestconfig):
    topic = Topic("arguments", forms=True, split=True, passed=(BY_KEYWORD, ALL_BY_KEYWORD))

    assert_law_holds("args.kwargs", topic, functional_call, names, pytestconfig)
