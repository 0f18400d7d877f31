"""What cases that compile share."""

import torch
from torch import nn

from fcspec.cases.support.release import RELEASE
from fcspec.plugin import unsupported


def require_compile():
    """End the case as unsupported where this torch can't compile a call; else drop what was compiled before."""
    if RELEASE < (2, 5):
        unsupported("torch.compile traces functional_call with fullgraph from torch 2.5 on")
    import torch._dynamo

    torch._dynamo.reset()


class _Deleting(nn.Module):
    """Deletes its parameter, and puts it back."""

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(1))

    def forward(self, x):
        weight = self.weight
        del self.weight
        self._parameters["weight"] = weight
        return x + weight


def require_deleting():
    """End the case as unsupported where a trace of this torch has no deleting (2.8), or loses what is put back (2.12)."""
    from torch._dynamo.exc import Unsupported

    module = _Deleting()
    try:
        torch.compile(module, backend="eager", fullgraph=True)(torch.ones(1))
    except Unsupported:
        unsupported("torch can't trace a forward that deletes a parameter")
    if "weight" not in module._parameters:
        unsupported("a trace of torch loses a parameter that is deleted and put back")


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
