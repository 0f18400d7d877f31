"""parametrize, in calls that are drawn."""

from fcspec.calls.plan import ValueKind
from fcspec.calls.topics import ParametrizedName, Topic
from fcspec.cases.support.generated import none_breaks
from fcspec.plugin import clause


@clause("parametrize.original")
def test_originals_are_used_in_any_module(functional_call, names, pytestconfig):
    topic = Topic(
        "originals",
        parametrized=ParametrizedName.ORIGINAL,
        value_kinds=(ValueKind.REQUIRES_GRAD, ValueKind.PARAMETER),
    )

    none_breaks("parametrize.original", topic, functional_call, names, pytestconfig)
