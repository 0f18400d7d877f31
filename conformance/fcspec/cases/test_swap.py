"""swap: forward computes with the given values, whatever slots they are for."""

import contextlib

import pytest
import torch
from torch import nn

from fcspec.cases.support.comparing import equal, identical
from fcspec.plugin import clause
from fcspec.specimens import oracle
from fcspec.specimens.base import fresh_values, parameter, probe, with_site
from fcspec.specimens.sites import (
    BUFFERS,
    NESTED,
    PARAMETERS,
    SITES,
    flat_parameter,
    keyed_parameter,
    nested,
    nested_buffer,
    nested_parameter,
)


@clause("swap.parameter")
@with_site(PARAMETERS)
def test_forward_computes_with_the_given_parameter(functional_call, site):
    values = {site.name: site.value()}

    assert equal(functional_call(site.module, values, site.x), oracle.result(site.module, values, site.x))


@clause("swap.parameter")
@with_site(PARAMETERS)
def test_a_frozen_parameter_is_replaced_like_any_other(functional_call, site):
    site.own.requires_grad_(False)
    values = {site.name: site.value()}

    assert equal(functional_call(site.module, values, site.x), oracle.result(site.module, values, site.x))


@clause("swap.buffer")
@with_site(BUFFERS)
def test_forward_computes_with_the_given_buffer(functional_call, site):
    values = {site.name: site.value()}

    assert equal(functional_call(site.module, values, site.x), oracle.result(site.module, values, site.x))


@clause("swap.buffer")
@pytest.mark.parametrize("own", [torch.tensor([True, False, True]), torch.tensor(4)], ids=["mask", "counter"])
@pytest.mark.parametrize("persistent", [True, False])
def test_a_buffer_need_not_be_a_float(functional_call, names, own, persistent):
    key = names.attribute()
    module = probe(names, lambda self, x: x * getattr(self, key))
    module.register_buffer(key, own, persistent=persistent)
    value = ~own

    assert equal(functional_call(module, {key: value}, torch.ones(3)), torch.ones(3) * value)


def deep_parameter(names):
    """A parameter twelve submodules down."""
    return nested(names, nested(names, nested_parameter(names)))


def deep_buffer(names):
    return nested(names, nested(names, nested_buffer(names)))


@clause("swap.nested")
@with_site((*NESTED, keyed_parameter, deep_parameter, deep_buffer))
def test_dotted_names_reach_any_depth(functional_call, site):
    values = fresh_values(site.module)

    assert equal(functional_call(site.module, values, site.x), oracle.result(site.module, values, site.x))


@clause("swap.nested")
@with_site(NESTED)
def test_a_submodule_that_is_none_is_passed_over(functional_call, names, site):
    site.owner.add_module(names.attribute(), None)
    values = fresh_values(site.module)
    for flags in ({}, {"strict": True}, {"tie_weights": False}):
        result = functional_call(site.module, values, site.x, **flags)

        assert equal(result, oracle.result(site.module, values, site.x))


@clause("swap.partial")
@with_site(SITES)
def test_names_that_are_not_given_keep_their_own_value(functional_call, site):
    kept = []
    site.in_forward(lambda owner: kept.append(site.get(site.other)))
    own = site.get(site.other)

    functional_call(site.module, {site.name: site.value()}, site.x)

    assert kept[0] is own


@clause("swap.partial")
@with_site((flat_parameter, nested_parameter))
def test_a_name_that_begins_like_a_given_one_keeps_its_own_value(functional_call, site):
    longer, kept = site.key + "_too", []
    site.owner.register_parameter(longer, own := parameter())
    site.in_forward(lambda owner: kept.append(getattr(owner, longer)))

    functional_call(site.module, {site.name: site.value()}, site.x)

    assert kept[0] is own


@clause("swap.partial")
@with_site((flat_parameter, nested_parameter))
def test_a_tensor_of_the_class_is_given_to_one_module_of_it(functional_call, names, site):
    key, own, seen = names.attribute(), torch.rand(3), []
    setattr(type(site.owner), key, own)
    other = type(site.owner)()
    site.owner.add_module(names.attribute(), other)
    site.in_forward(lambda owner: seen.append(getattr(other, key)) or site.x)

    with contextlib.suppress(Exception):  # it may be refused
        functional_call(site.module, {site.name: site.value(), site.sibling_name(key): torch.ones(3)}, site.x)

    assert identical(seen, [own] * len(seen))


@clause("swap.autocast")
@pytest.mark.parametrize("depth", [0, 1], ids=["root", "child"])
def test_the_weight_cache_of_autocast_mixes_nothing(functional_call, names, depth):
    linear, x = nn.Linear(2, 2, bias=False), torch.ones(1, 2)
    module = nn.Sequential(linear) if depth else linear
    name = "0.weight" if depth else "weight"
    first, second = (nn.Parameter(torch.full((2, 2), number)) for number in (1.0, 2.0))
    with torch.autocast("cpu", dtype=torch.bfloat16):
        own = module(x)
        outputs = [functional_call(module, {name: value}, x).tolist() for value in (first, second, first)]
        again = module(x)

    assert outputs == [[[2, 2]], [[4, 4]], [[2, 2]]]
    assert equal(again, own)
