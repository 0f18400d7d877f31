"""inplace: a dict receives nothing but tensors; and what happens to a dict that forward edits, or that refuses."""

import contextlib

import pytest
import torch
from torch import nn

from fcspec.cases.support.comparing import identical
from fcspec.cases.support.odd_dicts import Elsewhere, Moving, Noting, Refusing
from fcspec.plugin import Needs, clause, needs
from fcspec.specimens.base import fresh_values, with_site
from fcspec.specimens.sites import BUFFERS, FLAT, NESTED


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
    with contextlib.suppress(Exception):  # that the module comes back is restore.rebound-non-tensor
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


@clause("inplace.rebinding")
@with_site(FLAT)
def test_a_dict_that_keeps_its_entries_elsewhere_holds_what_forward_bound(functional_call, site):
    values, new = Elsewhere({site.name: site.value()}), site.bindable()
    dict.update(values, values)  # who reads past its own methods is judged by dicts.subclass
    site.in_forward(lambda owner: setattr(owner, site.key, new) or site.x)

    functional_call(site.module, values, site.x)

    assert values[site.name] is new


@clause("inplace.rebinding")
@with_site(FLAT)
def test_a_dict_that_moves_what_is_set_holds_all_that_forward_bound(functional_call, site):
    values, bound = Moving(fresh_values(site.module)), {}

    def bind(owner):
        for store in (owner._parameters, owner._buffers):
            for key, value in [*store.items()]:
                bound[key] = nn.Parameter(value.detach() + 1) if store is owner._parameters else value + 1
                setattr(owner, key, bound[key])
        return site.x

    site.in_forward(bind)
    functional_call(site.module, values, site.x)

    assert {name: id(value) for name, value in values.items()} == {name: id(value) for name, value in bound.items()}


@clause("inplace.rebinding")
@with_site(FLAT)
def test_a_dict_is_told_by_its_own_methods_what_forward_bound(functional_call, site):
    values, new = Noting({site.name: site.value()}), site.bindable()
    site.in_forward(lambda owner: setattr(owner, site.key, new) or site.x)

    functional_call(site.module, values, site.x)

    assert values.noted == {site.name: new}


@clause("inplace.rebinding")
@with_site(FLAT)
def test_an_entry_that_forward_did_not_bind_keeps_the_tensor_that_a_bound_one_had_too(functional_call, site):
    value, new = site.value(), site.bindable()
    site.in_forward(lambda owner: site.rebind(new) or site.x)
    for flags in ({}, {"tie_weights": False}):
        values = {site.name: value, site.other: value}

        functional_call(site.module, values, site.x, **flags)

        assert identical([*values.values()], [new, value])


@clause("inplace.rebinding-tuple")
@with_site(FLAT)
def test_a_dict_that_refuses_is_no_reason_to_lose_what_the_others_take(functional_call, site):
    """The call may raise instead: inplace.read-only-dict."""
    new, other = site.bindable(), nn.Parameter(site.value(3))
    site.in_forward(lambda owner: setattr(owner, site.key, new) or setattr(owner, site.other, other) or site.x)

    for dicts in (
        ({site.name: site.value()}, Refusing({site.other: site.value(2)})),
        (Refusing({site.other: site.value(2)}), {site.name: site.value()}),
        (Refusing({site.other: site.value(2), site.name: site.value()}),),
    ):
        for one in dicts:
            vars(one).update(refused=site.other) if isinstance(one, Refusing) else None
        returned = False
        with contextlib.suppress(Exception):
            functional_call(site.module, dicts, site.x)
            returned = True

        assert not returned or next(one[site.name] for one in dicts if site.name in one) is new


@clause("inplace.rebinding-tuple")
@needs(Needs.TRANSFORMS)
@with_site(BUFFERS)
def test_the_dict_of_a_tuple_holds_what_forward_bound_under_a_transform(functional_call, site):
    bound, held = [], []

    def act(owner):
        setattr(owner, site.key, site.current() + 1)
        bound.append(site.current())
        return site.x

    def call(value):
        one, several = {site.name: value}, ({}, {site.name: value})
        for dicts in (one, several):
            functional_call(site.module, dicts, site.x)
        held.append((one[site.name] is bound[-2], several[1][site.name] is bound[-1]))
        return value.sum()

    site.in_forward(act)
    for transform in (torch.func.grad, torch.func.vmap, torch.func.functionalize):
        transform(call)(torch.rand(3))

        assert held[-1] != (True, False)  # that one dict holds it is the law of inplace.rebinding


@clause("inplace.read-only-dict")
@with_site(FLAT)
def test_forward_rebinds_and_the_dict_refuses(functional_call, site, observe):
    values, new = Refusing({site.name: site.value()}), site.bindable()
    site.in_forward(lambda owner: site.rebind(new))
    try:
        functional_call(site.module, values, site.x)
        observe("updated" if values[site.name] is new else "not updated")
    except Exception as error:
        observe(type(error).__name__)
