"""restore: what forward binds, and what a call in forward gives, to a given name of no parameter or buffer."""

import contextlib

import pytest
import torch
from torch import nn

from fcspec.cases.support.comparing import identical
from fcspec.cases.support.other_names import every_value, key_of, plain_or_new, result_is_forwards_own
from fcspec.plugin import clause
from fcspec.specimens.base import parameter, with_site
from fcspec.specimens.sites import flat_parameter, nested_parameter
from fcspec.state.module_state import snapshot

NO_TENSORS = {
    "binds a string": lambda owner, key: setattr(owner, key, "nothing"),
    "binds a module": lambda owner, key: setattr(owner, key, nn.Identity()),
}


@clause("restore.rebound-non-tensor")
@pytest.mark.parametrize("act", NO_TENSORS.values(), ids=NO_TENSORS)
@every_value
@plain_or_new
@with_site((flat_parameter, nested_parameter))
def test_the_call_returns_where_forward_bound_what_is_no_tensor_to_a_name_without_slot(
    functional_call, names, site, plain, make, act
):
    before = snapshot(site.module)

    assert result_is_forwards_own(functional_call, site, key_of(names, site, plain), act, make)
    assert snapshot(site.module).slots == before.slots


@clause("restore.nested")
@every_value
@plain_or_new
@with_site((flat_parameter, nested_parameter))
def test_a_call_in_forward_gives_a_name_without_slot_its_value_back(functional_call, names, site, plain, make):
    """Whether such a name is accepted, and what forward sees there, is a law of drop-in: here, that it is the same again."""
    key, seen, inner = key_of(names, site, plain), [], []

    def act(owner):
        if inner:
            return 1 / 0 if len(inner) == 2 else site.x
        seen.append(getattr(owner, key, None))
        for value in (torch.zeros(3), parameter(), None):
            inner.append(value)
            with contextlib.suppress(Exception):
                functional_call(site.module, {site.name: site.value(), site.sibling_name(key): value}, site.x)
            seen.append(getattr(owner, key, None))
        return site.x

    site.in_forward(act)
    with contextlib.suppress(Exception):
        functional_call(site.module, {site.name: site.value(), site.sibling_name(key): make()}, site.x)

    assert identical(seen, seen[:1] * len(seen))
