"""call: what forward does to a given name of no parameter or buffer, its result comes back."""

import pytest
import torch

from fcspec.cases.support.other_names import every_value, key_of, plain_or_new, result_is_forwards_own
from fcspec.plugin import clause
from fcspec.specimens.base import with_site
from fcspec.specimens.sites import flat_parameter, nested_parameter


def _move(owner, key):
    delattr(owner, key)
    owner.register_buffer(key, torch.zeros(3))


ACTS = {
    "deletes": delattr,
    "binds a tensor": lambda owner, key: setattr(owner, key, torch.zeros(3)),
    "binds None": lambda owner, key: setattr(owner, key, None),
    "moves it": _move,
}


@clause("call.result")
@pytest.mark.parametrize("act", ACTS.values(), ids=ACTS)
@every_value
@plain_or_new
@with_site((flat_parameter, nested_parameter))
def test_the_result_comes_back_whatever_forward_did_to_a_name_without_slot(
    functional_call, names, site, plain, make, act
):
    assert result_is_forwards_own(functional_call, site, key_of(names, site, plain), act, make)
