"""strict: a name too many is an error whatever its value is."""

import itertools

import torch
from torch import nn

from fcspec.cases.support.names_of_kinds import named_kinds
from fcspec.cases.support.refusal import refused
from fcspec.plugin import clause

FLAGS: tuple[dict[str, bool], ...] = ({"strict": True}, {"strict": True, "tie_weights": False})


@clause("strict.unexpected")
def test_a_name_of_no_slot_is_unexpected_whatever_its_value_is(functional_call, names):
    named = named_kinds(names)
    wrong = named.names["new name"], named.names["plain attribute"], f"{names.attribute()}.{names.attribute()}"
    functional_call(named.module, named.values, torch.ones(3), strict=True)

    values = torch.ones(3), None, nn.Parameter(torch.ones(3)), torch.ones(0), torch.tensor(0), torch.ones(3).to("meta")
    for name, flags, value in itertools.product(wrong, FLAGS, values):
        with refused(named.module):
            functional_call(named.module, {**named.values, name: value}, torch.ones(3), **flags)
