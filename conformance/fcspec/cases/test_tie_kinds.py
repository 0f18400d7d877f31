"""tie: values of every kind of torch are in force for all names of a group."""

import torch

from fcspec.cases.support.comparing import identical
from fcspec.cases.support.looking import looking
from fcspec.cases.support.tensor_kinds import kinds_of_tensor
from fcspec.plugin import clause


@clause("tie.one-name")
def test_a_value_of_any_kind_is_in_force_for_every_tied_name(functional_call, names):
    for kind, make in kinds_of_tensor():
        own, value = make(), make()
        module, keys, seen = looking(names, own, own)
        functional_call(module, {keys[-1]: value}, torch.ones(3))

        assert identical(seen.pop(), [value, value]), kind
