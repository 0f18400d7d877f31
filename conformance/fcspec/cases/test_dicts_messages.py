"""What errors name stands in them in full, whatever characters it has, and however long it is."""

import itertools

import torch
from torch import nn

from fcspec.cases.support.odd_keys import odd_keys, with_keys
from fcspec.cases.support.refusal import refused, unnamed
from fcspec.plugin import clause


@clause("dicts.distinct-says-which")
def test_the_error_about_a_name_in_two_dicts_has_an_odd_name_in_full(functional_call, names):
    for keys, path in odd_keys(names):
        module, name = with_keys(names, keys[:1], path), ".".join((*path, keys[0]))
        functional_call(module, ({name: torch.ones(3)}, {}), torch.ones(3))

        with refused(module) as error:
            functional_call(module, ({name: torch.ones(3)}, {name: torch.ones(3)}), torch.ones(3))

        assert not (left_out := unnamed([name], error)), left_out


@clause("dicts.bad-name")
def test_the_error_about_a_name_without_owner_has_an_odd_part_in_full(functional_call, names):
    for (keys, path), flags in itertools.product(odd_keys(names), ({}, {"tie_weights": False})):
        module, name = with_keys(names, keys[:1], path), ".".join((*path, keys[0]))
        functional_call(module, {name: torch.ones(3)}, torch.ones(3), **flags)

        with refused(module) as error:
            wrong = ".".join((*path, keys[1], keys[0]))
            functional_call(module, {wrong: torch.ones(3)}, torch.ones(3), **flags)

        assert not (left_out := unnamed([keys[1]], error)), left_out


@clause("dicts.bad-value")
def test_the_error_about_a_value_has_an_odd_name_in_full(functional_call, names):
    for keys, path in odd_keys(names):
        module, name = with_keys(names, keys[:1], path), ".".join((*path, keys[0]))
        functional_call(module, {name: nn.Parameter(torch.ones(3))}, torch.ones(3))

        with refused(module) as error:
            functional_call(module, {name: 3.0}, torch.ones(3))

        assert not (left_out := unnamed([name], error)), left_out
