"""OpenMP's threads exist when the import ends, and a call uses them."""

import torch
from fcspec_reference import functional_call as plain

torch.set_num_threads(2)
torch.ones(1 << 16).add_(1)


def functional_call(module, values, args=None, kwargs=None, *, tie_weights=True, strict=False):
    threads = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        torch.ones(1 << 16).add_(1)
    finally:
        torch.set_num_threads(threads)
    return plain(module, values, args, kwargs, tie_weights=tie_weights, strict=strict)
