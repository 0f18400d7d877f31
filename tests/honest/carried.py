"""Right implementations that a fork does not carry, or that take their time: each is judged as right."""

import os
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import torch
from fcspec_reference import functional_call

_pool = ThreadPoolExecutor(1)
_pool.submit(int).result()
_imported_in = os.getpid()


def uses_a_pool_made_at_import(module, values, args=None, kwargs=None, *, tie_weights=True, strict=False):
    _pool.submit(int).result()
    return functional_call(module, values, args, kwargs, tie_weights=tie_weights, strict=strict)


def works_only_where_it_was_imported(module, values, args=None, kwargs=None, *, tie_weights=True, strict=False):
    if os.getpid() != _imported_in:
        raise RuntimeError("used in a forked process")
    return functional_call(module, values, args, kwargs, tie_weights=tie_weights, strict=strict)


def uses_two_threads(module, values, args=None, kwargs=None, *, tie_weights=True, strict=False):
    threads = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        torch.ones(1 << 16).add_(1)
    finally:
        torch.set_num_threads(threads)
    return functional_call(module, values, args, kwargs, tie_weights=tie_weights, strict=strict)


def is_slow_once(module, values, args=None, kwargs=None, *, tie_weights=True, strict=False):
    """As one that imports much in its first call; longer than what a sleeping call may take."""
    if "colorsys" not in sys.modules:
        deadline = time.process_time() + 3.0
        while time.process_time() < deadline:
            pass
        import colorsys  # noqa: F401
    return functional_call(module, values, args, kwargs, tie_weights=tie_weights, strict=strict)
