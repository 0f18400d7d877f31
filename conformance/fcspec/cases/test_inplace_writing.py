"""inplace: what forward writes, by its own means or a method of the module, is written into the given tensors."""

import contextlib

import pytest
import torch
from torch import nn

from fcspec.cases.support.comparing import equal
from fcspec.cases.support.release import RELEASE
from fcspec.plugin import clause, unsupported
from fcspec.specimens.base import fresh_values, with_site
from fcspec.specimens.sites import FLAT, NESTED, SITES, flat_buffer, flat_parameter, nested_buffer
from fcspec.state.module_state import bits, snapshot


def _add_one(site):
    def act(owner):
        with torch.no_grad():
            site.current().add_(1)

    return act


@clause("inplace.same-tensor")
@with_site(FLAT)
def test_forward_writes_into_the_given_tensor(functional_call, site):
    site.in_forward(_add_one(site))

    for value in (site.value(), site.value().requires_grad_(), nn.Parameter(site.value())):
        before = value.detach().clone()
        functional_call(site.module, {site.name: value}, site.x)

        assert equal(value, before + 1)


@clause("inplace.same-tensor")
@with_site(FLAT)
def test_what_forward_writes_is_there_when_forward_raises(functional_call, site):
    value = site.value()
    site.in_forward(_add_one(site))
    site.module.register_forward_hook(lambda *_: 1 / 0)

    with pytest.raises(ZeroDivisionError):
        functional_call(site.module, {site.name: value}, site.x)

    assert equal(value, site.value() + 1)


@clause("inplace.module-untouched")
@with_site(SITES)
def test_forward_does_not_write_into_the_module(functional_call, site):
    before = bits(site.own)
    site.in_forward(_add_one(site))

    functional_call(site.module, {site.name: site.value()}, site.x)

    assert bits(site.own) == before


@clause("inplace.module-untouched")
@with_site((flat_buffer, nested_buffer))
def test_a_view_of_own_memory_writes_there(functional_call, site):
    before = site.own.clone()
    site.in_forward(_add_one(site))

    functional_call(site.module, {site.name: site.own.view(3)}, site.x)

    assert equal(site.own, before + 1)


@clause("inplace.module-methods")
@with_site(FLAT)
def test_load_state_dict_in_forward_loads_into_the_given_tensors(functional_call, site):
    values, loaded, before = {site.name: site.value()}, fresh_values(site.module), bits(site.own)
    site.in_forward(lambda owner: site.module.load_state_dict(loaded))

    functional_call(site.module, values, site.x)

    assert equal(values[site.name], loaded[site.name])
    assert bits(site.own) == before


@clause("inplace.module-methods")
@with_site((flat_parameter, NESTED[0]))
def test_requires_grad_and_zero_grad_in_forward_act_on_the_given_tensors(functional_call, site):
    value = site.value().requires_grad_()
    value.grad, site.own.grad = torch.ones(3), torch.ones(3)

    def act(owner):
        site.module.zero_grad()
        site.module.requires_grad_(False)

    site.in_forward(act)
    functional_call(site.module, {site.name: value}, site.x)

    assert value.grad is None or not value.grad.any()
    assert not value.requires_grad
    assert (site.own.grad.tolist(), site.own.requires_grad) == ([1, 1, 1], True)


@clause("inplace.module-methods")
@with_site(FLAT)
def test_a_conversion_in_forward_acts_on_the_given_tensors(functional_call, site):
    values = {site.name: site.value()}

    def act(owner):
        owner.double()
        return site.current().dtype

    site.in_forward(act)

    assert functional_call(site.module, values, site.x) is torch.float64
    assert values[site.name].dtype is torch.float64
    assert site.own.dtype is torch.float32


@contextlib.contextmanager
def _conversions_that(setting):
    """In this block `.double()` and its like swap or overwrite parameters, and do not assign to `.data`."""
    was = getattr(torch.__future__, f"get_{setting}_on_conversion")()
    set_it = getattr(torch.__future__, f"set_{setting}_on_conversion")
    set_it(True)
    try:
        yield
    finally:
        set_it(was)


@clause("inplace.module-methods")
@with_site((flat_parameter, NESTED[0]))
def test_a_conversion_in_forward_can_swap_the_contents_of_the_given_tensors(functional_call, site):
    """What torch swaps must have no weak reference to it."""
    if RELEASE < (2, 3):
        unsupported("tensors are swapped from torch 2.3 on")
    values = {site.name: site.bindable()}

    def act(owner):
        with _conversions_that("swap_module_params"):
            owner.double()
        return site.current().dtype

    site.in_forward(act)

    assert functional_call(site.module, values, site.x) is torch.float64
    assert (values[site.name].dtype, site.own.dtype) == (torch.float64, torch.float32)


@clause("inplace.module-methods")
@with_site(FLAT)
def test_a_state_that_forward_assigns_is_in_the_dict(functional_call, site):
    if RELEASE < (2, 1):
        unsupported("load_state_dict takes assign from torch 2.1 on")
    given = {name: nn.Parameter(value) for name, value in fresh_values(site.owner).items()}
    given = {name: value if name in site.owner._parameters else value.detach() for name, value in given.items()}
    loaded, values, before = dict(site.owner.state_dict()), dict(given), snapshot(site.module)
    site.in_forward(lambda owner: owner.load_state_dict(loaded, assign=True) and None)

    functional_call(site.module, values, site.x)

    assert all(values[name] is not value and torch.equal(values[name], loaded[name]) for name, value in given.items())
    assert snapshot(site.module).slots == before.slots


@clause("inplace.module-methods")
@with_site(FLAT)
def test_what_an_overwriting_conversion_binds_is_in_the_dict(functional_call, site):
    given, before = site.bindable(), bits(site.own)
    values = {site.name: given}

    def act(owner):
        with _conversions_that("overwrite_module_params"):
            owner.double()
        return torch.zeros(())

    site.in_forward(act)
    functional_call(site.module, values, site.x)

    assert (values[site.name].dtype, given.dtype) == (torch.float64, torch.float32)
    assert bits(site.own) == before


@clause("inplace.nested")
@with_site(NESTED)
def test_a_submodule_writes_into_the_given_tensor(functional_call, site):
    value = site.value()
    site.in_forward(_add_one(site))

    functional_call(site.module, {site.name: value}, site.x)

    assert equal(value, site.value() + 1)


@clause("inplace.batch-norm")
@pytest.mark.parametrize("nested", [False, True], ids=["flat", "nested"])
@pytest.mark.parametrize("momentum", [0.1, None], ids=["average", "cumulative"])
def test_batch_norm_updates_the_given_statistics(functional_call, nested, momentum):
    norm, plain = nn.BatchNorm1d(3, momentum=momentum), nn.BatchNorm1d(3, momentum=momentum)
    module = nn.Sequential(nn.Identity(), norm) if nested else norm
    own = {name: bits(value) for name, value in module.named_buffers()}
    values = {name: value.clone() for name, value in module.named_buffers()}
    given, x = dict(values), torch.rand(5, 3)
    plain(x)

    functional_call(module, values, x)

    assert {name: bits(value) for name, value in module.named_buffers()} == own
    for name, value in plain.named_buffers():
        name = f"1.{name}" if nested else name
        assert equal(values[name], value)
        assert values[name] is given[name] or "num_batches" in name


@clause("inplace.batch-norm")
@pytest.mark.parametrize("grad", [torch.no_grad, torch.inference_mode])
def test_batch_norm_updates_the_given_statistics_without_grad(functional_call, grad):
    norm, mean = nn.BatchNorm1d(1), torch.zeros(1)
    with grad():
        functional_call(norm, {"running_mean": mean}, torch.tensor([[10.0], [20.0]]))

    assert mean.item() == pytest.approx(1.5)
    assert norm.running_mean.item() == 0
