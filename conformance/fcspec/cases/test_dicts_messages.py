"""What errors name stands in them in full, whatever characters it has, and however long it is."""

import itertools

import torch
from torch import nn

from fcspec.cases.support.refusal import refused, unnamed
from fcspec.plugin import clause
from fcspec.specimens.base import probe

ODD = {
    "long": "layer_of_the_encoder_with_a_name_that_goes_on_for_a_while_" * 2 + "{}",
    "braces": "{{0}}_{{}}_{{name!r}}_{}",
    "percent": "100%s_%(name)s_%_{}",
    "not ASCII": "größe_{}_è",
    "Chinese": "权重_{}",
    "spaces": "a name {} with spaces",
    "signs": "$<{}>-[0]:/#;&|~^*+=?!@(),",
    "number": "{}7",
}


def _odd(names):
    """Keys of each kind of odd name, and a path: none, and one of such names."""
    for kind in ODD.values():
        keys = [kind.format(names.attribute()) for _ in range(4)]
        yield keys, ()
        yield keys, keys[2:]


def _module(names, keys, path=(), tied=False):
    """A module whose forward reads nothing, with a buffer for each key, at the end of a path."""
    root = owner = probe(names, lambda self, x: x)
    for part in path:
        owner.add_module(part, probe(names))
        owner = owner._modules[part]
    own = torch.zeros(3)
    for key in keys:
        owner.register_buffer(key, own if tied else torch.zeros(3))
    return root


@clause("tie.conflict-says-which")
def test_the_error_about_different_values_has_odd_names_in_full(functional_call, names):
    for keys, path in _odd(names):
        module = _module(names, keys[:2], path, tied=True)
        both = [".".join((*path, key)) for key in keys[:2]]
        functional_call(module, dict.fromkeys(both, torch.ones(3)), torch.ones(3))

        with refused(module) as error:
            functional_call(module, dict(zip(both, (torch.ones(3), torch.zeros(3)), strict=True)), torch.ones(3))

        assert not (left_out := unnamed(both, error)), left_out


@clause("dicts.distinct-says-which")
def test_the_error_about_a_name_in_two_dicts_has_an_odd_name_in_full(functional_call, names):
    for keys, path in _odd(names):
        module, name = _module(names, keys[:1], path), ".".join((*path, keys[0]))
        functional_call(module, ({name: torch.ones(3)}, {}), torch.ones(3))

        with refused(module) as error:
            functional_call(module, ({name: torch.ones(3)}, {name: torch.ones(3)}), torch.ones(3))

        assert not (left_out := unnamed([name], error)), left_out


@clause("strict.says-which")
def test_the_error_of_strict_has_odd_names_in_full(functional_call, names):
    for keys, path in _odd(names):
        module = _module(names, keys[:1], path)
        given, new = (".".join((*path, key)) for key in keys[:2])
        functional_call(module, {given: torch.ones(3)}, torch.ones(3), strict=True)

        with refused(module) as error:
            functional_call(module, {new: torch.ones(3)}, torch.ones(3), strict=True)

        assert not (left_out := unnamed([given, new], error)), left_out


@clause("dicts.bad-name")
def test_the_error_about_a_name_without_owner_has_an_odd_part_in_full(functional_call, names):
    for (keys, path), flags in itertools.product(_odd(names), ({}, {"tie_weights": False})):
        module, name = _module(names, keys[:1], path), ".".join((*path, keys[0]))
        functional_call(module, {name: torch.ones(3)}, torch.ones(3), **flags)

        with refused(module) as error:
            wrong = ".".join((*path, keys[1], keys[0]))
            functional_call(module, {wrong: torch.ones(3)}, torch.ones(3), **flags)

        assert not (left_out := unnamed([keys[1]], error)), left_out


@clause("dicts.bad-value")
def test_the_error_about_a_value_has_an_odd_name_in_full(functional_call, names):
    for keys, path in _odd(names):
        module, name = _module(names, keys[:1], path), ".".join((*path, keys[0]))
        functional_call(module, {name: nn.Parameter(torch.ones(3))}, torch.ones(3))

        with refused(module) as error:
            functional_call(module, {name: 3.0}, torch.ones(3))

        assert not (left_out := unnamed([name], error)), left_out
