"""strict, in calls that are drawn."""

from fcspec.cases.generated import none_breaks
from fcspec.plugin import clause
from fcspec.strategies import Topic


@clause("strict.exact")
def test_all_names_of_any_module_are_accepted(functional_call, names, pytestconfig):
    topic = Topic("all names", forms=True, strict=True, split=True)

    none_breaks("strict.exact", topic, functional_call, names, pytestconfig)
