"""Laws in calls that are drawn: modules of any shape, any part of their names, the same calls in every run."""

import pytest

from fcspec.calls.drawing import ANY_KIND, Topic
from fcspec.calls.plan import ALL_BY_KEYWORD, AS_PARAMETER, BY_KEYWORD, GRAD, PARAMETER, REBIND
from fcspec.cases.support.generated import assert_law_holds
from fcspec.plugin import clause

TOPICS = {
    "call.hooks": Topic("hooks", hooks=True),
    "args.kwargs": Topic("arguments", forms=True, split=True, passed=(BY_KEYWORD, ALL_BY_KEYWORD)),
    "dicts.tuple": Topic("tuples", split=True),
    "swap.nested": Topic("containers", forms=True),
    "restore.objects": Topic("values", forms=True, kinds=ANY_KIND),
    "inplace.rebinding": Topic("rebinding", acts=(REBIND,)),
    "tie.one-name": Topic("two tied names", ties=2, explicit=True, slots=(PARAMETER,)),
    "strict.exact": Topic("all names", forms=True, strict=True, split=True),
    "grad.given": Topic("gradients", forms=True, kinds=(GRAD, AS_PARAMETER)),
    "parametrize.original": Topic("originals", parametrized="original", kinds=(GRAD, AS_PARAMETER)),
    "state.rng": Topic("values", forms=True, split=True, hooks=True, raises=True, kinds=ANY_KIND),
}


@pytest.mark.parametrize(
    ("slug", "topic"), [pytest.param(slug, topic, id=slug, marks=clause(slug)) for slug, topic in TOPICS.items()]
)
def test_no_drawn_call_breaks_the_law(functional_call, names, pytestconfig, slug, topic):
    assert_law_holds(slug, topic, functional_call, names, pytestconfig)
