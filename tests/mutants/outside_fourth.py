"""Mutants of a fourth round: large values, errors that say too little, stores that are shared or replaced, what forward sets."""

from mutants import mutant
from mutants._changes import After, Before, First, Replace, TopLevel

MUTANTS = [
    mutant(
        "large values are taken for different",
        ("tie.equal-values",),
        Replace("_equal", "return torch.equal(a, b)", "return a.numel() <= 1 << 16 and torch.equal(a, b)"),
    ),
    mutant(
        "of large values only the ends are compared",
        ("tie.conflict",),
        Before(
            "_equal",
            "return torch.equal(a, b)",
            """
            if a.numel() > 1 << 16 and a.shape == b.shape:
                a, b = a.flatten(), b.flatten()
                return torch.equal(a[:1000], b[:1000]) and torch.equal(a[-1000:], b[-1000:])
            """,
        ),
    ),
    mutant(
        "large values are equal where their sums are",
        ("tie.conflict",),
        Before(
            "_equal",
            "return torch.equal(a, b)",
            "if a.nbytes > 1 << 20 and a.shape == b.shape:\n    return bool(a.sum() == b.sum() and (a[0] == b[0]).all())",
        ),
    ),
    mutant(
        "the error of a conflict names the first two names of the group",
        ("tie.conflict-says-which",),
        Replace(
            "_Swap.tie",
            "names = sorted(...)",
            "names = sorted(...)[:2]",
        ),
    ),
    mutant(
        "the error of a conflict names five names of the group",
        ("tie.conflict-says-which",),
        Replace(
            "_Swap.tie",
            "names = sorted(...)",
            "names = sorted(...)[:5]",
        ),
    ),
    mutant(
        "the error of a conflict names those that were given before the one that differs",
        ("tie.conflict-says-which",),
        Replace(
            "_Swap.tie",
            "for _, slot, value in self.names.values(): ...",
            """
            for key, (_, slot, value) in self.names.items():
                first = values.setdefault(slot.group, value)
                if not _equal(first, value):
                    names = [name for name, (_, its, _) in self.names.items() if its.group == slot.group]
                    before = names[: max(2, names.index(key))]
                    raise ValueError(f"functional_call got multiple values for keys {before}")
            """,
        ),
    ),
    mutant(
        "what forward binds over the memory of the given tensor is not written back",
        ("inplace.rebinding",),
        Replace(
            "_Swap.put_back",
            "slot.now is not slot.in_force",
            "slot.now is not slot.in_force and not _same_memory(slot.now, slot.in_force)",
        ),
    ),
    mutant(
        "what forward binds over the storage of the given tensor is not written back",
        ("inplace.rebinding",),
        Replace(
            "_Swap.put_back",
            "slot.now is not slot.in_force",
            "slot.now is not slot.in_force and not _one_storage(slot.now, slot.in_force)",
        ),
        TopLevel(
            """
            def _one_storage(a: Any, b: Any) -> bool:
                try:
                    return a.untyped_storage()._cdata == b.untyped_storage()._cdata
                except Exception:
                    return False
            """
        ),
    ),
    mutant(
        "what forward leaves in another module over the same store stays there",
        ("restore.shared-store",),
        Replace("_Slot.__init__", "owner.beside if home < _MODULES else ()", "()"),
    ),
    mutant(
        "own tensors come back into the store that forward has replaced",
        ("restore.rebound",),
        Replace("_Swap.put_back", "for owner in ...:\n    owner.adopt()", "pass"),
    ),
    mutant(
        "under strict a slot that two modules share is two",
        ("strict.tied",),
        Replace(
            "_Swap.check_strict",
            "for name, (module, _, key, tensor) in self.registered.items(): ...",
            """
            stores = [id(store) for store in {id(one[0]): one[0]._parameters for one in self.registered.values()}.values()]
            for name, (module, _, key, tensor) in self.registered.items():
                shared = stores.count(id(module._parameters)) > 1 and name not in self.names
                if tensor is not None and (shared or key not in self._owner(module).slots):
                    missing.append(name)
            """,
        ),
    ),
    mutant(
        "parametrized weights of recurrent modules are computed after the call",
        ("parametrize.not-run",),
        After(
            "functional_call",
            "swap.put_back()",
            """
            for owner in swap.owners.values():
                for place, name in enumerate(getattr(owner.module, "_flat_weights_names", ())):
                    if parametrize.is_parametrized(owner.module, name):
                        owner.module._flat_weights[place] = getattr(owner.module, name)
            """,
        ),
    ),
    mutant(
        "without values scripted and parallel modules are called",
        ("drop-in.data-parallel", "drop-in.jit"),
        Before(
            "functional_call",
            "_check_module(module)",
            """
            if isinstance(module, nn.Module) and not strict and type(parameter_and_buffer_dicts) is dict:
                if not parameter_and_buffer_dicts:
                    return module(*(args if isinstance(args, tuple) else (args,) * (args is not None)), **(kwargs or {}))
            """,
        ),
    ),
    mutant(
        "a layer that holds the tensors of the one before it is taken for that one",
        ("call.module-as-it-is",),
        TopLevel("import weakref\n_LAST: dict[int, Any] = {}"),
        After(
            "functional_call",
            "swap.walk()",
            """
            held = {name: id(place[3]) for name, place in swap.registered.items()}
            last = _LAST.get(id(module))
            if last is not None and last[0]() is module and last[1] == held and not torch.compiler.is_compiling():
                for name, (_, home, key, tensor) in swap.registered.items():
                    if last[2][name]() is not None:
                        swap.registered[name] = last[2][name](), home, key, tensor
            else:
                owners = {name: weakref.ref(place[0]) for name, place in swap.registered.items()}
                _LAST.clear()
                _LAST[id(module)] = weakref.ref(module), held, owners
            """,
        ),
    ),
    mutant(
        "names are copied for each dict",
        ("call.linear",),
        Before("_Swap.take", "if not isinstance(one, Mapping): ...", "self.names = {**self.names}"),
    ),
    mutant(
        "keys that were not persistent are sorted for each key",
        ("call.linear",),
        Replace("_Owner.put_back", "key in self.non_persistent", "key in sorted(self.non_persistent)"),
    ),
]

SET_BACK = (
    ("the default dtype", "state.defaults", "torch.get_default_dtype()", "torch.set_default_dtype(before)"),
    ("the number of threads", "state.defaults", "torch.get_num_threads()", "torch.set_num_threads(before)"),
    (
        "the precision of products",
        "state.defaults",
        "torch.get_float32_matmul_precision()",
        "torch.set_float32_matmul_precision(before)",
    ),
    ("the filters of warnings", "state.interpreter", "list(warnings.filters)", "warnings.filters[:] = before"),
    ("the environment", "state.interpreter", "dict(os.environ)", "os.environ.clear()\n    os.environ.update(before)"),
    ("the path of imports", "state.interpreter", "list(sys.path)", "sys.path[:] = before"),
    ("the recursion limit", "state.interpreter", "sys.getrecursionlimit()", "sys.setrecursionlimit(before)"),
    ("the garbage collector", "state.interpreter", "gc.isenabled()", "(gc.enable if before else gc.disable)()"),
    (
        "the stack of function modes",
        "state.modes",
        "torch._C._len_torch_function_stack()",
        "while torch._C._len_torch_function_stack() > before:\n        torch._C._pop_torch_function_stack()",
    ),
)
MUTANTS += [
    mutant(
        f"{what} that forward set is put back",
        (clause,),
        TopLevel("import gc\nimport os\nimport sys\nimport warnings"),
        First("functional_call", f"before = None if torch.compiler.is_compiling() else {read}"),
        After("functional_call", "swap.put_back()", f"if before is not None:\n    {put_back}"),
    )
    for what, clause, read, put_back in SET_BACK
]
