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
    """Have torch 2.5 and later trace code of a file that is no Python: it looks there for the names of functions."""
    from torch._dynamo import funcname_cache

    funcname_cache.cache.setdefault(str(path), {})


def compiled(functional_call, module, backend="eager", **flags):
    """A compiled function of (values, *args), where values are a dict or a tuple of dicts."""

    def wrap(call):
        def run(values, *args):
            return call(module, values, args, **flags)

        return torch.compile(run, backend=backend, fullgraph=True)

    return functional_call.through(wrap)
