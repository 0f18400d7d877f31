"""Laws in calls that are drawn: modules of any shape, any part of their names, the same calls in every run."""

import pytest

from fcspec.calls.kinds import Act, Kind, Passing, ValueKind
from fcspec.calls.topics import ANY_VALUE, Feature, ParametrizedName, Topic
from fcspec.cases.support.generated import assert_law_holds
from fcspec.plugin import Needs, clause, needs

pytestmark = needs(Needs.DRAWING)

WITH_GRADIENT = (ValueKind.REQUIRES_GRAD, ValueKind.PARAMETER)

TOPICS = {
    "call.hooks": Topic("hooks", Feature.HOOK),
    "args.kwargs": Topic(
        "arguments", Feature.CONTAINERS | Feature.SPLIT, passing=(Passing.BY_KEYWORD, Passing.ALL_BY_KEYWORD)
    ),
    "dicts.tuple": Topic("tuples", Feature.SPLIT),
    "swap.nested": Topic("containers", Feature.CONTAINERS),
    "restore.objects": Topic("values", Feature.CONTAINERS, value_kinds=ANY_VALUE),
    "inplace.rebinding": Topic("rebinding", acts=(Act.REBIND,)),
    "tie.one-name": Topic("two tied names", Feature.TIES_ON, tied_names=2, slot_kinds=(Kind.PARAMETER,)),
    "strict.exact": Topic("all names", Feature.CONTAINERS | Feature.STRICT | Feature.SPLIT),
    "grad.given": Topic("gradients", Feature.CONTAINERS, value_kinds=WITH_GRADIENT),
    "parametrize.original": Topic("originals", parametrized=ParametrizedName.ORIGINAL, value_kinds=WITH_GRADIENT),
    "state.rng": Topic(
        "values", Feature.CONTAINERS | Feature.SPLIT | Feature.HOOK | Feature.RAISES, value_kinds=ANY_VALUE
    ),
}


@pytest.mark.parametrize(
    ("slug", "topic"), [pytest.param(slug, topic, id=slug, marks=clause(slug)) for slug, topic in TOPICS.items()]
)
def test_no_drawn_call_breaks_the_law(functional_call, names, pytestconfig, slug, topic):
    assert_law_holds(slug, topic, functional_call, names, pytestconfig)
