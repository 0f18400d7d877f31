"""swap: given values in what modules list and return, also from modules that override attribute access."""

import copy
import itertools

import pytest
import torch
from torch import nn

from fcspec.cases.support.comparing import equal, identical
from fcspec.cases.support.delegating import delegating
from fcspec.cases.support.refusal import refused
from fcspec.plugin import clause
from fcspec.specimens import oracle
from fcspec.specimens.base import fresh_values, parameter, probe, with_group, with_site
from fcspec.specimens.groups import BUFFER_PAIRS, LARGE, PAIRS
from fcspec.specimens.sites import (
    BUFFERS,
    PARAMETERS,
    SITES,
    Site,
    flat_parameter,
    nested_buffer,
    nested_parameter,
)
from fcspec.state.module_state import snapshot


@clause("swap.visible")
@with_site(SITES)
def test_members_that_forward_lists_are_the_given_objects(functional_call, site):
    values, seen = fresh_values(site.module), {}

    def look(owner):
        seen.update(site.module.named_parameters(remove_duplicate=False))
        seen.update(site.module.named_buffers(remove_duplicate=False))

    site.in_forward(look)
    functional_call(site.module, values, site.x)

    assert seen.keys() == values.keys()
    assert [name for name in values if seen[name] is not values[name]] == []


@clause("swap.visible")
@with_group(PAIRS)
def test_members_tied_to_a_given_one_are_listed_as_the_given_object(functional_call, group):
    value, seen = nn.Parameter(group.value()), {}
    group.in_forward(lambda module: seen.update(group.module.named_parameters(remove_duplicate=False)))

    functional_call(group.module, {group.names[0]: value}, group.x, tie_weights=True)

    assert identical([seen[name] for name in group.names], [value] * 2)


@clause("swap.visible")
@with_site(SITES)
def test_state_dict_in_forward_holds_the_given_objects(functional_call, site):
    names, values, seen = list(site.module.state_dict()), fresh_values(site.module), {}
    site.in_forward(lambda owner: seen.update(site.module.state_dict(keep_vars=True)))

    functional_call(site.module, values, site.x)

    assert list(seen) == names
    assert [name for name in names if seen[name] is not values[name]] == []


@clause("swap.visible")
@with_site(PARAMETERS)
def test_get_parameter_in_forward_gives_the_given_parameter(functional_call, site):
    value, seen = nn.Parameter(site.value()), []
    site.in_forward(lambda owner: seen.append(site.module.get_parameter(site.name)))

    functional_call(site.module, {site.name: value}, site.x)

    assert seen[0] is value


@clause("swap.visible")
@with_site(BUFFERS)
def test_get_buffer_in_forward_gives_the_given_buffer(functional_call, site):
    value, seen = site.value(), []
    site.in_forward(lambda owner: seen.append(site.module.get_buffer(site.name)))

    functional_call(site.module, {site.name: value}, site.x)

    assert seen[0] is value


@clause("swap.visible")
@with_site(BUFFERS)
def test_a_parameter_given_for_a_buffer_is_listed_as_a_buffer(functional_call, site):
    value, seen = nn.Parameter(site.value()), []

    def look(owner):
        listed = dict(site.module.named_buffers(remove_duplicate=False))
        seen.extend([listed.get(site.name), site.module.get_buffer(site.name)])

    site.in_forward(look)
    functional_call(site.module, {site.name: value}, site.x)

    assert identical(seen, [value] * 2)


def _locked(self, name, value=None):
    raise AttributeError(f"locked: {name}")


ACCESS = {
    "delegates": {"__getattr__": delegating},
    "locked": {"__setattr__": _locked, "__delattr__": _locked},
    "lists parameters in its own way": {"named_parameters": lambda self: nn.Module.named_parameters(self)},
    "lists buffers in its own way": {"named_buffers": lambda self: nn.Module.named_buffers(self)},
}


@clause("swap.custom-access")
@pytest.mark.parametrize("methods", ACCESS.values(), ids=ACCESS)
@with_site((flat_parameter, nested_parameter))
def test_modules_with_access_of_their_own_are_swapped_and_restored(functional_call, names, site, methods):
    child = names.attribute()
    outer = probe(names)
    outer.add_module(child, site.module)
    outer.register_parameter(names.attribute(), parameter())
    values = {f"{child}.{site.name}": site.value(), **dict(list(fresh_values(outer).items())[:1])}
    expected = oracle.result(outer, values, site.x)
    for name, method in methods.items():
        setattr(type(outer), name, method)
    before = snapshot(outer)

    result = functional_call(outer, values, site.x)

    assert equal(result, expected)
    assert snapshot(outer).slots == before.slots


@clause("swap.custom-access")
@pytest.mark.parametrize("shown", [list, lambda: [("another", parameter())]], ids=["nothing", "another name"])
@with_site((flat_parameter, nested_buffer))
def test_strict_goes_by_slots_whatever_the_methods_show(functional_call, site, shown):
    values = fresh_values(site.module)
    for name in ("named_parameters", "named_buffers"):
        setattr(type(site.module), name, lambda self, *args, **kwargs: iter(shown()))
    functional_call(site.module, values, site.x, strict=True)

    del values[site.name]
    with refused(site.module):
        functional_call(site.module, values, site.x, strict=True)


@clause("swap.custom-access")
@pytest.mark.parametrize("by", ["none", "a module"])
@pytest.mark.parametrize("where", ["instance", "class"])
@with_site((nested_parameter,))
def test_a_submodule_that_an_attribute_hides_is_swapped_and_restored(functional_call, site, where, by):
    """It stands among the submodules, and getattr finds something else."""
    child = site.name.partition(".")[0]
    hiding = None if by == "none" else copy.deepcopy(site.module._modules[child])
    values, before = fresh_values(site.module), snapshot(site.module)
    expected = oracle.result(site.module, values, site.x)
    if where == "instance":
        vars(site.module)[child] = hiding
    else:
        setattr(type(site.module), child, property(lambda self: hiding))
    for flags in ({"tie_weights": False},) if by == "a module" else ({}, {"tie_weights": False}):
        result = functional_call(site.module, values, site.x, **flags)

        assert equal(result, expected)
        assert snapshot(site.module).slots == before.slots


@clause("swap.custom-access")
@with_site((nested_parameter, nested_buffer))
def test_a_submodule_that_refuses_attributes_is_swapped_and_restored(functional_call, site):
    values = fresh_values(site.module)
    expected, before = oracle.result(site.module, values, site.x), snapshot(site.module)
    type(site.owner).__setattr__ = type(site.owner).__delattr__ = _locked

    result = functional_call(site.module, values, site.x)

    assert equal(result, expected)
    assert snapshot(site.module).slots == before.slots


@clause("swap.delegated-name")
@with_site((flat_parameter,))
def test_a_leaf_name_that_a_wrapper_delegates(functional_call, names, site, observe):
    outer = probe(names)
    outer.add_module(names.attribute(), site.module)
    type(outer).__getattr__ = delegating
    value, seen = site.value(), []
    site.in_forward(lambda owner: seen.append(site.current()))
    try:
        functional_call(outer, {site.key: value}, site.x)
        observe("used" if seen[0] is value else "ignored")
    except Exception as error:
        observe(f"{type(error).__name__} {'after' if seen else 'before'} forward")


def _order(module):
    return [
        *(name for name, _ in module.named_parameters(remove_duplicate=False)),
        *(name for name, _ in module.named_buffers(remove_duplicate=False)),
    ]


@clause("swap.order")
@with_site(SITES)
@pytest.mark.parametrize("which", [slice(None), slice(None, None, -1), slice(1), slice(-1, None)], ids=str)
def test_members_stand_in_registration_order(functional_call, site: Site, which):
    before, seen = _order(site.module), []
    site.in_forward(lambda owner: seen.append(_order(site.module)))

    functional_call(site.module, dict(list(fresh_values(site.module).items())[which]), site.x)

    assert seen == [before]


@clause("swap.order")
@with_group(PAIRS[:2])
def test_what_takes_the_value_of_a_tied_name_stands_in_registration_order(functional_call, group):
    before, seen = _order(group.module), []
    group.in_forward(lambda module: seen.append(_order(group.module)))
    for name, make in itertools.product(group.names, (nn.Parameter, torch.Tensor.clone)):
        functional_call(group.module, {name: make(group.value())}, group.x)

        listed = seen.pop()
        assert listed == [name for name in before if name in listed]


@clause("swap.order")
@with_site(PARAMETERS)
def test_a_given_parameter_stands_where_the_own_one_stood(functional_call, site):
    before, seen = _order(site.module), []
    site.in_forward(lambda owner: seen.append(_order(site.module)))

    functional_call(site.module, {site.name: nn.Parameter(site.value())}, site.x)

    assert seen == [before]


@clause("swap.order")
@with_group((PAIRS[0], BUFFER_PAIRS[0], LARGE[1]))
def test_a_tied_name_stands_where_it_stood_whichever_is_given(functional_call, group):
    before, seen = _order(group.module), []
    group.in_forward(lambda module: seen.append(_order(module)) or group.x)
    for name in group.names:
        for value in (group.value(), nn.Parameter(group.value())):
            functional_call(group.module, {name: value}, group.x)

            assert seen.pop() == before
