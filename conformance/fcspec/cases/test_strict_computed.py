"""strict: names that a property computes are no slots."""

import pytest

from fcspec.cases.support.refusal import refused, unnamed
from fcspec.plugin import clause
from fcspec.specimens.base import fresh_values, with_site
from fcspec.specimens.computed import COMPUTED


@clause("strict.unexpected")
@pytest.mark.parametrize("flags", [{}, {"tie_weights": False}], ids=["tied", "untied"])
@with_site(COMPUTED)
def test_the_name_of_a_property_is_unexpected(functional_call, site, flags):
    values = fresh_values(site.module)
    functional_call(site.module, values, site.x, strict=True, **flags)

    with refused(site.module):
        functional_call(site.module, {**values, site.computed_name: site.value()}, site.x, strict=True, **flags)


@clause("strict.says-which")
@with_site(COMPUTED)
def test_the_name_of_a_property_is_named_with_what_is_missing(functional_call, site):
    values = fresh_values(site.module)
    functional_call(site.module, values, site.x, strict=True)
    missing = [name for name in values if name != site.other]

    with refused(site.module) as error:
        given = {site.other: values[site.other], site.computed_name: site.value()}
        functional_call(site.module, given, site.x, strict=True)

    assert not unnamed([*missing, site.computed_name], error)
