"""restore: after the call the module is as before, however it ended."""

import contextlib
from asyncio import CancelledError

import pytest
import torch
from torch import nn

from fcspec.cases.support.outcomes import raises_if, returns_or_raises
from fcspec.plugin import clause
from fcspec.specimens.base import fresh_values, with_group, with_site
from fcspec.specimens.groups import ALL_PAIRS
from fcspec.specimens.sites import FLAT, NESTED, SITES, keyed_parameter, nested_buffer, nested_parameter
from fcspec.state.module_state import snapshot


@clause("restore.objects")
@with_site((*SITES, keyed_parameter))
def test_own_objects_come_back(functional_call, site):
    before, value, seen = snapshot(site.module), site.value(), []
    site.in_forward(lambda owner: seen.append(site.current()))

    functional_call(site.module, {site.name: value}, site.x)

    assert seen[0] is value
    assert snapshot(site.module).slots == before.slots


@clause("restore.objects")
@with_site((*FLAT, *NESTED[:2]))
def test_own_objects_come_back_where_none_is_accepted(functional_call, site):
    before = snapshot(site.module)
    site.in_forward(lambda owner: torch.zeros(()))

    with contextlib.suppress(Exception):  # whether None is accepted is observed by dicts.none-value
        functional_call(site.module, {site.name: None}, site.x)

    assert snapshot(site.module).slots == before.slots


@clause("restore.objects")
@pytest.mark.parametrize("given", [nn.Parameter, torch.Tensor.requires_grad_], ids=["parameter", "requires grad"])
@with_site(FLAT)
def test_own_objects_come_back_whatever_was_given(functional_call, site, given):
    before = snapshot(site.module)

    functional_call(site.module, {name: given(value) for name, value in fresh_values(site.module).items()}, site.x)

    assert snapshot(site.module).slots == before.slots


@clause("restore.objects")
@with_group(ALL_PAIRS)
def test_tied_slots_hold_their_own_again(functional_call, group):
    before = snapshot(group.module)

    for names in (group.names[:1], group.names[1:], group.names):
        functional_call(group.module, dict.fromkeys(names, group.value()), group.x)

        assert snapshot(group.module).slots == before.slots


@clause("restore.order")
@with_site(SITES)
def test_keys_keep_their_order(functional_call, site):
    before = snapshot(site.module)

    for name, value in fresh_values(site.module).items():
        functional_call(site.module, {name: value}, site.x)

    assert snapshot(site.module).order == before.order


@clause("restore.order")
@returns_or_raises
@with_site(SITES)
def test_keys_keep_their_order_when_forward_deletes_one(functional_call, site, fails):
    def act(owner):
        delattr(owner, site.key)
        return 1 / 0 if fails else torch.zeros(())

    before = snapshot(site.module)
    site.in_forward(act)
    with raises_if(fails):
        functional_call(site.module, {site.name: site.value()}, site.x)

    assert snapshot(site.module).order == before.order


@clause("restore.order")
@with_site((nested_parameter, nested_buffer))
def test_keys_keep_their_order_in_every_module_that_forward_deletes_one_from(functional_call, site):
    """Forward also registers each key again, so that no key is missing when the call restores the order."""

    def act(owner):
        for one in (site.module.get_submodule(path) for path in owners):
            for store in (one._parameters, one._buffers):
                for key in list(store)[:1]:
                    store[key] = store.pop(key)
        return torch.zeros(())

    before, values = snapshot(site.module), fresh_values(site.module)
    owners = {name.rpartition(".")[0] for name in values}
    site.in_forward(act)

    functional_call(site.module, values, site.x)

    assert len(owners) > 1
    assert snapshot(site.module).order == before.order


@clause("restore.order")
def test_keys_keep_their_order_in_modules_that_have_the_same_keys(functional_call):
    module = nn.Sequential(nn.Linear(2, 2), nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2)), nn.Linear(2, 2))
    before = snapshot(module)
    for one in module.modules():
        if not isinstance(one, nn.Sequential):
            one.register_forward_hook(lambda one, args, output: delattr(one, "weight"))
    order = snapshot(module).order

    functional_call(module, fresh_values(module), (torch.rand(3, 2),))

    assert snapshot(module).order == order == before.order


@clause("restore.order")
@pytest.mark.parametrize("flags", [{"tie_weights": False}, {"strict": True}], ids=["untied", "strict"])
@with_site((nested_parameter, nested_buffer))
def test_keys_keep_their_order_under_all_flags(functional_call, site, flags):
    before = snapshot(site.module)
    site.in_forward(lambda owner: delattr(owner, site.key) or torch.zeros(()))

    functional_call(site.module, fresh_values(site.module), site.x, **flags)

    assert snapshot(site.module).order == before.order


@clause("restore.exception")
@with_site(SITES)
def test_own_objects_come_back_when_forward_raises(functional_call, names, site):
    before, error = snapshot(site.module), type(names.type(), (Exception,), {})

    def fail(owner):
        raise error

    site.in_forward(fail)
    with pytest.raises(error):
        functional_call(site.module, {site.name: site.value()}, site.x)

    assert snapshot(site.module).slots == before.slots


@clause("restore.exception")
@pytest.mark.parametrize("error", [TypeError, KeyError, AttributeError, RuntimeError])
@with_site(FLAT)
def test_own_objects_come_back_when_a_hook_raises(functional_call, site, error):
    def fail(*_):
        raise error

    before = snapshot(site.module)
    for register in (site.module.register_forward_pre_hook, site.module.register_forward_hook):
        with register(fail), pytest.raises(error):
            functional_call(site.module, {site.name: site.value()}, site.x)

        assert snapshot(site.module).slots == before.slots


@clause("restore.exception")
@with_site(FLAT)
def test_own_objects_come_back_when_arguments_do_not_fit(functional_call, site):
    before = snapshot(site.module)

    with pytest.raises(TypeError):
        functional_call(site.module, {site.name: site.value()}, (site.x, site.x, site.x))

    assert snapshot(site.module).slots == before.slots


@clause("restore.exception")
@with_group(ALL_PAIRS)
def test_tied_slots_hold_their_own_again_when_forward_raises(functional_call, group):
    before = snapshot(group.module)
    group.in_forward(lambda module: 1 / 0)

    for name in group.names:
        with pytest.raises(ZeroDivisionError):
            functional_call(group.module, {name: group.value()}, group.x)

        assert snapshot(group.module).slots == before.slots


@clause("restore.base-exception")
@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit, GeneratorExit, StopIteration, CancelledError])
@with_site(FLAT)
def test_own_objects_come_back_when_the_call_is_left_in_any_way(functional_call, site, error):
    before, raised = snapshot(site.module), error()

    def leave(*_):
        raise raised

    with pytest.raises(error) as left_hook, site.module.register_forward_hook(leave):
        functional_call(site.module, {site.name: site.value()}, site.x)
    after_hook = snapshot(site.module)
    site.in_forward(leave)
    with pytest.raises(error) as left_forward:
        functional_call(site.module, {site.name: site.value()}, site.x)

    assert (left_hook.value is raised, left_forward.value is raised) == (True, True)
    assert after_hook.slots == before.slots
    assert snapshot(site.module).slots == before.slots
