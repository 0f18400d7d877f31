"""Lines at module level, each of which is put before the reference to make a target.

Attributes:
    OF_TORCH: lines that need torch only, by what they show.
    PUT_BACK: of those, the ones that change what is put back, with the word by which a note names it.
    PACKAGES: lines that need a package, by its name.
    IN_A_CALL: statements that run inside each call.
"""

OF_TORCH = {
    "dynamo": "import torch._dynamo",
    "inductor": "import torch._inductor",
    "aot_autograd": "import torch._functorch.aot_autograd",
    "compiler.disable": "@torch.compiler.disable\ndef helper(x): return x",
    "compile": "torch.compile(torch.nn.Linear(2, 2))",
    "compiled call": "torch.compile(torch.nn.Linear(2, 2), backend='aot_eager')(torch.ones(1, 2))",
    "vmap": "torch.func.vmap(torch.sin)(torch.ones(2))",
    "grad": "torch.func.grad(lambda x: x.sum())(torch.ones(2))",
    "step": (
        "layer = torch.nn.Linear(2, 2)\noptimizer = torch.optim.SGD(layer.parameters(), 0.1)\n"
        "layer(torch.ones(1, 2)).sum().backward()\noptimizer.step()"
    ),
    "checkpoint": (
        "import torch.utils.checkpoint\n"
        "torch.utils.checkpoint.checkpoint(torch.sin, torch.ones(2, requires_grad=True), use_reentrant=False)"
    ),
    "distributed": "import torch.distributed",
    "export": "import torch.export, torch.fx, torch.onnx",
    "seed": "import random\ntorch.manual_seed(0)\nrandom.seed(0)",
    "warning filter": "import warnings\nwarnings.simplefilter('ignore')",
    "warnings as errors": "import warnings\nwarnings.simplefilter('error')",
    "logging": "import logging\nlogging.basicConfig(level=logging.DEBUG)",
    "stdout": (
        "import sys\nclass Stream:\n    def __init__(self, stream): self.stream = stream\n"
        "    def __getattr__(self, name): return getattr(self.stream, name)\nsys.stdout = Stream(sys.stdout)"
    ),
    "no stdout": "import sys\nsys.stdout = None",
    "sys.path": "import os, sys\nsys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))",
    "exit function": "import atexit\natexit.register(print)",
    "environment": "import os\nos.environ['OMP_NUM_THREADS'] = '1'",
    "recursion limit": "import sys\nsys.setrecursionlimit(5000)",
    "collector": "import gc\ngc.disable()",
    "interop threads": "torch.set_num_interop_threads(2)",
    "SIGINT": "import signal\nsignal.signal(signal.SIGINT, signal.SIG_IGN)",
    "folder": "import os\nos.chdir('/')",
}

PUT_BACK = {
    "default dtype": "torch.set_default_dtype(torch.float64)",
    "default device": "torch.set_default_device('cpu')",
    "default threads": "torch.set_num_threads(3)",
    "default print options": "torch.set_printoptions(precision=8)",
    "default float32 matmul precision": "torch.set_float32_matmul_precision('high')",
    "default cudnn": "torch.backends.cudnn.benchmark = True",
    "default deterministic algorithms": "torch.use_deterministic_algorithms(True)",
    "mode of anomaly": "torch.autograd.set_detect_anomaly(True)",
    "mode of grad": "torch.set_grad_enabled(False)",
    "handler of SIGCHLD": "import signal\nsignal.signal(signal.SIGCHLD, signal.SIG_IGN)",
}

PACKAGES = {
    "numpy": "import numpy",
    "scipy": "import scipy.optimize",
    "pandas": "import pandas",
    "sympy": "import sympy",
    "tensordict": "import tensordict",
    "accelerate": "import accelerate",
    "transformers": "from transformers import PreTrainedModel",
    "peft": "import peft",
    "lightning": "import lightning",
    "torchmetrics": "import torchmetrics",
    "torch_geometric": "import torch_geometric",
    "matplotlib": "import matplotlib.pyplot",
    "jax": "import jax",
    "numba": "import numba",
    "gpytorch": "import gpytorch",
    "higher": "import higher",
    "torchopt": "import torchopt",
    "pyro": "import pyro",
}

IN_A_CALL = {
    "dynamo": "import torch._dynamo",
    "dynamo in the third": "calls.append(1)\nif len(calls) == 3:\n    import torch._dynamo",
    "vmap": "torch.func.vmap(torch.sin)(torch.ones(2))",
}


def target(line: str, in_a_call: str = "pass") -> str:
    """Source of the reference behind this line, with this statement in each call."""
    body = "\n".join(f"    {one}" for one in in_a_call.splitlines())
    return (
        "import torch\nfrom fcspec_reference import functional_call as plain\n"
        f"{line}\ncalls = []\n\n\n"
        "def functional_call(module, values, args=None, kwargs=None, *, tie_weights=True, strict=False):\n"
        f"{body}\n"
        "    return plain(module, values, args, kwargs, tie_weights=tie_weights, strict=strict)\n"
    )
