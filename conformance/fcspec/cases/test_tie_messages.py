"""tie: what errors name stands in them in full, whatever characters it has, and however long it is."""

import torch

from fcspec.cases.support.odd_keys import odd_keys, with_keys
from fcspec.cases.support.refusal import refused, unnamed
from fcspec.plugin import clause


@clause("tie.conflict-says-which")
def test_the_error_about_different_values_has_odd_names_in_full(functional_call, names):
    for keys, path in odd_keys(names):
        module = with_keys(names, keys[:2], path, tied=True)
        both = [".".join((*path, key)) for key in keys[:2]]
        functional_call(module, dict.fromkeys(both, torch.ones(3)), torch.ones(3))

        with refused(module) as error:
            functional_call(module, dict(zip(both, (torch.ones(3), torch.zeros(3)), strict=True)), torch.ones(3))

        assert not (left_out := unnamed(both, error)), left_out
