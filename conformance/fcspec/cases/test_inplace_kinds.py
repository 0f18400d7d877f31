"""inplace: what forward binds, of whatever kind and in whatever way, is what the dict holds."""

import collections
import contextlib

import torch
from torch import nn

from fcspec.cases.support.subclasses import PLAIN_SUBCLASSES
from fcspec.cases.support.tensor_kinds import kinds_of_tensor
from fcspec.plugin import clause
from fcspec.specimens.base import with_site
from fcspec.specimens.sites import FLAT, flat_buffer, nested_buffer, nested_parameter


def _bound_by(functional_call, site, new, values):
    """Call it with a forward that binds this to the name."""
    site.in_forward(lambda owner: setattr(owner, site.key, new) or torch.zeros(()))
    functional_call(site.module, values, site.x)


@clause("inplace.rebinding")
@with_site((nested_buffer,))
def test_the_dict_holds_the_very_tensor_that_forward_bound_of_whatever_kind(functional_call, names, site):
    others = [(kind.__name__, lambda kind=kind: kind(names, torch.ones(3))) for kind in PLAIN_SUBCLASSES]
    for kind, make in (*kinds_of_tensor(), *others):
        new, values = make(), {site.name: site.value()}
        if isinstance(new, nn.Parameter):
            continue  # torch registers it as a parameter: inplace.only-tensors leaves open what the entry holds
        _bound_by(functional_call, site, new, values)

        assert values[site.name] is new, kind
        assert site.current() is site.own, kind


@clause("inplace.rebinding")
@with_site((nested_parameter,))
def test_the_dict_holds_the_very_parameter_that_forward_bound(functional_call, site):
    for new in (nn.Parameter(torch.ones(3)), nn.Parameter(torch.ones(2), requires_grad=False)):
        values = {site.name: site.value()}
        _bound_by(functional_call, site, new, values)

        assert values[site.name] is new
        assert site.current() is site.own


def _another_dict(owner, key, new):
    kind = "_parameters" if key in owner._parameters else "_buffers"
    owner.__dict__[kind] = {**owner.__dict__[kind], key: new}


def _another_ordered_dict(owner, key, new):
    kind = "_parameters" if key in owner._parameters else "_buffers"
    owner.__dict__[kind] = collections.OrderedDict(
        [(key, new), *((k, v) for k, v in owner.__dict__[kind].items() if k != key)]
    )


def _a_dict_of_the_one(owner, key, new):
    kind = "_parameters" if key in owner._parameters else "_buffers"
    owner.__dict__[kind] = {key: new}


@clause("inplace.rebinding")
@with_site(FLAT)
def test_the_dict_holds_what_forward_bound_in_a_store_of_its_own(functional_call, site):
    for bind in (_another_dict, _another_ordered_dict, _a_dict_of_the_one):
        new, values = site.bindable(), {site.name: site.value()}
        site.in_forward(lambda owner, bind=bind, new=new: bind(owner, site.key, new) or torch.zeros(()))
        functional_call(site.module, values, site.x)

        assert values[site.name] is new, bind.__name__


@clause("inplace.rebinding")
@with_site((flat_buffer,))
def test_a_call_from_where_an_exception_is_handled_is_like_any_other(functional_call, site):
    new, values = site.bindable(), {site.name: site.value()}
    try:
        raise ZeroDivisionError
    except ZeroDivisionError:
        _bound_by(functional_call, site, new, values)

    assert values[site.name] is new
    assert site.current() is site.own


@clause("inplace.rebinding")
@with_site((nested_buffer,))
def test_the_dict_holds_what_forward_bound_where_none_was_given_if_that_is_accepted(functional_call, site):
    new, values, reached = site.bindable(), {site.name: None}, []
    site.in_forward(lambda owner: setattr(owner, site.key, new) or reached.append(1) or torch.zeros(()))
    with contextlib.suppress(Exception):
        functional_call(site.module, values, site.x)

    assert values[site.name] is (new if reached else None)
