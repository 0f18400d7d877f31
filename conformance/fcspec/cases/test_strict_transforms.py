"""strict: what is an error is one inside a transform, too."""

import pytest
import torch

from fcspec.cases.support.refusal import refused
from fcspec.cases.support.transforms import INSIDE
from fcspec.plugin import Needs, clause, needs
from fcspec.specimens.base import fresh_values
from fcspec.specimens.sites import flat_buffer, flat_parameter, nested_parameter

pytestmark = needs(Needs.TRANSFORMS)


def _without(values, name):
    return {key: value for key, value in values.items() if key != name}


FAULTS = {
    "strict.missing": (flat_parameter, lambda values, name: _without(values, name)),
    "strict.buffers": (flat_buffer, lambda values, name: _without(values, name)),
    "strict.unexpected": (nested_parameter, lambda values, name: {**values, f"{name}x": values[name]}),
}


@pytest.mark.parametrize("inside", INSIDE.values(), ids=INSIDE)
@pytest.mark.parametrize(
    ("make", "fault"), [pytest.param(*row, marks=clause(slug), id=slug) for slug, row in FAULTS.items()]
)
def test_a_name_missing_or_too_many_is_an_error_inside_a_transform(functional_call, names, make, fault, inside):
    site = make(names)
    site.in_forward(lambda owner: torch.ones(3))
    values = fresh_values(site.module)

    def run(change):
        def call(value):
            given = change({**values, site.other: value, site.name: value}, site.name)
            return functional_call(site.module, given, site.x, strict=True)

        return inside(call, site.value())

    run(lambda values, _: values)
    with refused(site.module):
        run(fault)
