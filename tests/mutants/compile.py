"""Mutants of chapter compile."""

from mutants import mutant
from mutants._changes import After, Before, First, Replace, TopLevel

MUTANTS = [
    mutant(
        "what hands out the value for a regular name in a compiled call knows nothing else of a ParametrizationList",
        ("compile.regular-name",),
        TopLevel(
            """
            class _Hands:
                def __init__(self, value):
                    self.value = value

                def __call__(self):
                    return self.value
            """
        ),
        Before(
            "_Swap._other_slot",
            "if _is_computed_by_torch(module, key): ...",
            """
            if torch.compiler.is_compiling() and key in module._modules.get("parametrizations", ()):
                return self._slot(module._modules["parametrizations"], _MODULES, key, _Hands(value))
            """,
        ),
    ),
    mutant(
        "strict is not supported by compilers",
        ("compile.fullgraph",),
        Before("functional_call", "swap.check_strict()", "assert not torch.compiler.is_compiling()"),
    ),
    mutant(
        "a graph break in every call",
        (
            *("compile.fullgraph", "compile.tuple", "compile.tied", "compile.grad", "compile.inplace"),
            *("compile.restore", "compile.recompile", "compile.export"),
        ),
        First("_check_module", "torch._dynamo.graph_break()"),
    ),
    mutant(
        "of several dicts only the first counts when compiling",
        ("compile.tuple",),
        Replace(
            "_Swap.take",
            "dicts if isinstance(dicts, (tuple, list)) else (dicts,)",
            """
            (
                (dicts[:1] if torch.compiler.is_compiling() else dicts)
                if isinstance(dicts, (tuple, list))
                else (dicts,)
            )
            """,
        ),
    ),
    mutant(
        "ties are not looked for when compiling",
        ("compile.tied",),
        Replace("functional_call", "if tie_weights: ...", "if tie_weights and not torch.compiler.is_compiling(): ..."),
    ),
    mutant(
        "values are detached when compiling",
        ("compile.grad",),
        Before(
            "_Slot.__init__",
            "store = owner.stores[home]",
            "self.given = given.detach() if given is not None and torch.compiler.is_compiling() else given",
        ),
    ),
    mutant(
        "values are cloned when compiling",
        ("compile.inplace",),
        Before(
            "_Slot.__init__",
            "store = owner.stores[home]",
            "self.given = given.clone() if given is not None and torch.compiler.is_compiling() else given",
        ),
    ),
    mutant(
        "a global counter of calls",
        ("compile.recompile",),
        TopLevel("_calls = [0]"),
        First(
            "_check_module",
            """
            _calls[0] += 1
            assert _calls[0] < 1000000
            """,
        ),
    ),
    mutant(
        "export is refused",
        ("compile.export",),
        First("_check_module", "assert not torch.compiler.is_exporting()"),
    ),
    mutant(
        "values that stand for a node of a graph are refused",
        ("compile.make-fx",),
        First(
            "_check_module",
            """
            from torch.fx.experimental.proxy_tensor import get_proxy_mode

            assert torch.compiler.is_compiling() or get_proxy_mode() is None
            """,
        ),
    ),
    mutant(
        "fake tensors are refused",
        ("compile.fake",),
        Before(
            "_Swap.take",
            "if not isinstance(name, str): ...",
            """
            assert (
                type(value).__name__ != "FakeTensor"
                or torch._C._len_torch_dispatch_stack() > 1
                or torch.compiler.is_compiling()
            )
            """,
        ),
    ),
    mutant(
        "values without data are refused",
        ("compile.meta",),
        Before(
            "_Swap.take", "if not isinstance(name, str): ...", 'assert value is None or value.device.type != "meta"'
        ),
    ),
    mutant(
        "a compiled module is unwrapped, and its names with it",
        ("compile.optimized-module",),
        After("functional_call", "_check_module(module)", 'module = getattr(module, "_orig_mod", module)'),
    ),
    mutant(
        "in submodules that are met again nothing is put back when compiling",
        ("compile.restore",),
        After("_Swap.__init__", "self.is_in = False", "self.twice: set[int] = set()"),
        Before(
            "_Swap.walk",
            "if child is not None and id(child) not in found: ...",
            """
            if child is not None and id(child) in found:
                self.twice.add(id(child))
            """,
        ),
        Replace(
            "_Swap.put_back",
            "owner.put_back()",
            """
            if not torch.compiler.is_compiling() or id(owner.module) not in self.twice:
                owner.put_back()
            """,
        ),
    ),
]
