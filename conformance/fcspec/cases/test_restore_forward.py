"""restore, whatever forward does: calls of its own, names bound anew, deleted, moved; submodules replaced."""

import pytest
import torch
from torch import nn

from fcspec.cases.support.comparing import equal, identical
from fcspec.cases.support.outcomes import raises_if, returns_or_raises
from fcspec.plugin import clause
from fcspec.specimens.base import fresh_values, parameter, probe, with_group, with_site
from fcspec.specimens.groups import BUFFER_PAIRS, PAIRS
from fcspec.specimens.parametrized import doubled, nested_doubled
from fcspec.specimens.sites import BUFFERS, FLAT, NESTED, PARAMETERS, SITES
from fcspec.state.module_state import snapshot


@clause("restore.nested")
@with_site(SITES)
def test_a_call_in_forward_gives_the_outer_call_its_value_back(functional_call, site):
    outer, inner, seen = site.value(1), site.value(2), []
    before = snapshot(site.module)

    def act(owner):
        seen.append(site.current())
        if len(seen) == 1:
            functional_call(site.module, {site.name: inner}, site.x)
            seen.append(site.current())

    site.in_forward(act)
    functional_call(site.module, {site.name: outer}, site.x)

    assert identical(seen, [outer, inner, outer])
    assert snapshot(site.module).slots == before.slots


@clause("restore.nested")
@with_site((*FLAT, *NESTED[:2]))
def test_a_call_in_forward_on_another_name_or_on_a_child_gives_the_values_back(functional_call, site):
    value, other, seen = site.value(1), site.value(2), []
    before = snapshot(site.module)

    def act(owner):
        seen.append(site.current())
        if len(seen) == 1:
            functional_call(site.module, {site.other: other}, site.x)
            functional_call(owner, {site.key: other}, site.x)
            seen.append(site.current())

    site.in_forward(act)
    functional_call(site.module, {site.name: value}, site.x)

    assert identical(seen, [value, value, other, value])
    assert snapshot(site.module).slots == before.slots


@clause("restore.nested")
@with_site((doubled, nested_doubled))
def test_a_call_in_forward_gives_a_regular_name_its_value_back(functional_call, site):
    outer, inner, seen = site.value(1), site.value(2), []

    def act(owner):
        seen.append(site.current())
        if len(seen) == 1:
            functional_call(site.module, {site.name: inner}, site.x)
            seen.append(site.current())
        return site.x

    site.in_forward(act)
    functional_call(site.module, {site.name: outer}, site.x)

    assert equal(seen, [outer, inner, outer])


@clause("restore.nested")
@with_site((*FLAT, *NESTED[:2]))
def test_a_call_in_forward_that_fails_gives_the_outer_call_its_value_back(functional_call, site):
    outer, seen = site.value(1), []
    before = snapshot(site.module)

    def act(owner):
        seen.append(site.current())
        if len(seen) == 2:
            raise ZeroDivisionError
        with pytest.raises(ZeroDivisionError):
            functional_call(site.module, {site.name: site.value(2)}, site.x)
        seen.append(site.current())

    site.in_forward(act)
    functional_call(site.module, {site.name: outer}, site.x)

    assert (seen[0] is outer, seen[2] is outer) == (True, True)
    assert snapshot(site.module).slots == before.slots


def _before_and_after(functional_call, site, act, fails, **flags):
    """Snapshots of the module before and after a call whose forward runs `act`, and then returns or raises."""

    def last(owner):
        act(owner)
        return 1 / 0 if fails else torch.zeros(())

    before = snapshot(site.module)
    site.in_forward(last)
    with raises_if(fails):
        functional_call(site.module, {site.name: site.value(), site.other: site.value(2)}, site.x, **flags)
    return before, snapshot(site.module)


@clause("restore.rebound")
@returns_or_raises
@pytest.mark.parametrize("new", [torch.zeros(3), None], ids=["tensor", "none"])
@with_site(BUFFERS)
def test_own_objects_come_back_when_forward_rebinds_a_buffer(functional_call, site, new, fails):
    before, after = _before_and_after(functional_call, site, lambda owner: site.rebind(new), fails)

    assert after.slots == before.slots


@clause("restore.rebound")
@returns_or_raises
@pytest.mark.parametrize("new", [nn.Parameter(torch.zeros(3)), None], ids=["parameter", "none"])
@with_site(PARAMETERS)
def test_own_objects_come_back_when_forward_rebinds_a_parameter(functional_call, site, new, fails):
    before, after = _before_and_after(functional_call, site, lambda owner: site.rebind(new), fails)

    assert after.slots == before.slots


@clause("restore.rebound")
@returns_or_raises
@with_site(SITES)
def test_own_objects_come_back_when_they_are_given_and_forward_rebinds_them(functional_call, site, fails):
    before, values = snapshot(site.module), {site.name: site.own, site.other: site.get(site.other)}
    site.in_forward(lambda owner: site.rebind(site.bindable()) or (1 / 0 if fails else torch.zeros(())))
    with raises_if(fails):
        functional_call(site.module, values, site.x)

    assert snapshot(site.module).slots == before.slots


@clause("restore.rebound")
@returns_or_raises
@pytest.mark.parametrize("flags", [{}, {"tie_weights": False}], ids=["tied", "untied"])
@with_site(BUFFERS)
def test_a_buffer_that_forward_registers_anew_is_as_persistent_as_before(functional_call, site, flags, fails):
    persistent = site.key not in site.owner._non_persistent_buffers_set

    def anew(owner):
        owner.register_buffer(site.key, torch.zeros(3), persistent=not persistent)

    before, after = _before_and_after(functional_call, site, anew, fails, **flags)

    assert after.slots == before.slots


@clause("restore.deleted")
@returns_or_raises
@with_site(PARAMETERS[:2])
def test_a_plain_tensor_does_not_hide_the_parameter(functional_call, site, fails):
    def bind(owner):
        delattr(owner, site.key)
        setattr(owner, site.key, torch.zeros(3))

    before, after = _before_and_after(functional_call, site, bind, fails)

    assert after.parts("slots", "plain") == before.parts("slots", "plain")
    assert site.current() is site.own


@clause("restore.rebound")
@returns_or_raises
@with_site(SITES)
def test_own_objects_come_back_when_forward_moves_a_name_to_the_other_store(functional_call, site, fails):
    def move(owner):
        delattr(owner, site.key)
        if isinstance(site.own, nn.Parameter):
            owner.register_buffer(site.key, torch.zeros(3), persistent=False)
        else:
            owner.register_parameter(site.key, parameter())

    before, after = _before_and_after(functional_call, site, move, fails)

    assert after.parts("slots", "plain") == before.parts("slots", "plain")


@clause("restore.rebound")
@returns_or_raises
@pytest.mark.parametrize("where", ["__dict__", "_modules", "_parameters", "_buffers"])
@with_site(FLAT)
def test_what_forward_puts_elsewhere_under_a_given_name_is_gone(functional_call, names, site, where, fails):
    site.owner.add_module(names.attribute(), nn.Identity())

    def put(owner):
        there = vars(owner) if where == "__dict__" else getattr(owner, where)
        there[site.key] = nn.Identity() if where == "_modules" else parameter()

    before, after = _before_and_after(functional_call, site, put, fails)

    assert after.parts("slots", "plain") == before.parts("slots", "plain")
    assert site.key not in site.owner._modules


@clause("restore.rebound-non-tensor")
@returns_or_raises
@pytest.mark.parametrize("new", [7, "text", nn.Identity(), [torch.zeros(3)]], ids=["number", "text", "module", "list"])
@with_site((*FLAT, *NESTED[:2]))
def test_own_objects_come_back_when_forward_binds_something_else(functional_call, site, new, fails):
    before, after = _before_and_after(functional_call, site, lambda owner: site.rebind(new), fails)

    assert after.parts("slots", "plain") == before.parts("slots", "plain")
    assert [site.key in store for store in (site.owner._modules, vars(site.owner))] == [False, False]


@clause("restore.deleted")
@returns_or_raises
@with_site(SITES)
def test_what_forward_deletes_comes_back_of_the_same_kind(functional_call, site, fails):
    before, after = _before_and_after(functional_call, site, lambda owner: delattr(owner, site.key), fails)

    assert after.parts("slots", "plain") == before.parts("slots", "plain")


@clause("restore.deleted")
@returns_or_raises
def test_all_that_forward_deletes_is_as_persistent_as_before(functional_call, names, fails):
    module = probe(names)
    for persistent in (True, False, False, True):
        module.register_buffer(names.attribute(), torch.rand(3), persistent=persistent)
    values, before = fresh_values(module), snapshot(module)

    def delete(self):
        for name in values:
            delattr(self, name)
        return 1 / 0 if fails else None

    type(module).in_forward = delete
    with raises_if(fails):
        functional_call(module, values, torch.ones(3))

    assert snapshot(module).slots == before.slots


@clause("restore.deleted")
@pytest.mark.parametrize("binds", [False, True], ids=["deleted", "and bound elsewhere"])
@with_group((*PAIRS, *BUFFER_PAIRS))
def test_what_is_tied_to_a_given_name_comes_back_too(functional_call, group, binds):
    before = snapshot(group.module)
    path, _, key = group.names[1].rpartition(".")

    def delete(module):
        owner = module.get_submodule(path)
        delattr(owner, key)
        if binds:
            setattr(owner, key, torch.zeros(3))
        return torch.zeros(())

    group.in_forward(delete)
    functional_call(group.module, {group.names[0]: group.value()}, group.x, tie_weights=True)

    assert snapshot(group.module).parts("slots", "plain") == before.parts("slots", "plain")


@clause("restore.detached-owner")
@with_site(NESTED)
def test_a_submodule_gets_its_own_tensors_back_when_forward_detaches_what_it_stands_in(functional_call, site):
    before = snapshot(site.owner)
    site.module.register_forward_hook(lambda *_: delattr(site.module, site.name.partition(".")[0]))

    functional_call(site.module, {site.name: site.value()}, site.x)

    assert snapshot(site.owner).slots == before.slots


@clause("restore.detached-owner")
@pytest.mark.parametrize("act", ["replace", "delete"])
@pytest.mark.parametrize("kind", ["parameter", "buffer"])
def test_a_submodule_that_forward_detaches_gets_its_own_tensors_back(functional_call, names, act, kind):
    child, key = names.attribute(), names.attribute()
    root, old, new = probe(names), probe(names), probe(names)
    for module in (old, new):
        if kind == "parameter":
            module.register_parameter(key, parameter())
        else:
            module.register_buffer(key, torch.rand(3))
    root.add_module(child, old)
    before = snapshot(old), snapshot(new)
    type(root).in_forward = lambda self: setattr(self, child, new) if act == "replace" else delattr(self, child)

    functional_call(root, {f"{child}.{key}": torch.zeros(3)}, torch.ones(3))

    assert (snapshot(old).slots, snapshot(new).slots) == (before[0].slots, before[1].slots)
    assert getattr(root, child, None) is (new if act == "replace" else None)
