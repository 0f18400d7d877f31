"""strict, in calls that are drawn."""

from fcspec.calls.drawing import Topic
from fcspec.cases.support.generated import assert_law_holds
from fcspec.plugin import clause


@clause("strict.exact")
def test_all_names_of_any_module_are_accepted(functional_call, names, pytestconfig):
    topic = Topic("all names", forms=True, strict=True, split=True)

    assert_law_holds("strict.exact", topic, functional_call, names, pytestconfig)
