"""call: without values, own tensors of every kind of torch are left as they are."""

import torch

from fcspec.cases.support.looking import looking
from fcspec.cases.support.tensor_kinds import kinds_of_own_tensor
from fcspec.plugin import clause


@clause("call.no-values")
def test_without_values_own_tensors_of_any_kind_are_left(functional_call, names):
    for kind, make in kinds_of_own_tensor():
        own = make()
        module, _, seen = looking(names, own, torch.ones(3))
        functional_call(module, {}, torch.ones(3))

        assert seen.pop()[0] is own, kind
