"""Mutants of the chapter state that were whole implementations, written for laws of version 1.1."""

from mutants import mutant
from mutants._changes import After, Before, First, TopLevel

MUTANTS = [
    mutant(
        "a warning is issued for every regular name",
        ("state.warnings",),
        TopLevel("import warnings"),
        Before(
            "_Swap._other_slot",
            "owner = self._owner(getattr(module._modules['parametrizations'], key))",
            "warnings.warn(f'{name} disables its parametrization', stacklevel=3)",
        ),
    ),
    mutant(
        "a line is printed where different tensors for tied names are equal",
        ("state.silent",),
        Before(
            "_Swap.tie",
            "if not _equal(first, value): ...",
            """
            if first is not value and _equal(first, value):
                print("equal tensors for tied names")
            """,
        ),
    ),
    mutant(
        "the garbage collector is off after the call",
        ("state.interpreter",),
        TopLevel("import gc"),
        After("functional_call", "swap.put_back()", "gc.disable()"),
    ),
    mutant(
        "the garbage collector is off during the call, and on after it",
        ("state.interpreter",),
        TopLevel("import gc"),
        First("functional_call", "gc.disable()"),
        After("functional_call", "swap.put_back()", "gc.enable()"),
    ),
    mutant(
        "a filter of warnings is left behind",
        ("state.interpreter",),
        TopLevel("import warnings"),
        First("functional_call", 'warnings.filterwarnings("ignore", message="lazy modules")'),
    ),
    mutant(
        "the recursion limit is raised",
        ("state.interpreter",),
        TopLevel("import sys"),
        First("functional_call", "sys.setrecursionlimit(max(sys.getrecursionlimit(), 5000))"),
    ),
    mutant(
        "the level of a logger is set",
        ("state.interpreter",),
        TopLevel("import logging"),
        First("functional_call", 'logging.getLogger("torch").setLevel(logging.ERROR)'),
    ),
    mutant(
        "the locale is set",
        ("state.interpreter",),
        TopLevel("import locale"),
        First("functional_call", 'locale.setlocale(locale.LC_NUMERIC, "C.UTF-8")'),
    ),
    mutant(
        "an environment variable is set",
        ("state.interpreter",),
        TopLevel("import os"),
        First("functional_call", 'os.environ["PYTORCH_JIT"] = "1"'),
    ),
    mutant(
        "a hook of the interpreter is left",
        ("state.interpreter",),
        TopLevel("""
            import sys


            def _hook(*args: Any) -> None:
                return None
            """),
        First("functional_call", "sys.unraisablehook = _hook"),
    ),
    mutant(
        "each call adds to a list",
        ("state.growth",),
        TopLevel("_CALLS: list[Any] = []"),
        First("functional_call", "_CALLS.append([len(_CALLS)])"),
    ),
]
