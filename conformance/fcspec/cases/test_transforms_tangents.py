"""transforms: values with tangents, as torch.autograd.forward_ad makes them."""

import torch
from torch.autograd import forward_ad

from fcspec.cases.support.refusal import refused
from fcspec.plugin import Needs, clause, needs
from fcspec.specimens.base import get, with_group
from fcspec.specimens.groups import SHARED, tied_in_one_module

pytestmark = needs(Needs.TRANSFORMS)


@clause("transforms.tangents")
@with_group(SHARED)
def test_different_tangents_for_one_slot_are_refused(functional_call, group):
    def values(*tangents):
        return [forward_ad.make_dual(group.value(), torch.full((3,), tangent)) for tangent in tangents]

    with forward_ad.dual_level():
        one = values(1.0)
        functional_call(group.module, dict.fromkeys(group.names, one[0]), group.x, tie_weights=True)

        with refused(group.module):
            given = dict(zip(group.names, values(1.0, 10.0), strict=True))
            functional_call(group.module, given, group.x, tie_weights=True)


@clause("transforms.tangents")
@with_group(SHARED)
def test_a_value_with_a_tangent_and_one_without_for_one_slot_are_refused(functional_call, group):
    with forward_ad.dual_level():
        dual = forward_ad.make_dual(group.value(), torch.ones(3))
        functional_call(group.module, dict.fromkeys(group.names, dual), group.x, tie_weights=True)

        with refused(group.module):
            given = dict(zip(group.names, (dual, group.value()), strict=True))
            functional_call(group.module, given, group.x, tie_weights=True)


@clause("transforms.tangents")
@with_group((tied_in_one_module, *SHARED))
def test_a_tangent_reaches_every_name_of_a_group(functional_call, group):
    def total(module):
        return sum(scale * get(module, name) for scale, name in enumerate(group.names, 2))

    group.in_forward(total)
    with forward_ad.dual_level():
        dual = forward_ad.make_dual(group.value(), torch.ones(3))
        result = functional_call(group.module, {group.names[0]: dual}, group.x, tie_weights=True)

        assert forward_ad.unpack_dual(result).tangent.tolist() == [5, 5, 5]
