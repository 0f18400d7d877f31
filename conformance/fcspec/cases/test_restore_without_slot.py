"""restore: forward binds what is no tensor to a given name of no parameter or buffer."""

import pytest
from torch import nn

from fcspec.cases.support.other_names import every_value, key_of, plain_or_new, result_is_forwards_own
from fcspec.plugin import clause
from fcspec.specimens.base import with_site
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
