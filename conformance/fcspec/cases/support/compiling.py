"""What every case that compiles starts with."""

from fcspec.cases.support.release import RELEASE
from fcspec.plugin import unsupported


def require_compile():
    """End the case as unsupported where this torch can't compile a call; else drop what was compiled before."""
    if RELEASE < (2, 5):
        unsupported("torch.compile traces functional_call with fullgraph from torch 2.5 on")
    import torch._dynamo

    torch._dynamo.reset()
