"""Odd names of slots, for what errors say of them."""

import torch

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


def odd_keys(names):
    """Keys of each kind of odd name, and a path: none, and one of such names."""
    for kind in ODD.values():
        keys = [kind.format(names.attribute()) for _ in range(4)]
        yield keys, ()
        yield keys, keys[2:]


def with_keys(names, keys, path=(), tied=False):
    """A module whose forward reads nothing, with a buffer for each key, at the end of a path."""
    root = owner = probe(names, lambda self, x: x)
    for part in path:
        owner.add_module(part, probe(names))
        owner = owner._modules[part]
    own = torch.zeros(3)
    for key in keys:
        owner.register_buffer(key, own if tied else torch.zeros(3))
    return root
