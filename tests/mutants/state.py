"""Mutants of chapter state."""

from mutants import mutant
from mutants._changes import After, Before, Change
from mutants._common import TRY, when_raised


def _first(*lines: str) -> Change:
    """Runs before everything else; not in a graph that is compiled, which would break at it."""
    code = "".join(f"\n    {line}" for line in lines)
    return After("functional_call", "_check_module(module)", f"if not torch.compiler.is_compiling():{code}")


def _raising(*lines: str) -> Change:
    """Runs where the call has raised."""
    return when_raised("\n".join(lines))


MUTANTS = [
    mutant(
        "torch's generator is seeded",
        ("state.rng",),
        _first("torch.default_generator.manual_seed(0)"),
    ),
    mutant(
        "Python's generator is seeded",
        ("state.rng",),
        _first("import random", "random.seed(0)"),
    ),
    mutant(
        "NumPy's generator is drawn from when forward raises",
        ("state.rng",),
        _raising("import numpy.random", "numpy.random.rand()"),
    ),
    mutant(
        "the default dtype becomes that of the values",
        ("state.defaults",),
        Before(
            "functional_call",
            TRY,
            """
            for _, _, value in swap.names.values():
                if value is not None and value.dtype in (torch.float32, torch.float64):
                    torch.set_default_dtype(value.dtype)
            """,
        ),
    ),
    mutant(
        "the number of threads stays reduced when forward raises",
        ("state.defaults",),
        _raising("torch.set_num_threads(1)"),
    ),
    mutant(
        "anomaly detection stays on when forward raises",
        ("state.modes",),
        _raising("torch.autograd.set_detect_anomaly(True)"),
    ),
    mutant(
        "a function mode is left active when the call is refused",
        ("state.modes",),
        Before("_Swap.check_strict", "raise RuntimeError(...)", "torch.overrides.BaseTorchFunctionMode().__enter__()"),
    ),
    mutant(
        "nn.Module remembers the last module called",
        ("state.torch",),
        _first("nn.Module._last_called = type(module)  # type: ignore[attr-defined]"),
    ),
    mutant(
        "Module.named_parameters stays patched when forward raises",
        ("state.torch",),
        _raising(
            "original = nn.Module.named_parameters",
            "nn.Module.named_parameters = lambda *args, **kwargs: original(*args, **kwargs)  # type: ignore",
        ),
    ),
    mutant(
        "a warning says that values for tied names are given more than once",
        ("state.warnings",),
        After(
            "_Swap.tie",
            "first = values.setdefault(slot.group, value)",
            """
            again = first is value and list(self.registered).count(slot.key) == 1 < len(self.names)
            if again and not torch.compiler.is_compiling():
                import warnings

                warnings.warn("one tensor is given for several tied names", stacklevel=4)
            """,
        ),
    ),
    mutant(
        "a warning says that nothing is given",
        ("state.warnings",),
        Before(
            "functional_call",
            TRY,
            """
            if not swap.names:
                import warnings

                warnings.warn("functional_call got no values", stacklevel=2)
            """,
        ),
    ),
    mutant(
        "the names that are put in are printed when forward raises",
        ("state.silent",),
        _raising("print('forward raised with', *swap.names)"),
    ),
    mutant(
        "an exception is reported on stderr, too",
        ("state.silent",),
        _raising("import traceback", "traceback.print_exc()"),
    ),
    mutant(
        "a signal handler is installed to restore the module, and stays",
        ("state.processes",),
        _first("import signal", "signal.signal(signal.SIGUSR2, lambda *_: None)"),
    ),
    mutant(
        "a thread that watches the call lives on when forward raises",
        ("state.processes",),
        _raising(
            "import threading", "import time", "threading.Thread(target=time.sleep, args=(5,), daemon=True).start()"
        ),
    ),
]
