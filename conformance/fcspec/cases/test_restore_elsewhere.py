"""restore: what forward bound elsewhere, or deleted, however the call ends."""

import contextlib

import pytest
import torch
from torch import nn

from fcspec.cases.support.odd_dicts import Refusing
from fcspec.cases.support.outcomes import raises_if, returns_or_raises
from fcspec.plugin import clause
from fcspec.specimens.base import with_site
from fcspec.specimens.sites import FLAT, flat_parameter, nested_parameter
from fcspec.state.module_state import snapshot


@clause("restore.deleted")
@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit, GeneratorExit])
@with_site(FLAT)
def test_what_forward_deleted_comes_back_when_the_call_is_left_in_any_way(functional_call, site, error):
    before = snapshot(site.module)

    def leave(owner):
        delattr(owner, site.key)
        owner.register_buffer(site.key, torch.zeros(3), persistent=False)
        raise error

    site.in_forward(leave)
    with pytest.raises(error):
        functional_call(site.module, {site.name: site.value()}, site.x)

    assert snapshot(site.module).slots == before.slots


@clause("restore.exception")
@pytest.mark.parametrize("count", [1, 2], ids=["one dict", "two dicts"])
@with_site((*FLAT, nested_parameter))
def test_own_objects_come_back_when_a_dict_refuses_what_forward_bound(functional_call, site, count):
    """Whether that is an error is open: inplace.read-only-dict."""
    before, refusing = snapshot(site.module), Refusing({site.name: site.value()})
    site.in_forward(lambda owner: site.rebind(site.bindable()) or torch.zeros(()))
    with contextlib.suppress(Exception):
        functional_call(site.module, refusing if count == 1 else (refusing, {site.other: site.value(2)}), site.x)

    assert snapshot(site.module).slots == before.slots


@clause("restore.rebound")
@returns_or_raises
@pytest.mark.parametrize("store", ["_parameters", "_buffers"])
@with_site((*FLAT, nested_parameter))
def test_own_objects_come_back_when_forward_puts_another_dict_in_the_place_of_a_store(
    functional_call, site, store, fails
):
    """As libraries do that swap parameters themselves."""
    before = snapshot(site.module)

    def replace(owner):
        vars(owner)[store] = type(vars(owner)[store])(vars(owner)[store])
        site.rebind(site.bindable())
        return 1 / 0 if fails else torch.zeros(())

    site.in_forward(replace)
    values = {site.name: site.value(), site.other: site.value(2)}
    with raises_if(fails):
        functional_call(site.module, values, site.x)

    assert snapshot(site.module).slots == before.slots


@clause("restore.plain-attribute")
@pytest.mark.parametrize(
    "make", [lambda: torch.zeros(3), lambda: nn.Parameter(torch.zeros(3))], ids=["tensor", "parameter"]
)
@pytest.mark.parametrize("where", ["instance", "class"])
@with_site((flat_parameter, nested_parameter))
def test_a_plain_tensor_that_forward_binds_stands_where_it_stood(functional_call, names, site, where, make):
    key, plain = names.attribute(), torch.rand(3)
    setattr(site.owner if where == "instance" else type(site.owner), key, plain)
    site.in_forward(lambda owner: setattr(owner, key, make()))
    with contextlib.suppress(Exception):  # it may be refused
        functional_call(site.module, {site.sibling_name(key): torch.ones(3)}, site.x)

    assert getattr(site.owner, key) is plain
    assert (key in vars(site.owner)) is (where == "instance")
    assert [key in store for store in (site.owner._parameters, site.owner._buffers)] == [False, False]


@clause("restore.plain-attribute")
@pytest.mark.parametrize("act", ["deletes", "rebinds"])
@returns_or_raises
@with_site((nested_parameter,))
def test_a_plain_tensor_that_forward_deletes_or_rebinds_is_restored(functional_call, names, site, act, fails):
    key, plain = names.attribute(), torch.rand(3)
    setattr(site.owner, key, plain)

    def change(owner):
        if act == "deletes":
            delattr(owner, key)
        else:
            setattr(owner, key, torch.zeros(3))
        return 1 / 0 if fails else torch.zeros(())

    site.in_forward(change)
    try:
        functional_call(site.module, {site.sibling_name(key): torch.ones(3)}, site.x)
    except ZeroDivisionError:
        pass
    except Exception:
        return  # it was refused

    assert vars(site.owner).get(key) is plain
