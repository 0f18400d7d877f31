"""dicts: wrong names for which None is given, and a name given twice in whatever holds the dicts."""

import pytest

from fcspec.cases.support.refusal import refused
from fcspec.plugin import clause
from fcspec.specimens.base import fresh_values, with_site
from fcspec.specimens.sites import nested_parameter

WRONG = {
    "without owner": ("dicts.bad-name", lambda site: f"nowhere.{site.key}"),
    "empty": ("dicts.bad-name", lambda site: ""),
    "with an empty part": ("dicts.bad-name", lambda site: f".{site.name}"),
    "below a tensor": ("dicts.bad-name", lambda site: f"{site.name}.{site.key}"),
    "no string": ("dicts.bad-name", lambda site: 4711),
    "a method": ("dicts.not-a-tensor", lambda site: site.sibling_name("forward")),
    "a flag": ("dicts.not-a-tensor", lambda site: site.sibling_name("training")),
    "a store": ("dicts.not-a-tensor", lambda site: site.sibling_name("_parameters")),
}


@pytest.mark.parametrize(
    "name_of", [pytest.param(name_of, marks=clause(slug), id=name) for name, (slug, name_of) in WRONG.items()]
)
@with_site((nested_parameter,))
def test_a_wrong_name_is_refused_where_none_is_given_for_it(functional_call, site, name_of):
    values, wrong = fresh_values(site.module), name_of(site)
    functional_call(site.module, values, site.x)

    for flags in ({}, {"tie_weights": False}):
        with refused(site.module):
            functional_call(site.module, {**values, wrong: None}, site.x, **flags)


@clause("dicts.distinct")
@pytest.mark.parametrize("kind", [list, iter, lambda dicts: dicts], ids=["list", "iterator", "tuple"])
@with_site((nested_parameter,))
def test_a_name_in_two_dicts_is_an_error_whatever_they_stand_in(functional_call, names, site, kind):
    """What is no tuple is accepted like one, or refused: dicts.list."""
    functional_call(site.module, ({site.name: site.value()}, {site.other: site.value()}), site.x)

    new, one = site.sibling_name(names.attribute()), {site.name: site.value()}
    for flags in ({}, {"tie_weights": False}):
        for dicts in ((one, one), (one, {site.name: site.value(2)}), (one, {}, {new: site.x}, {new: site.x})):
            with refused(site.module):
                functional_call(site.module, kind(dicts), site.x, **flags)
