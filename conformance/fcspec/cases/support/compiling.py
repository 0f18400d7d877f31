"""What cases that compile share."""

import torch

from fcspec.cases.support.release import RELEASE
from fcspec.plugin import unsupported


def require_compile():
    """End the case as unsupported where this torch can't compile a call; else drop what was compiled before."""
    if RELEASE < (2, 5):
        unsupported("torch.compile traces functional_call with fullgraph from torch 2.5 on")
    import torch._dynamo

    torch._dynamo.reset()


def keep_from_tokenizing(path):
    """Fill in, for a file that is no Python, what torch 2.5 reads of the file of each line it traces: names of functions."""
    try:
        from torch._dynamo import funcname_cache
    except ImportError:
        return  # a release that has no such cache
    funcname_cache.cache.setdefault(str(path), {})


def compiled(functional_call, module, backend="eager", **flags):
    """A compiled function of (values, *args), where values are a dict or a tuple of dicts."""

    def wrap(call):
        def run(values, *args):
            return call(module, values, args, **flags)

        return torch.compile(run, backend=backend, fullgraph=True)

    return functional_call.through(wrap)
