"""strict: what errors name stands in them in full, whatever characters it has, and however long it is."""

import torch

from fcspec.cases.support.odd_keys import odd_keys, with_keys
from fcspec.cases.support.refusal import refused, unnamed
from fcspec.plugin import clause


@clause("strict.says-which")
def test_the_error_of_strict_has_odd_names_in_full(functional_call, names):
    for keys, path in odd_keys(names):
        module = with_keys(names, keys[:1], path)
        given, new = (".".join((*path, key)) for key in keys[:2])
        functional_call(module, {given: torch.ones(3)}, torch.ones(3), strict=True)

        with refused(module) as error:
            functional_call(module, {new: torch.ones(3)}, torch.ones(3), strict=True)

        assert not (left_out := unnamed([given, new], error)), left_out
