"""restore, where tensors are parametrized: order and shape of the module are as before."""

import pytest
import torch

from fcspec.cases.support.outcomes import raises_if, returns_or_raises
from fcspec.plugin import clause
from fcspec.specimens.base import with_site
from fcspec.specimens.parametrized import doubled, nested_doubled, several_doubled
from fcspec.state.module_state import snapshot


@clause("restore.order")
@pytest.mark.parametrize("by", ["regular name", "original"])
@returns_or_raises
def test_parametrized_tensors_keep_their_order(functional_call, names, by, fails):
    module, keys = several_doubled(names)
    given = keys if by == "regular name" else [f"parametrizations.{key}.original" for key in keys]
    before = list(module.state_dict())
    if fails:
        type(module).in_forward = lambda self: 1 / 0
    with raises_if(fails):
        functional_call(module, {name: torch.rand(3) for name in given[:2]}, torch.ones(3))

    assert list(module.state_dict()) == before
    assert list(module.parametrizations) == keys


@clause("restore.shape")
@pytest.mark.parametrize("by", ["regular name", "original"])
@returns_or_raises
@with_site((doubled, nested_doubled))
def test_a_parametrized_module_keeps_its_shape(functional_call, site, by, fails):
    before = snapshot(site.module)
    if fails:
        site.in_forward(lambda owner: 1 / 0)
    with raises_if(fails):
        functional_call(site.module, {site.name if by == "regular name" else site.originals[0]: site.value()}, site.x)

    assert snapshot(site.module).shape == before.shape
