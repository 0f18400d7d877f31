"""The reference behind a door that also takes iterables of pairs, and iterables of dicts and of such iterables."""

from collections.abc import Iterable, Mapping

import fcspec_reference
import torch


def functional_call(module, parameter_and_buffer_dicts, args=None, kwargs=None, *, tie_weights=True, strict=False):
    values = parameter_and_buffer_dicts
    if not isinstance(values, Mapping):
        listed = listed_in(values)
        values = dict_of(listed) if are_pairs(listed) else tuple(map(as_dict, listed))
    return fcspec_reference.functional_call(module, values, args, kwargs, tie_weights=tie_weights, strict=strict)


def as_dict(values):
    return values if isinstance(values, Mapping) else dict_of(listed_in(values))


def listed_in(values):
    if not isinstance(values, Iterable) or isinstance(values, (str, bytes, torch.Tensor)):
        raise ValueError(f"expected a dict, or pairs of a name and a tensor, got {type(values).__name__}")
    return list(values)


def are_pairs(listed):
    return bool(listed) and all(isinstance(one, tuple) and len(one) == 2 and isinstance(one[0], str) for one in listed)


def dict_of(listed):
    if listed and not are_pairs(listed):
        raise ValueError("expected a dict, or pairs of a name and a tensor")
    values = dict(listed)
    if len(values) < len(listed):
        raise ValueError("a name appeared in multiple dictionaries, or twice among pairs")
    return values
