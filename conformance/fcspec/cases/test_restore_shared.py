"""restore, where two names lead to one slot: it comes back whichever of its names are given."""

import pytest
import torch
from torch import nn

from fcspec.plugin import clause
from fcspec.specimens.base import fresh_values, with_group
from fcspec.specimens.groups import ONE_STORE, SHARED, SHARED_BUFFERS
from fcspec.state.module_state import snapshot

GIVEN = {
    "first name": lambda group: {group.names[0]: group.value()},
    "second name": lambda group: {group.names[1]: group.value()},
    "both names": lambda group: dict.fromkeys(group.names, group.value()),
    "both names, backwards": lambda group: dict.fromkeys(reversed(group.names), group.value()),
}

given = pytest.mark.parametrize("given", GIVEN.values(), ids=GIVEN)
flags = pytest.mark.parametrize("flags", [{}, {"tie_weights": False}], ids=["tied", "untied"])


def _comes_back(functional_call, group, values, flags):
    before = snapshot(group.module)

    functional_call(group.module, dict(values), group.x, **flags)  # a dict of its own: dicts.unchanged

    assert snapshot(group.module).slots == before.slots
    with group.module.register_forward_hook(lambda *_: 1 / 0), pytest.raises(ZeroDivisionError):
        functional_call(group.module, values, group.x, **flags)

    assert snapshot(group.module).slots == before.slots


@clause("restore.shared-submodule")
@given
@flags
@with_group(SHARED)
def test_a_module_with_a_shared_submodule_comes_back(functional_call, group, given, flags):
    _comes_back(functional_call, group, given(group), flags)


@clause("restore.shared-submodule")
@with_group(SHARED)
def test_it_comes_back_when_parameters_are_given(functional_call, group):
    _comes_back(functional_call, group, {group.names[0]: nn.Parameter(group.value())}, {})


@clause("restore.shared-submodule")
def test_a_submodule_that_was_shared_after_a_call_comes_back(functional_call):
    """What call.module-as-it-is says of any module, for one of which torch puts back too little."""
    module, x = nn.Sequential(nn.Linear(3, 3), nn.Linear(3, 3)), torch.ones(3)
    functional_call(module, fresh_values(module), x)
    module[1] = module[0]
    before, value = snapshot(module), torch.ones(3)

    functional_call(module, {"0.bias": value, "1.bias": value}, x)

    assert snapshot(module).slots == before.slots


@clause("restore.shared-buffer-owner")
@given
@flags
@with_group(SHARED_BUFFERS)
def test_a_module_with_a_shared_owner_of_buffers_comes_back(functional_call, group, given, flags):
    group.module.eval()  # in train mode a BatchNorm changes the buffers that are not given
    _comes_back(functional_call, group, given(group), flags)


@clause("restore.shared-store")
@given
@flags
@with_group(ONE_STORE)
def test_two_modules_over_one_store_come_back(functional_call, group, given, flags):
    _comes_back(functional_call, group, given(group), flags)
