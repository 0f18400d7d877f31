"""inplace: what forward does to a name that is not given, it does to the module."""

import pytest
import torch
from torch import nn

from fcspec.cases.support.comparing import equal
from fcspec.cases.support.outcomes import raises_if, returns_or_raises
from fcspec.plugin import clause
from fcspec.specimens.base import fresh_values, parameter, with_group, with_site
from fcspec.specimens.groups import BUFFER_PAIRS, PAIRS
from fcspec.specimens.sites import (
    BUFFERS,
    FLAT,
    SITES,
    flat_buffer,
    flat_parameter,
    nested_parameter,
    non_persistent_buffer,
)


@clause("inplace.not-given")
@pytest.mark.parametrize("given", ["running_mean", "weight", None])
def test_batch_norm_updates_its_own_statistics_where_none_are_given(functional_call, given):
    norm, plain, x = nn.BatchNorm1d(3), nn.BatchNorm1d(3), torch.rand(5, 3)
    values = {given: torch.ones(3)} if given else {}
    plain(x)

    functional_call(norm, values, x)

    for name, value in plain.named_buffers():
        own = getattr(norm, name)
        assert equal(own, torch.zeros(3) if name == given else value)


@clause("inplace.not-given")
@with_site(SITES)
def test_what_forward_binds_to_a_name_that_is_not_given_stays_on_the_module(functional_call, site):
    values, new = {site.other: site.value(2)}, site.bindable()
    site.in_forward(lambda owner: site.rebind(new))

    functional_call(site.module, values, site.x)

    assert site.current() is new
    assert list(values) == [site.other]


@clause("inplace.not-given")
@with_group((*PAIRS, *BUFFER_PAIRS))
def test_what_forward_binds_to_a_tied_name_stays_on_the_module_where_it_is_not_given(functional_call, group):
    given, other = group.names
    path, _, key = other.rpartition(".")
    new = parameter() if isinstance(group.own, nn.Parameter) else torch.rand(3)
    group.in_forward(lambda module: setattr(module.get_submodule(path), key, new))

    functional_call(group.module, {given: group.value()}, group.x, tie_weights=False)

    assert group.current()[0] is group.own
    assert group.current()[1] is new


@clause("inplace.not-given")
@with_site((*FLAT, *BUFFERS))
def test_a_name_that_is_not_given_and_that_forward_deletes_is_gone(functional_call, site):
    values = {name: value for name, value in fresh_values(site.module).items() if name != site.name}
    site.in_forward(lambda owner: delattr(owner, site.key))

    functional_call(site.module, values, site.x)

    assert not hasattr(site.owner, site.key)
    assert site.name not in values


@clause("inplace.not-given")
@returns_or_raises
@with_site(FLAT)
def test_what_forward_registers_stays_on_the_module(functional_call, names, site, fails):
    buffer, own, key = torch.rand(3), parameter(), [names.attribute(), names.attribute()]

    def act(owner):
        owner.register_buffer(key[0], buffer)
        owner.register_parameter(key[1], own)
        return 1 / 0 if fails else torch.zeros(())

    site.in_forward(act)
    with raises_if(fails):
        functional_call(site.module, {site.name: site.value()}, site.x)

    assert site.owner._buffers.get(key[0]) is buffer
    assert site.owner._parameters.get(key[1]) is own


@clause("inplace.not-given")
@returns_or_raises
@with_site((flat_buffer, non_persistent_buffer))
def test_buffers_that_are_not_given_are_as_persistent_as_forward_made_them(functional_call, names, site, fails):
    late, changed = names.attribute(), names.attribute()
    values, persistent = fresh_values(site.module), [*site.module.state_dict()]
    site.owner.register_buffer(changed, torch.rand(3), persistent=False)

    def act(owner):
        owner.register_buffer(late, torch.rand(3), persistent=False)
        owner.register_buffer(changed, torch.rand(3), persistent=True)
        return 1 / 0 if fails else site.x

    site.in_forward(act)
    with raises_if(fails):
        functional_call(site.module, values, site.x)

    assert sorted(site.module.state_dict()) == sorted([*persistent, changed])


@clause("inplace.not-given")
@pytest.mark.parametrize("given", ["all but one", "one"])
@with_site((flat_parameter, nested_parameter))
def test_requires_grad_that_forward_sets_of_a_name_that_is_not_given_stays(functional_call, site, given):
    values = {name: value for name, value in fresh_values(site.module).items() if name != site.name}
    site.in_forward(lambda owner: owner.requires_grad_(False) and None)

    functional_call(site.module, values if given == "all but one" else {site.other: site.value()}, site.x)

    assert not site.own.requires_grad
