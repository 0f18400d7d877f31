"""call: what forward does to a given name of no parameter or buffer, its result comes back, and no error of the call's own."""

import contextlib

import pytest
import torch
from torch import nn

from fcspec.plugin import clause
from fcspec.specimens.base import with_site
from fcspec.specimens.sites import flat_parameter, nested_parameter
from fcspec.state.module_state import snapshot


def _move(owner, key):
    delattr(owner, key)
    owner.register_buffer(key, torch.zeros(3))


ACTS = {
    "deletes": delattr,
    "binds a tensor": lambda owner, key: setattr(owner, key, torch.zeros(3)),
    "binds None": lambda owner, key: setattr(owner, key, None),
    "moves it": _move,
}

NO_TENSORS = {
    "binds a string": lambda owner, key: setattr(owner, key, "nothing"),
    "binds a module": lambda owner, key: setattr(owner, key, nn.Identity()),
}

VALUES = {"tensor": lambda: torch.ones(3), "parameter": lambda: nn.Parameter(torch.ones(3))}


def _is_accepted(functional_call, *args):
    try:
        functional_call(*args)
    except Exception:
        return False
    return True


def _result_is_forwards_own(functional_call, site, key, act, make):
    """Also true where the name is refused whatever forward does."""
    name, result = site.sibling_name(key), object()

    def change(owner):
        with contextlib.suppress(AttributeError, KeyError, TypeError):  # what nn.Module refuses is forward's own affair
            act(owner, key)
        return result

    if not _is_accepted(functional_call, site.module, {name: make()}, site.x):
        return True
    site.in_forward(change)
    return functional_call(site.module, {site.name: site.value(), name: make()}, site.x) is result


every_value = pytest.mark.parametrize("make", VALUES.values(), ids=VALUES)
plain_or_new = pytest.mark.parametrize("plain", [True, False], ids=["a plain tensor", "a new name"])


@clause("call.result")
@pytest.mark.parametrize("act", ACTS.values(), ids=ACTS)
@every_value
@plain_or_new
@with_site((flat_parameter, nested_parameter))
def test_the_result_comes_back_whatever_forward_did_to_a_name_without_slot(
    functional_call, names, site, plain, make, act
):
    assert _result_is_forwards_own(functional_call, site, _key(names, site, plain), act, make)


@clause("restore.rebound-non-tensor")
@pytest.mark.parametrize("act", NO_TENSORS.values(), ids=NO_TENSORS)
@every_value
@plain_or_new
@with_site((flat_parameter, nested_parameter))
def test_the_call_returns_where_forward_bound_what_is_no_tensor_to_a_name_without_slot(
    functional_call, names, site, plain, make, act
):
    before = snapshot(site.module)

    assert _result_is_forwards_own(functional_call, site, _key(names, site, plain), act, make)
    assert snapshot(site.module).slots == before.slots


def _key(names, site, plain):
    key = names.attribute()
    if plain:
        setattr(site.owner, key, torch.zeros(3))
    return key
