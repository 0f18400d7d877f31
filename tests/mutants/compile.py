"""Mutants of chapter compile."""

from mutants import Mutant

_COMPILING = "torch.compiler.is_compiling()"
_STRICT = "    if strict:\n        swap.check_strict()\n"
_TIE = "    if tie_weights:\n        swap.tie()\n"
_TAKE = "            for name, value in one.items():\n"
_GIVEN = "        self.home, self.key, self.given = home, key, given\n"
_CHECK = "    # call.not-a-module, drop-in.jit, drop-in.data-parallel\n"

MUTANTS = [
    Mutant(
        "strict is not supported by compilers",
        ("compile.fullgraph",),
        ((_STRICT, f"    if strict:\n        assert not {_COMPILING}\n        swap.check_strict()\n"),),
    ),
    Mutant(
        "a graph break in every call",
        (
            *("compile.fullgraph", "compile.tuple", "compile.tied", "compile.grad", "compile.inplace"),
            *("compile.restore", "compile.recompile", "compile.export"),
        ),
        ((_CHECK, f"{_CHECK}    torch._dynamo.graph_break()\n"),),
    ),
    Mutant(
        "of several dicts only the first counts when compiling",
        ("compile.tuple",),
        (
            (
                "for one in dicts if isinstance(dicts, (tuple, list)) else (dicts,):",
                "for one in (dicts[:1] if torch.compiler.is_compiling() else dicts)"
                " if isinstance(dicts, (tuple, list)) else (dicts,):",
            ),
        ),
    ),
    Mutant(
        "ties are not looked for when compiling",
        ("compile.tied",),
        ((_TIE, f"    if tie_weights and not {_COMPILING}:\n        swap.tie()\n"),),
    ),
    Mutant(
        "values are detached when compiling",
        ("compile.grad",),
        ((_GIVEN, f"{_GIVEN}        self.given = given.detach() if given is not None and {_COMPILING} else given\n"),),
    ),
    Mutant(
        "values are cloned when compiling",
        ("compile.inplace",),
        ((_GIVEN, f"{_GIVEN}        self.given = given.clone() if given is not None and {_COMPILING} else given\n"),),
    ),
    Mutant(
        "a global counter of calls",
        ("compile.recompile",),
        (
            ("_PARAMETERS, _BUFFERS,", "_calls = [0]\n_PARAMETERS, _BUFFERS,"),
            (_CHECK, f"{_CHECK}    _calls[0] += 1\n    assert _calls[0] < 1_000_000\n"),
        ),
    ),
    Mutant(
        "export is refused",
        ("compile.export",),
        ((_CHECK, f"{_CHECK}    assert not torch.compiler.is_exporting()\n"),),
    ),
    Mutant(
        "values that stand for a node of a graph are refused",
        ("compile.make-fx",),
        (
            (
                _CHECK,
                f"{_CHECK}    from torch.fx.experimental.proxy_tensor import get_proxy_mode\n\n"
                f"    assert {_COMPILING} or get_proxy_mode() is None\n",
            ),
        ),
    ),
    Mutant(
        "fake tensors are refused",
        ("compile.fake",),
        (
            (
                _TAKE,
                f"{_TAKE}                assert type(value).__name__ != 'FakeTensor'"
                f" or torch._C._len_torch_dispatch_stack() > 1 or {_COMPILING}\n",
            ),
        ),
    ),
    Mutant(
        "values without data are refused",
        ("compile.meta",),
        ((_TAKE, f"{_TAKE}                assert value is None or value.device.type != 'meta'\n"),),
    ),
    Mutant(
        "a compiled module is unwrapped, and its names with it",
        ("compile.optimized-module",),
        (
            (
                "    swap = _Swap(module, strict)\n",
                "    module = getattr(module, '_orig_mod', module)\n    swap = _Swap(module, strict)\n",
            ),
        ),
    ),
    Mutant(
        "in submodules that are met again nothing is put back when compiling",
        ("compile.restore",),
        (
            (
                "        self.is_in = False\n",
                "        self.is_in = False\n        self.twice: set[int] = set()\n",
            ),
            (
                "                if child is not None and id(child) not in found:\n",
                "                if child is not None and id(child) in found:\n"
                "                    self.twice.add(id(child))\n"
                "                if child is not None and id(child) not in found:\n",
            ),
            (
                "            owner.put_back()\n",
                f"            if not {_COMPILING} or id(owner.module) not in self.twice:\n                owner.put_back()\n",
            ),
        ),
    ),
]
