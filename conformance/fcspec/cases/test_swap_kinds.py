"""swap: values and own tensors of every kind of torch are used, and left, as they are."""

import contextlib
import warnings

import pytest
import torch
from torch import nn

from fcspec.cases.support.comparing import identical
from fcspec.cases.support.tensor_kinds import kinds_of_own_tensor, kinds_of_tensor
from fcspec.plugin import clause
from fcspec.specimens.base import probe

ALL_FLAGS: tuple[dict[str, bool], ...] = ({}, {"tie_weights": False}, {"strict": True})


def _looking(names, *owned):
    """A probe with these tensors as slots, their keys, and what its forward sees of them: it computes nothing."""
    seen, keys = [], [names.attribute() for _ in owned]
    module = probe(names, lambda self, x: seen.append([getattr(self, key) for key in keys]))
    for key, tensor in zip(keys, owned, strict=True):
        register = module.register_parameter if isinstance(tensor, nn.Parameter) else module.register_buffer
        register(key, tensor)
    return module, keys, seen


@clause("swap.identity")
@pytest.mark.parametrize("parameter", [True, False], ids=["parameter", "buffer"])
def test_a_value_of_any_kind_is_used_itself_where_one_of_its_kind_stood(functional_call, names, parameter):
    for kind, make in kinds_of_tensor():
        own, value = make(), make()
        if parameter and not isinstance(own, nn.Parameter):
            own = nn.Parameter(own.detach(), requires_grad=False)
        module, (key,), seen = _looking(names, own)
        for flags in ALL_FLAGS:
            functional_call(module, {key: value}, torch.ones(3), **flags)

            assert seen.pop()[0] is value, kind
        assert getattr(module, key) is own, kind


@clause("swap.other-shape")
@pytest.mark.parametrize("parameter", [True, False], ids=["parameter", "buffer"])
def test_a_value_of_any_kind_is_used_itself_where_a_plain_one_stood(functional_call, names, parameter):
    own = nn.Parameter(torch.ones(3), requires_grad=False) if parameter else torch.ones(3)
    module, (key,), seen = _looking(names, own)
    for kind, make in kinds_of_tensor():
        value = make()
        functional_call(module, {key: value}, torch.ones(3))

        assert seen.pop()[0] is value, kind
    assert getattr(module, key) is own


@clause("tie.one-name")
def test_a_value_of_any_kind_is_in_force_for_every_tied_name(functional_call, names):
    for kind, make in kinds_of_tensor():
        own, value = make(), make()
        module, keys, seen = _looking(names, own, own)
        functional_call(module, {keys[-1]: value}, torch.ones(3))

        assert identical(seen.pop(), [value, value]), kind


@clause("swap.partial")
def test_own_tensors_of_any_kind_that_are_not_given_are_left(functional_call, names):
    for kind, make in kinds_of_own_tensor():
        own, plain, value = make(), torch.ones(3), torch.ones(3)
        module, keys, seen = _looking(names, own, plain, own)
        for flags in ALL_FLAGS[:2]:
            functional_call(module, {keys[1]: value}, torch.ones(3), **flags)

            assert identical(seen.pop(), [own, value, own]), kind
        assert identical([getattr(module, key) for key in keys], [own, plain, own]), kind


@clause("swap.partial")
@pytest.mark.parametrize("flags", ALL_FLAGS[:2], ids=["default", "untied"])
def test_a_slot_is_left_where_a_plain_attribute_has_its_tensor_and_is_given(functional_call, names, flags):
    """The call may be refused."""
    own, value, alias = torch.ones(3), torch.ones(3), names.attribute()
    module, keys, seen = _looking(names, own, own)
    module.__dict__[alias] = own
    with contextlib.suppress(Exception):
        functional_call(module, {alias: value}, torch.ones(3), **flags)

    assert identical([one for each in seen for one in each], [own, own] * len(seen))
    assert identical([getattr(module, key) for key in (*keys, alias)], [own] * 3)


@clause("call.no-values")
def test_without_values_own_tensors_of_any_kind_are_left(functional_call, names):
    for kind, make in kinds_of_own_tensor():
        own = make()
        module, _, seen = _looking(names, own, torch.ones(3))
        functional_call(module, {}, torch.ones(3))

        assert seen.pop()[0] is own, kind


@clause("state.warnings")
def test_no_warning_is_issued_whatever_kind_given_and_own_tensors_are_of(functional_call, names):
    for kind, make in kinds_of_tensor():
        own, value = make(), make()
        module, keys, _ = _looking(names, own, torch.ones(3))
        with warnings.catch_warnings(record=True) as issued:
            warnings.simplefilter("always")
            for given, flags in (({keys[0]: value}, {}), ({keys[1]: value}, {"tie_weights": False})):
                functional_call(module, given, torch.ones(3), **flags)

        assert [f"{kind}: {one.message}" for one in issued] == []
