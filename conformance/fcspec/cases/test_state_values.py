"""state: no warning, of whatever kind own and given tensors are."""

import warnings

import torch

from fcspec.cases.support.looking import looking
from fcspec.cases.support.tensor_kinds import kinds_of_tensor
from fcspec.plugin import clause


@clause("state.warnings")
def test_no_warning_is_issued_whatever_kind_given_and_own_tensors_are_of(functional_call, names):
    for kind, make in kinds_of_tensor():
        own, value = make(), make()
        module, keys, _ = looking(names, own, torch.ones(3))
        with warnings.catch_warnings(record=True) as issued:
            warnings.simplefilter("always")
            for given, flags in (({keys[0]: value}, {}), ({keys[1]: value}, {"tie_weights": False})):
                functional_call(module, given, torch.ones(3), **flags)

        assert [f"{kind}: {one.message}" for one in issued] == []
