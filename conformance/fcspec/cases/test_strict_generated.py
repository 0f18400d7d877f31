"""strict, in calls that are drawn."""

from fcspec.calls.topics import Feature, Topic
from fcspec.cases.support.generated import none_breaks
from fcspec.plugin import clause


@clause("strict.exact")
def test_all_names_of_any_module_are_accepted(functional_call, names, pytestconfig):
    topic = Topic("all names", Feature.CONTAINERS | Feature.STRICT | Feature.SPLIT)

    none_breaks("strict.exact", topic, functional_call, names, pytestconfig)
