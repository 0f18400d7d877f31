"""inplace: rebindings reach the dict whatever they are, whatever the flags, and beside others of the same key."""

import collections

import pytest
import torch
from torch import nn

from fcspec.plugin import clause
from fcspec.specimens.base import with_site, parameter, probe
from fcspec.specimens.sites import BUFFERS, FLAT, flat_buffer


def _rebinds(functional_call, site, values, new, **flags):
    site.in_forward(lambda owner: site.rebind(new))
    functional_call(site.module, values, site.x, **flags)


def _new(site, value):
    return nn.Parameter(value) if isinstance(site.own, nn.Parameter) else value


@clause("inplace.rebinding")
@pytest.mark.parametrize("tie_weights", [True, False], ids=["tied", "untied"])
@pytest.mark.parametrize("strict", [True, False], ids=["strict", "loose"])
@with_site(FLAT)
def test_the_dict_holds_what_forward_bound_under_all_flags(functional_call, site, tie_weights, strict):
    values = {name: own.detach().clone() for name, own in _named(site.module)}
    new = _new(site, site.value(7))

    _rebinds(functional_call, site, values, new, tie_weights=tie_weights, strict=strict)

    assert values[site.name] is new


def _named(module):
    yield from module.named_parameters()
    yield from module.named_buffers()


@clause("inplace.rebinding")
@with_site(FLAT)
def test_an_ordered_dict_holds_what_forward_bound(functional_call, site):
    values, new = collections.OrderedDict({site.name: site.value()}), _new(site, site.value(7))

    _rebinds(functional_call, site, values, new)

    assert values[site.name] is new


@clause("inplace.rebinding")
@with_site(FLAT)
def test_a_tensor_that_equals_the_given_one_is_another_one(functional_call, site):
    values, new = {site.name: site.value()}, _new(site, site.value())

    _rebinds(functional_call, site, values, new)

    assert values[site.name] is new


@clause("inplace.rebinding")
@with_site(BUFFERS)
def test_the_dict_holds_an_instance_of_a_subclass(functional_call, names, site):
    new = site.value(7).as_subclass(type(names.type(), (torch.Tensor,), {}))
    values = {site.name: site.value()}

    def act(owner):
        setattr(owner, site.key, new)

    site.in_forward(act)
    functional_call(site.module, values, site.x)

    assert values[site.name] is new


@clause("inplace.rebinding")
@with_site((flat_buffer,))
def test_the_dict_holds_what_forward_bound_under_a_transform(functional_call, site):
    given, new = site.value(), site.value(7)
    values = {site.name: given}
    site.in_forward(lambda owner: site.rebind(new) or site.get(site.other).sum())

    def loss(value):
        values[site.other] = value
        return functional_call(site.module, values, site.x)

    torch.func.grad(loss)(site.value(2))

    assert values[site.name] is new


@clause("inplace.nested")
@pytest.mark.parametrize("bound", [(True, True), (True, False), (False, True)], ids=["both", "first", "second"])
def test_submodules_with_the_same_key_are_not_mixed(functional_call, names, bound):
    root, key, children = probe(names), names.attribute(), [names.attribute(), names.attribute()]
    for child in children:
        root.add_module(child, probe(names))
        root.get_submodule(child).register_buffer(key, torch.rand(3))
    root.register_parameter(names.attribute(), parameter())
    given = {f"{child}.{key}": torch.rand(3) for child in children}
    new = [torch.rand(3) if one else None for one in bound]

    def act(_):
        for child, tensor in zip(children, new, strict=True):
            if tensor is not None:
                setattr(root.get_submodule(child), key, tensor)

    type(root).in_forward = staticmethod(act)
    values = dict(given)
    functional_call(root, values, torch.ones(3))

    for (name, value), tensor in zip(given.items(), new, strict=True):
        assert values[name] is (value if tensor is None else tensor)


@clause("inplace.not-given")
@with_site(FLAT)
def test_what_forward_registers_stays_on_the_module(functional_call, names, site):
    buffer, own, key = torch.rand(3), parameter(), [names.attribute(), names.attribute()]

    def act(owner):
        owner.register_buffer(key[0], buffer)
        owner.register_parameter(key[1], own)
        return torch.zeros(())

    site.in_forward(act)
    functional_call(site.module, {site.name: site.value()}, site.x)

    assert site.owner._buffers.get(key[0]) is buffer
    assert site.owner._parameters.get(key[1]) is own


@clause("inplace.batch-norm")
@pytest.mark.parametrize("grad", [torch.no_grad, torch.inference_mode])
def test_batch_norm_updates_the_given_statistics_without_grad(functional_call, grad):
    norm, mean = nn.BatchNorm1d(1), torch.zeros(1)
    with grad():
        functional_call(norm, {"running_mean": mean}, torch.tensor([[10.0], [20.0]]))

    assert mean.item() == pytest.approx(1.5)
    assert norm.running_mean.item() == 0
