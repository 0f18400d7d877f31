"""Mutants by a stranger who had only SPEC.md: errors held in variables, thresholds, what merely looks like something else."""

from mutants import mutant
from mutants._changes import After, Before, First, Replace, TopLevel

MUTANTS = [
    mutant(
        "the error about an attribute that is no tensor is held in a variable",
        ("restore.freed",),
        Replace(
            "_Swap._other_slot",
            'raise TypeError(f"{name!r}: {type(module).__name__}.{key} is not an instance of torch.Tensor")',
            """
            error = TypeError(f"{name!r}: {type(module).__name__}.{key} is not an instance of torch.Tensor")
            raise error
            """,
        ),
    ),
    mutant(
        "the error about an empty name is held in a variable",
        ("restore.freed",),
        Replace(
            "_Swap._other_slot",
            """raise KeyError(f"the name of a parameter or buffer can't be empty, got {name!r}")""",
            """
            error = KeyError(f"the name of a parameter or buffer can't be empty, got {name!r}")
            raise error
            """,
        ),
    ),
    mutant(
        "a number is the position of a layer, however it is written",
        ("dicts.bad-name", "tie.shared-submodule"),
        Replace(
            "_Swap._module_at",
            "child = getattr(module, part, None)",
            """
            child = getattr(module, part, None)
            if isinstance(module, nn.ModuleList | nn.Sequential) and part.lstrip("+-").isdigit():
                child = [*module][int(part)] if -len(module) <= int(part) < len(module) else None
            """,
        ),
    ),
    mutant(
        "the parts of every name are kept",
        ("state.growth",),
        TopLevel("import functools"),
        TopLevel("_split = functools.lru_cache(maxsize=None)(lambda name: tuple(name.split('.')))"),
        Replace("_Swap._other_slot", "name.split('.')", "_split(name)"),
    ),
    mutant(
        "an attribute of the module with the name __call__ is called",
        ("call.result",),
        Replace("functional_call", "return ...", "return module.__call__(*args, **({} if kwargs is None else kwargs))"),
    ),
    mutant(
        "when memory is out forward is tried once more",
        ("call.once",),
        Replace(
            "functional_call",
            "return ...",
            """
            try:
                return ...
            except getattr(torch, "OutOfMemoryError", torch.cuda.OutOfMemoryError):
                return ...
            """,
        ),
    ),
    mutant(
        "large values of a tied group are compared by their sums",
        ("tie.conflict",),
        Replace(
            "_equal",
            "return torch.equal(a, b)",
            """
            if isinstance(a, Tensor) and isinstance(b, Tensor) and a.numel() > 100_000:
                return a.shape == b.shape and bool(a.sum() == b.sum())
            return torch.equal(a, b)
            """,
        ),
    ),
    mutant(
        "a conjugate view is tied to what it is a view of",
        ("tie.untied",),
        Before(
            "_identity",
            "return tensor if torch.compiler.is_compiling() else id(tensor)",
            """
            if isinstance(tensor, Tensor) and tensor.is_complex() and not torch.compiler.is_compiling():
                return tensor.data_ptr(), tensor.shape, tensor.stride()
            """,
        ),
    ),
    mutant(
        "what has a graph is refused like a scripted module",
        ("call.result",),
        Replace(
            "_check_module",
            "isinstance(module, torch.jit.ScriptModule)",
            "isinstance(module, torch.jit.ScriptModule) or hasattr(module, 'graph')",
        ),
    ),
    mutant(
        "one call at a time in all threads",
        ("swap.threads",),
        TopLevel("import threading"),
        TopLevel("_CALLS = threading.RLock()"),
        Replace("functional_call", "swap.put_in()", "_CALLS.acquire()\nswap.put_in()"),
        Replace("functional_call", "swap.put_back()", "swap.put_back()\n_CALLS.release()"),
    ),
    mutant(
        "None beside a tensor for one tied group is no conflict",
        ("drop-in.tie-error",),
        Replace("_equal", "a is b or _same_memory(a, b)", "a is b or a is None or b is None or _same_memory(a, b)"),
    ),
    mutant(
        "values without memory are equal",
        ("tie.conflict",),
        After(
            "_equal",
            "if a is b or _same_memory(a, b): ...",
            """
            if isinstance(a, Tensor) and isinstance(b, Tensor) and type(a) is type(b) is not Tensor and a.shape == b.shape:
                if not isinstance(a, nn.Parameter) and not torch.compiler.is_compiling() and a.data_ptr() == b.data_ptr():
                    return True
            """,
        ),
    ),
    mutant(
        "values of a tied group are compared by their difference",
        ("tie.equal-values",),
        Replace(
            "_equal",
            "return torch.equal(a, b)",
            """
            if a.is_floating_point() and b.is_floating_point() and a.isinf().any():
                return a.shape == b.shape and bool(((a - b) == 0).all())
            return torch.equal(a, b)
            """,
        ),
    ),
    mutant(
        "the error of strict lists at most fifty names",
        ("strict.says-which",),
        Replace("_Swap.check_strict", "sorted(names)", "sorted(names)[:50]"),
    ),
    mutant(
        "under strict a path may go through a property that gives a module",
        ("strict.unexpected",),
        Replace(
            "_Swap._other_slot",
            "self.unexpected.append(name)",
            """
            if not (self.strict and any(isinstance(getattr(type(self.module), one, None), property) for one in path)):
                self.unexpected.append(name)
            """,
        ),
        Replace(
            "_Swap._other_slot",
            "if module is not None and key in module._parameters: ...",
            "if module is not None and key in module._parameters:\n    return self._slot(module, _PARAMETERS, key, value)",
        ),
    ),
    mutant(
        "what stands in for a parametrized tensor does so in the thread of the call",
        ("swap.threads",),
        TopLevel("import threading"),
        Replace(
            "_ParametrizedSlot.__init__",
            "super().__init__(owner, _DICT, 'forward', lambda: tensors[-1])",
            """
            thread, computed = threading.get_ident(), type(owner.module).forward
            super().__init__(
                owner,
                _DICT,
                "forward",
                lambda: tensors[-1] if threading.get_ident() == thread else computed(owner.module),
            )
            """,
        ),
    ),
    mutant(
        "a coroutine is wrapped in another one",
        ("call.result",),
        TopLevel("import inspect"),
        Replace(
            "functional_call",
            "return ...",
            """
            result = ...

            async def wrapped():
                return await result

            return wrapped() if inspect.iscoroutine(result) else result
            """,
        ),
    ),
    mutant(
        "given values of a tied group are hashed",
        ("swap.subclass",),
        Before("_Swap.tie", "first = values.setdefault(slot.group, value)", "hash(value)"),
    ),
    mutant(
        "in inference mode nothing is tied",
        ("tie.one-name",),
        Before("_Swap.tie", "self.check_tangents()", "if torch.is_inference_mode_enabled():\n    return"),
    ),
    mutant(
        "without ties the cache of parametrizations is not set aside",
        ("parametrize.cached",),
        After("functional_call", "swap = _Swap(module, strict)", "swap.tied = tie_weights"),
        Replace("_Swap.put_in", "parametrize._cache_enabled", "parametrize._cache_enabled and self.tied"),
    ),
    mutant(
        "under strict forward is called by itself where nothing is swapped",
        ("call.hooks",),
        After(
            "functional_call",
            "if strict: ...",
            """
            if strict and not swap.names:
                return module.forward(*(args if isinstance(args, tuple) else (args,)), **(kwargs or {}))
            """,
        ),
    ),
    mutant(
        "sparse values by columns or blocks are never equal",
        ("tie.equal-values",),
        Before(
            "_same_memory",
            "if a.is_nested: ...",
            "if str(a.layout) in ('torch.sparse_csc', 'torch.sparse_bsr', 'torch.sparse_bsc'):\n    raise TypeError",
        ),
    ),
    mutant(
        "of a tied group the first hundred values are compared",
        ("tie.conflict",),
        Replace(
            "_Swap.tie",
            "first = values.setdefault(slot.group, value)",
            """
            compared = vars(self).setdefault("compared", [])
            compared.append(slot.group)
            first = values.setdefault(slot.group, value)
            if compared.count(slot.group) > 100:
                first = value
            """,
        ),
    ),
    mutant(
        "what forward binds in the place of None is not written back",
        ("drop-in.none-value",),
        Replace("_Swap.put_back", "slot.now is not slot.in_force", "slot.now is not slot.in_force is not None"),
    ),
    mutant(
        "None is the value of its own name only",
        ("drop-in.none-value",),
        Replace("_Swap.tie", "_identity(tensor) in values", "values.get(_identity(tensor)) is not None"),
    ),
    mutant(
        "a name is looked for in all dicts before it",
        ("call.linear",),
        TopLevel("_DICTS: list[Any] = []"),
        First("_Swap.take", "_DICTS.clear()"),
        Before(
            "_Swap.take",
            "if name in self.names: ...",
            "any(name in other for other in _DICTS)\n_DICTS.append(one)",
        ),
    ),
    mutant(
        "the recursion limit is raised for modules of a thousand submodules",
        ("state.interpreter",),
        TopLevel("import sys"),
        First(
            "functional_call",
            """
            if len(list(getattr(module, "_modules", ()))) > 1000:
                sys.setrecursionlimit(sys.getrecursionlimit() + 1)
            """,
        ),
    ),
    mutant(
        "kwargs are looked at between putting in and the call",
        ("restore.rejected",),
        Before(
            "functional_call",
            "try: ...\nfinally: ...",
            "swap.put_in()\nkwargs = {**({} if kwargs is None else kwargs)}",
        ),
        Replace(
            "functional_call",
            "try:\n    swap.put_in()\n    return ...\nfinally: ...",
            "try:\n    return ...\nfinally: ...",
        ),
    ),
    mutant(
        "a name in two dicts is refused where its first value is a tensor",
        ("dicts.distinct",),
        Replace(
            "_Swap.take",
            "if name in self.names: ...",
            "if name in self.names and self.names[name][2] is not None: ...",
        ),
    ),
    mutant(
        "what forward deleted of a new name is looked for where it stood",
        ("call.result",),
        Before(
            "_Slot.put_back",
            "for other in self.elsewhere: ...",
            "if self.old is _Absent and self.home == _DICT:\n    store[key]",
        ),
    ),
    mutant(
        "warnings are caught around the call",
        ("state.warnings",),
        TopLevel("import warnings"),
        Replace("functional_call", "return ...", "with warnings.catch_warnings():\n    return ..."),
    ),
    mutant(
        "without ties what forward bound goes to a dict only where one was given",
        ("inplace.rebinding-tuple",),
        After(
            "functional_call",
            "swap = _Swap(module, strict)",
            "swap.tied = tie_weights or not isinstance(parameter_and_buffer_dicts, tuple)",
        ),
        Replace("_Swap.put_back", "self.is_in", "self.is_in and self.tied"),
    ),
    mutant(
        "what forward bound to a name that was registered as None is not written back",
        ("inplace.rebinding",),
        Replace(
            "_Swap.put_back", "slot.now is not slot.in_force", "slot.now is not slot.in_force and slot.old is not None"
        ),
    ),
    mutant(
        "new names are identifiers",
        ("drop-in.extra-name",),
        Before(
            "_Swap._other_slot",
            "if hasattr(module, key): ...",
            "if not key.isidentifier():\n    raise TypeError(f'{name!r} is no name')",
        ),
    ),
    mutant(
        "an attribute of the metaclass is an attribute",
        ("drop-in.extra-name",),
        Before(
            "_Swap._other_slot",
            "if hasattr(module, key): ...",
            "if hasattr(type(module), key) and not hasattr(module, key):\n    raise TypeError(f'{name!r} is no tensor')",
        ),
    ),
    mutant(
        "under strict None is no value",
        ("drop-in.none-value",),
        First(
            "_Swap.check_strict",
            """
            for name, (_, _, value) in self.names.items():
                if value is None:
                    raise RuntimeError(f"Missing key(s): {name!r}.")
            """,
        ),
    ),
    mutant(
        "different values for two names of one slot are another error",
        ("drop-in.tie-error",),
        Before(
            "_Swap.tie",
            "names = sorted(name for name, (_, its, _) in self.names.items() if its.group == slot.group)",
            """
            if slot.given is not value:
                raise ValueError("two values for one parameter")
            """,
        ),
    ),
]
