"""args, in calls that are drawn."""

from fcspec.calls.plan import Passing
from fcspec.calls.topics import Feature, Topic
from fcspec.cases.support.generated import none_breaks
from fcspec.plugin import clause


@clause("args.kwargs")
def test_the_forward_of_any_module_takes_its_argument_by_keyword(functional_call, names, pytestconfig):
    topic = Topic(
        "arguments",
        Feature.CONTAINERS | Feature.SPLIT,
        passing=(Passing.BY_KEYWORD, Passing.ALL_BY_KEYWORD),
    )

    none_breaks("args.kwargs", topic, functional_call, names, pytestconfig)
