"""Right results, and a change in each call that can be put back."""

import sys

import torch
from fcspec_reference import functional_call


def puts_a_folder_first(module, values, args=None, kwargs=None, *, tie_weights=True, strict=False):
    sys.path.insert(0, "nowhere")
    return functional_call(module, values, args, kwargs, tie_weights=tie_weights, strict=strict)


def changes_the_default_dtype(module, values, args=None, kwargs=None, *, tie_weights=True, strict=False):
    result = functional_call(module, values, args, kwargs, tie_weights=tie_weights, strict=strict)
    torch.set_default_dtype(torch.float64)
    return result
