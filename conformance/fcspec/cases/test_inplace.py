"""inplace: what forward changes about given tensors, the caller sees."""

import contextlib

import pytest
import torch
from torch import nn

from fcspec.plugin import clause
from fcspec.specimens.base import with_site, with_group, fresh_values, parameter
from fcspec.specimens.groups import PAIRS, SHARED, SHARED_BUFFERS
from fcspec.specimens.sites import BUFFERS, FLAT, NESTED, SITES, flat_buffer, flat_parameter, nested_buffer
from fcspec.state.module_state import bits


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

        assert torch.equal(value, before + 1)


@clause("inplace.same-tensor")
@with_site(FLAT)
def test_what_forward_writes_is_there_when_forward_raises(functional_call, site):
    value = site.value()
    site.in_forward(_add_one(site))
    site.module.register_forward_hook(lambda *_: 1 / 0)

    with pytest.raises(ZeroDivisionError):
        functional_call(site.module, {site.name: value}, site.x)

    assert torch.equal(value, site.value() + 1)


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

    assert torch.equal(site.own, before + 1)


def _new(site):
    """What forward may bind to the slot: a Parameter to a parameter's, a tensor to a buffer's."""
    return nn.Parameter(site.value(7)) if isinstance(site.own, nn.Parameter) else site.value(7)


def _rebound(functional_call, site, values):
    """Call with a forward that rebinds; what it bound."""
    new = _new(site)
    site.in_forward(lambda owner: site.rebind(new))
    functional_call(site.module, values, site.x)
    return new


@clause("inplace.rebinding")
@with_site((*FLAT, *BUFFERS[1:2]))
def test_the_dict_holds_what_forward_bound(functional_call, site):
    value = site.value()
    values, before = {site.other: site.value(2), site.name: value}, bits(value)
    others = [*values]

    new = _rebound(functional_call, site, values)

    assert values[site.name] is new
    assert list(values) == others
    assert bits(value) == before


@clause("inplace.rebinding")
@with_site(FLAT)
def test_the_dict_holds_everything_that_forward_bound(functional_call, site):
    values, own = fresh_values(site.module), site.module._parameters
    new = {name: parameter() if name in own else torch.rand(3) for name in values}

    def act(owner):
        for name, tensor in new.items():
            setattr(owner, name, tensor)

    site.in_forward(act)
    functional_call(site.module, values, site.x)

    assert [name for name, tensor in new.items() if values[name] is not tensor] == []


@clause("inplace.rebinding")
@with_site(FLAT)
def test_the_dict_holds_what_forward_bound_last(functional_call, site):
    values, last = {site.name: site.value()}, _new(site)

    def act(owner):
        for new in (_new(site), site.own, last):
            site.rebind(new)

    site.in_forward(act)
    functional_call(site.module, values, site.x)

    assert values[site.name] is last


@clause("inplace.rebinding")
@with_site(FLAT)
def test_the_dict_holds_the_modules_own_tensor_where_forward_bound_that(functional_call, site):
    values = {site.name: site.value()}
    site.in_forward(lambda owner: site.rebind(site.own))

    functional_call(site.module, values, site.x)

    assert values[site.name] is site.own


@clause("inplace.rebinding-shared")
@with_group((*SHARED, SHARED_BUFFERS[0]))
def test_both_names_of_one_slot_hold_what_forward_bound(functional_call, group):
    values = dict.fromkeys(group.names, group.value())
    path, _, key = group.names[0].rpartition(".")
    new = parameter() if isinstance(group.own, nn.Parameter) else torch.rand(3)
    group.in_forward(lambda module: setattr(module.get_submodule(path), key, new))

    functional_call(group.module, values, group.x)

    assert [values[name] is new for name in group.names] == [True, True]


@clause("inplace.module-methods")
@with_site(FLAT)
def test_load_state_dict_in_forward_loads_into_the_given_tensors(functional_call, site):
    values, loaded, before = {site.name: site.value()}, fresh_values(site.module), bits(site.own)
    site.in_forward(lambda owner: site.module.load_state_dict(loaded))

    functional_call(site.module, values, site.x)

    assert torch.equal(values[site.name], loaded[site.name])
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


@clause("inplace.rebinding-tuple")
@pytest.mark.parametrize("position", [0, 1, 2])
@with_site(FLAT)
def test_the_dict_of_a_tuple_that_held_the_name_holds_what_forward_bound(functional_call, site, position):
    values = [{}, {}, {}]
    values[position][site.name] = site.value()
    values[position - 1][site.other] = other = site.value(2)

    new = _rebound(functional_call, site, tuple(values))

    assert values[position][site.name] is new
    assert values[position - 1][site.other] is other
    assert sum(map(len, values)) == 2


@clause("inplace.nested")
@with_site(NESTED)
def test_a_submodule_writes_into_the_given_tensor(functional_call, site):
    value = site.value()
    site.in_forward(_add_one(site))

    functional_call(site.module, {site.name: value}, site.x)

    assert torch.equal(value, site.value() + 1)


@clause("inplace.nested")
@with_site(NESTED)
def test_what_a_submodule_bound_is_in_the_dict(functional_call, site):
    values = {site.name: site.value()}

    new = _rebound(functional_call, site, values)

    assert values[site.name] is new


@clause("inplace.batch-norm")
@pytest.mark.parametrize("nested", [False, True], ids=["flat", "nested"])
@pytest.mark.parametrize("momentum", [0.1, None], ids=["average", "cumulative"])
def test_batch_norm_updates_the_given_statistics(functional_call, nested, momentum):
    norm, twin = nn.BatchNorm1d(3, momentum=momentum), nn.BatchNorm1d(3, momentum=momentum)
    module = nn.Sequential(nn.Identity(), norm) if nested else norm
    own = {name: bits(value) for name, value in module.named_buffers()}
    values = {name: value.clone() for name, value in module.named_buffers()}
    given, x = dict(values), torch.rand(5, 3)
    twin(x)

    functional_call(module, values, x)

    assert {name: bits(value) for name, value in module.named_buffers()} == own
    for name, value in twin.named_buffers():
        name = f"1.{name}" if nested else name
        assert torch.equal(values[name], value)
        assert values[name] is given[name] or "num_batches" in name


@clause("inplace.not-given")
@pytest.mark.parametrize("given", ["running_mean", "weight", None])
def test_batch_norm_updates_its_own_statistics_where_none_are_given(functional_call, given):
    norm, twin, x = nn.BatchNorm1d(3), nn.BatchNorm1d(3), torch.rand(5, 3)
    values = {given: torch.ones(3)} if given else {}
    twin(x)

    functional_call(norm, values, x)

    for name, value in twin.named_buffers():
        own = getattr(norm, name)
        assert torch.equal(own, torch.zeros(3) if name == given else value)


@clause("inplace.not-given")
@with_site(SITES)
def test_what_forward_binds_to_a_name_that_is_not_given_stays_on_the_module(functional_call, site):
    values, new = {site.other: site.value(2)}, _new(site)
    site.in_forward(lambda owner: site.rebind(new))

    functional_call(site.module, values, site.x)

    assert site.current() is new
    assert list(values) == [site.other]


@clause("inplace.not-given")
@with_site((*FLAT, *BUFFERS))
def test_a_name_that_is_not_given_and_that_forward_deletes_is_gone(functional_call, site):
    values = {name: value for name, value in fresh_values(site.module).items() if name != site.name}
    site.in_forward(lambda owner: delattr(owner, site.key))

    functional_call(site.module, values, site.x)

    assert not hasattr(site.owner, site.key)
    assert site.name not in values


@clause("inplace.only-tensors")
@pytest.mark.parametrize("act", ["delete", "number", "module"])
@with_site((*FLAT, *NESTED[:2]))
def test_a_dict_receives_nothing_but_tensors(functional_call, site, act):
    value = site.value()
    values = {site.name: value}

    def end(owner):
        delattr(owner, site.key)
        if act != "delete":
            setattr(owner, site.key, 7 if act == "number" else nn.Identity())
        return torch.zeros(())

    site.in_forward(end)
    with contextlib.suppress(TypeError):  # that the module comes back is restore.rebound-non-tensor
        functional_call(site.module, values, site.x)

    assert values[site.name] is value
    assert list(values) == [site.name]


@clause("inplace.only-tensors")
@with_site(FLAT)
def test_where_forward_bound_none_the_dict_holds_none_or_the_given_tensor(functional_call, site):
    value = site.value()
    values = {site.name: value}
    site.in_forward(lambda owner: site.rebind(None) or torch.zeros(()))

    functional_call(site.module, values, site.x)

    assert values[site.name] is None or values[site.name] is value


@clause("inplace.on-exception")
@with_site(FLAT)
def test_forward_rebinds_and_raises(functional_call, site, observe):
    values, new = {site.name: site.value()}, _new(site)
    site.in_forward(lambda owner: site.rebind(new) or 1 / 0)

    with pytest.raises(ZeroDivisionError):
        functional_call(site.module, values, site.x)

    observe("updated" if values[site.name] is new else "not updated")
    assert site.current() is site.own


@clause("inplace.tied-rebinding")
@with_group(PAIRS)
def test_forward_rebinds_another_name_of_the_group(functional_call, group, observe):
    first, second = group.names
    path, _, key = second.rpartition(".")
    values, new = {first: group.value()}, parameter()
    group.in_forward(lambda module: setattr(module.get_submodule(path), key, new))

    functional_call(group.module, values, group.x)

    observe("in the dict" if values[first] is new else "lost")


@clause("inplace.dict-touched")
@pytest.mark.parametrize("edit", ["clear", "replace"])
@with_site(FLAT)
def test_forward_edits_the_callers_dict(functional_call, site, edit, observe):
    value = site.value()
    values, seen = {site.name: value}, []

    def act(owner):
        values.clear() if edit == "clear" else values.update({site.name: site.value(2)})
        seen.append(site.current())

    site.in_forward(act)
    try:
        functional_call(site.module, values, site.x)
        entry = values.get(site.name, "no entry")
        left = entry if isinstance(entry, str) else "the given" if entry is value else "the edited"
        observe(f"forward sees {'the given' if seen[0] is value else 'another'}, the dict holds {left}")
    except Exception as error:
        observe(type(error).__name__)


class ReadOnly(dict[str, torch.Tensor]):
    """A dict that refuses assignment."""

    def __setitem__(self, key, value):
        raise TypeError("read-only")

    def update(self, *args, **kwargs):
        raise TypeError("read-only")


@clause("inplace.read-only-dict")
@with_site(FLAT)
def test_forward_rebinds_and_the_dict_refuses(functional_call, site, observe):
    values, new = ReadOnly({site.name: site.value()}), _new(site)
    site.in_forward(lambda owner: site.rebind(new))
    try:
        functional_call(site.module, values, site.x)
        observe("updated" if values[site.name] is new else "not updated")
    except Exception as error:
        observe(type(error).__name__)
