"""args, in calls that are drawn."""

from fcspec.cases.generated import none_breaks
from fcspec.plans import ALL_BY_KEYWORD, BY_KEYWORD
from fcspec.plugin import clause
from fcspec.strategies import Topic


@clause("args.kwargs")
def test_the_forward_of_any_module_takes_its_argument_by_keyword(functional_call, names, pytestconfig):
    topic = Topic("arguments", forms=True, split=True, passed=(BY_KEYWORD, ALL_BY_KEYWORD))

    none_breaks("args.kwargs", topic, functional_call, names, pytestconfig)
