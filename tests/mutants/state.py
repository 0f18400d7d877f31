"""Mutants of chapter state."""

from mutants import Mutant

BODY = "        return module(*args, **(kwargs or {}))\n"
TRY = "    try:\n        swap.put_in()\n"
CHECKED = "    _check_module(module)\n"


def _first(*lines):
    """Runs before everything else; not in a graph that is compiled, which would break at it."""
    start = "    if not torch.compiler.is_compiling():\n"
    return (CHECKED, CHECKED + start + "".join(f"        {line}\n" for line in lines))


def _raising(*lines):
    """Runs where the call has raised."""
    return (
        BODY,
        f"{BODY}    except BaseException:\n" + "".join(f"        {line}\n" for line in lines) + "        raise\n",
    )


MUTANTS = [
    Mutant(
        "torch's generator is seeded",
        ("state.rng",),
        (_first("torch.default_generator.manual_seed(0)"),),
    ),
    Mutant(
        "Python's generator is seeded",
        ("state.rng",),
        (_first("import random", "random.seed(0)"),),
    ),
    Mutant(
        "NumPy's generator is drawn from when forward raises",
        ("state.rng",),
        (_raising("import numpy.random", "numpy.random.rand()"),),
    ),
    Mutant(
        "the default dtype becomes that of the values",
        ("state.defaults",),
        (
            (
                TRY,
                "    for _, _, value in swap.names.values():\n"
                "        if value is not None and value.dtype in (torch.float32, torch.float64):\n"
                f"            torch.set_default_dtype(value.dtype)\n{TRY}",
            ),
        ),
    ),
    Mutant(
        "the number of threads stays reduced when forward raises",
        ("state.defaults",),
        (_raising("torch.set_num_threads(1)"),),
    ),
    Mutant(
        "anomaly detection stays on when forward raises",
        ("state.modes",),
        (_raising("torch.autograd.set_detect_anomaly(True)"),),
    ),
    Mutant(
        "a function mode is left active when the call is refused",
        ("state.modes",),
        (
            (
                '            raise RuntimeError("\\n\\t".join(["Error(s) under strict=True:", *lines]))\n',
                "            torch.overrides.BaseTorchFunctionMode().__enter__()\n"
                '            raise RuntimeError("\\n\\t".join(["Error(s) under strict=True:", *lines]))\n',
            ),
        ),
    ),
    Mutant(
        "nn.Module remembers the last module called",
        ("state.torch",),
        (_first("nn.Module._last_called = type(module)  # type: ignore[attr-defined]"),),
    ),
    Mutant(
        "Module.named_parameters stays patched when forward raises",
        ("state.torch",),
        (
            _raising(
                "original = nn.Module.named_parameters",
                "nn.Module.named_parameters = lambda *args, **kwargs: original(*args, **kwargs)  # type: ignore",
            ),
        ),
    ),
    Mutant(
        "a warning says that values for tied names are given more than once",
        ("state.warnings",),
        (
            (
                "            if not _equal(first, value):\n",
                "            again = first is value and list(self.registered).count(slot.key) == 1 < len(self.names)\n"
                "            if again and not torch.compiler.is_compiling():\n"
                "                import warnings\n\n"
                "                warnings.warn('one tensor is given for several tied names', stacklevel=4)\n"
                "            if not _equal(first, value):\n",
            ),
        ),
    ),
    Mutant(
        "a warning says that nothing is given",
        ("state.warnings",),
        (
            (
                TRY,
                "    if not swap.names:\n"
                "        import warnings\n\n"
                f"        warnings.warn('functional_call got no values', stacklevel=2)\n{TRY}",
            ),
        ),
    ),
    Mutant(
        "the names that are put in are printed when forward raises",
        ("state.silent",),
        (_raising("print('forward raised with', *swap.names)"),),
    ),
    Mutant(
        "an exception is reported on stderr, too",
        ("state.silent",),
        (_raising("import traceback", "traceback.print_exc()"),),
    ),
    Mutant(
        "a signal handler is installed to restore the module, and stays",
        ("state.processes",),
        (_first("import signal", "signal.signal(signal.SIGUSR2, lambda *_: None)"),),
    ),
    Mutant(
        "a thread that watches the call lives on when forward raises",
        ("state.processes",),
        (
            _raising(
                "import threading", "import time", "threading.Thread(target=time.sleep, args=(5,), daemon=True).start()"
            ),
        ),
    ),
]
