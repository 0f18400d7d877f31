"""swap: values and own tensors of every kind of torch are used, and left, as they are."""

import contextlib

import pytest
import torch
from torch import nn

from fcspec.cases.support.comparing import identical
from fcspec.cases.support.looking import looking
from fcspec.cases.support.tensor_kinds import kinds_of_own_tensor, kinds_of_tensor
from fcspec.plugin import clause

ALL_FLAGS: tuple[dict[str, bool], ...] = ({}, {"tie_weights": False}, {"strict": True})


@clause("swap.identity")
@pytest.mark.parametrize("parameter", [True, False], ids=["parameter", "buffer"])
def test_a_value_of_any_kind_is_used_itself_where_one_of_its_kind_stood(functional_call, names, parameter):
    for kind, make in kinds_of_tensor():
        own, value = make(), make()
        if parameter and not isinstance(own, nn.Parameter):
            own = nn.Parameter(own.detach(), requires_grad=False)
        module, (key,), seen = looking(names, own)
        for flags in ALL_FLAGS:
            functional_call(module, {key: value}, torch.ones(3), **flags)

            assert seen.pop()[0] is value, kind
        assert getattr(module, key) is own, kind


@clause("swap.other-shape")
@pytest.mark.parametrize("parameter", [True, False], ids=["parameter", "buffer"])
def test_a_value_of_any_kind_is_used_itself_where_a_plain_one_stood(functional_call, names, parameter):
    own = nn.Parameter(torch.ones(3), requires_grad=False) if parameter else torch.ones(3)
    module, (key,), seen = looking(names, own)
    for kind, make in kinds_of_tensor():
        value = make()
        functional_call(module, {key: value}, torch.ones(3))

        assert seen.pop()[0] is value, kind
    assert getattr(module, key) is own


@clause("swap.partial")
def test_own_tensors_of_any_kind_that_are_not_given_are_left(functional_call, names):
    for kind, make in kinds_of_own_tensor():
        own, plain, value = make(), torch.ones(3), torch.ones(3)
        module, keys, seen = looking(names, own, plain, own)
        for flags in ALL_FLAGS[:2]:
            functional_call(module, {keys[1]: value}, torch.ones(3), **flags)

            assert identical(seen.pop(), [own, value, own]), kind
        assert identical([getattr(module, key) for key in keys], [own, plain, own]), kind


@clause("swap.partial")
@pytest.mark.parametrize("flags", ALL_FLAGS[:2], ids=["default", "untied"])
def test_a_slot_is_left_where_a_plain_attribute_has_its_tensor_and_is_given(functional_call, names, flags):
    """The call may be refused."""
    own, value, alias = torch.ones(3), torch.ones(3), names.attribute()
    module, keys, seen = looking(names, own, own)
    module.__dict__[alias] = own
    with contextlib.suppress(Exception):
        functional_call(module, {alias: value}, torch.ones(3), **flags)

    assert identical([one for each in seen for one in each], [own, own] * len(seen))
    assert identical([getattr(module, key) for key in (*keys, alias)], [own] * 3)
