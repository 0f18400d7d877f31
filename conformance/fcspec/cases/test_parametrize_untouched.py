"""parametrize: what a call leaves alone: other parametrizations during the call, and every one after it."""

import contextlib
import copy

import pytest
import torch
from torch.nn.utils import parametrize

from fcspec.cases.support.comparing import equal
from fcspec.cases.support.outcomes import raises_if, raising, returns_or_raises
from fcspec.plugin import clause
from fcspec.specimens.base import get, parameter, probe, with_site
from fcspec.specimens.parametrized import (
    doubled,
    nested_doubled,
    parametrization,
    several_doubled,
    shifted,
    two_originals,
)
from fcspec.state.module_state import snapshot


def _names(keys, by):
    return keys if by == "regular name" else [f"parametrizations.{key}.original" for key in keys]


@clause("parametrize.others-stay")
def test_the_other_parametrizations_of_a_module_stay_active(functional_call, names):
    """With an exact right_inverse, so that it does not matter whether the value is assigned or the parametrization disabled."""
    module, keys = several_doubled(names)
    own = module(None).detach()

    for n, key in enumerate(keys):
        value = torch.tensor([1.0, 2.0, 4.0])
        result = functional_call(module, {key: value}, torch.ones(3))
        expected = own.clone()
        expected[n] = value

        assert equal(result, expected)


@clause("parametrize.others-stay")
def test_a_copy_of_a_module_stays_parametrized(functional_call, names):
    """deepcopy gives the copy the same class object, and the parametrization is a property of that class."""
    module, one, key = probe(names), probe(names), names.attribute()
    one.register_parameter(key, parameter())
    double = (lambda original: 2 * original, lambda value: value / 2)
    parametrize.register_parametrization(one, key, parametrization(names, [], *double))
    for child in (one, copy.deepcopy(one)):
        module.add_module(names.attribute(), child)
    type(module).forward = lambda self, x: torch.stack([getattr(child, key) for child in self.children()])
    own, value = module(None).detach(), torch.tensor([1.0, 2.0, 4.0])

    for n, (path, _) in enumerate(module.named_children()):
        result = functional_call(module, {f"{path}.{key}": value}, torch.ones(3))

        assert equal(result[n], value)
        assert equal(result[1 - n], own[1 - n])


@clause("parametrize.others-stay")
def test_an_assignment_to_a_copy_goes_through_its_parametrization(functional_call, names):
    module, one, key, path = probe(names), probe(names), names.attribute(), names.attribute()
    one.register_parameter(key, parameter())
    double = (lambda original: 2 * original, lambda value: value / 2)
    parametrize.register_parametrization(one, key, parametrization(names, [], *double))
    other, bound = copy.deepcopy(one), torch.tensor([2.0, 4.0, 8.0])
    module.add_module(path, one)
    module.add_module(names.attribute(), other)
    type(module).forward = lambda self, x: setattr(other, key, bound)

    functional_call(module, {f"{path}.{key}": torch.ones(3)}, torch.ones(3))

    assert equal(other.parametrizations[key].original, bound / 2)
    assert equal(getattr(other, key), bound)


@clause("parametrize.still-active")
@pytest.mark.parametrize("by", ["regular name", "original"])
@returns_or_raises
@with_site((shifted, doubled, two_originals))
def test_the_tensor_is_parametrized_as_before(functional_call, site, by, fails):
    before, kind = snapshot(site.module), type(site.owner)
    name = site.name if by == "regular name" else site.originals[0]
    if fails:
        site.in_forward(lambda owner: 1 / 0)
    with raises_if(fails):
        functional_call(site.module, {name: site.value()}, site.x)

    assert parametrize.is_parametrized(site.owner, site.key)
    assert type(site.owner) is kind
    assert snapshot(site.module).slots == before.slots
    assert equal(site.current(), site.own)


@clause("parametrize.still-active")
@pytest.mark.parametrize("by", ["regular name", "original"])
@returns_or_raises
def test_all_that_were_given_in_one_call_are_parametrized_as_before(functional_call, names, by, fails):
    module, keys = several_doubled(names)
    before, own = snapshot(module), module(None).detach()
    if fails:
        type(module).in_forward = lambda self: 1 / 0
    with raises_if(fails):
        functional_call(module, {name: torch.rand(3) for name in _names(keys, by)[:2]}, torch.ones(3))
    type(module).in_forward = None

    assert snapshot(module).slots == before.slots
    assert equal(module(None), own)


@clause("parametrize.still-active")
@pytest.mark.parametrize("by", ["regular name", "original"])
@returns_or_raises
@with_site((doubled, nested_doubled))
def test_what_is_assigned_after_the_call_goes_to_the_original(functional_call, site, by, fails):
    original = get(site.module, site.originals[0])
    if fails:
        site.in_forward(raising(KeyboardInterrupt))
    with raises_if(fails, KeyboardInterrupt):
        functional_call(site.module, {site.name if by == "regular name" else site.originals[0]: site.value()}, site.x)

    with torch.no_grad():
        setattr(site.owner, site.key, torch.tensor([2.0, 4.0, 8.0]))

    assert get(site.module, site.originals[0]) is original
    assert original.tolist() == [1.0, 2.0, 4.0]
    assert site.current().tolist() == [2.0, 4.0, 8.0]


@clause("parametrize.still-active")
@with_site((doubled, shifted))
def test_what_forward_assigns_to_a_given_regular_name_is_gone_afterwards(functional_call, site):
    before, own = snapshot(site.module), site.current().detach().clone()
    originals = [site.get(name).detach().clone() for name in site.originals]
    site.in_forward(lambda owner: setattr(owner, site.key, torch.full((3,), 9.0)))
    with contextlib.suppress(Exception):  # that it is accepted is the law of parametrize.regular-name
        functional_call(site.module, {site.name: site.value()}, site.x)

    assert snapshot(site.module).slots == before.slots
    assert equal([site.get(name) for name in site.originals], originals)
    assert equal(site.current(), own)
