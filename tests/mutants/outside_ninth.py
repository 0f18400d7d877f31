"""Mutants of a ninth round: what costs inside one operation of a list; texts, contexts and attributes that others have, too."""

from mutants import mutant
from mutants._changes import After, Before, Replace, TopLevel
from mutants._common import TRY, when_raised

COMPILING = "torch.compiler.is_compiling()"


def _around_the_call(before: str, after: str) -> Replace:
    """This runs before values are put in, and that when the module is as before, but not in a trace."""
    ends = TRY.replace("...", f"if not {COMPILING}:\n        {before}\n    ...", 1).removesuffix("...\n")
    return Replace("functional_call", TRY, f"{ends}...\n    if not {COMPILING}:\n        {after}\n")


MUTANTS = [
    mutant(
        "modules that were met are looked for in a list",
        ("call.linear",),
        Replace("_Swap.walk", "{id(self.module)}", "[id(self.module)]"),
        Replace("_Swap.walk", "found.add(id(child))", "found.append(id(child))"),
    ),
    mutant(
        "a name that was given before is looked for in a list",
        ("call.linear",),
        Replace("_Swap.take", "name in self.names", "name in [*self.names]"),
    ),
    mutant(
        "casts that autocast has kept are forgotten",
        ("call.no-operations",),
        _around_the_call("torch.clear_autocast_cache()", "pass"),
    ),
    mutant(
        "gradients of own parameters are noted and put back",
        ("swap.own-tensors",),
        _around_the_call(
            "grads = [(place[3], place[3].grad) for place in swap.registered.values() if place[1] == 0 and place[3] is not None]",
            "for own, grad in grads:\n            own.grad = grad",
        ),
    ),
    mutant(
        "given tensors are referred to weakly while forward runs",
        ("inplace.module-methods",),
        _around_the_call(
            "import weakref; held = [weakref.ref(value) for _, _, value in swap.names.values() if value is not None]",
            "del held",
        ),
    ),
    mutant(
        "the error of a comparison stays in a variable of its own frame",
        ("restore.freed",),
        Replace(
            "_equal",
            "try: ...\nexcept Exception: ...",
            """
            failed = None
            try:
                return torch.equal(a, b)
            except Exception as error:
                failed = error
            return failed is None
            """,
        ),
    ),
    mutant(
        "a new name must be an identifier",
        ("strict.off",),
        Before(
            "_Swap._other_slot",
            "if hasattr(nn, 'Buffer') and isinstance(value, nn.Buffer): ...",
            "if not key.isidentifier():\n    raise KeyError(name)",
        ),
    ),
    mutant(
        "containers take no new names",
        ("strict.off",),
        Before(
            "_Swap._other_slot",
            "if hasattr(nn, 'Buffer') and isinstance(value, nn.Buffer): ...",
            "if isinstance(module, (nn.Sequential, nn.ModuleList, nn.ModuleDict)):\n    raise KeyError(name)",
        ),
    ),
    mutant(
        "what forward bound is merged into the dict by an operator",
        ("inplace.rebinding",),
        Replace("_Swap.put_back", "source[name] = slot.now", "source |= {name: slot.now}"),
    ),
    mutant(
        "what a parametrization bound is not written back",
        ("inplace.rebinding",),
        Replace(
            "_Swap.put_back",
            "slot.now is not slot.in_force",
            "slot.now is not slot.in_force and 'parametrizations.' not in name",
        ),
    ),
    mutant(
        "while a backward pass runs nothing is written back",
        ("inplace.rebinding",),
        Replace(
            "_Swap.put_back",
            "self.names.items() if self.is_in else ()",
            "self.names.items() if self.is_in and torch._C._current_graph_task_id() == -1 else ()",
        ),
    ),
    mutant(
        "a module whose class is called like those of torch is taken for a parametrized one",
        ("strict.off",),
        Replace(
            "_is_computed_by_torch",
            "getattr(module._modules.get('parametrizations'), key, None)",
            """
            getattr(module._modules['parametrizations'], key, None) if type(module).__name__.startswith('Parametrized') else None
            """,
        ),
    ),
    mutant(
        "a module with a list of weights is taken for a recurrent one",
        ("swap.parameter",),
        Replace("_Owner.__init__", "isinstance(module, nn.RNNBase)", "'_flat_weights' in module.__dict__"),
    ),
    mutant(
        "the handler of interrupts is put back after the call",
        ("state.processes",),
        _around_the_call(
            "import signal; handler = signal.getsignal(signal.SIGINT)",
            "signal.signal(signal.SIGINT, handler)",
        ),
    ),
    mutant(
        "an error of torch about shapes says what to look at",
        ("call.exception",),
        when_raised(
            "if 'must match' in str(error):\n    error.args = (f'{error} (given values?)',)", "RuntimeError as error"
        ),
    ),
    mutant(
        "an error about an attribute forgets the object",
        ("call.exception",),
        when_raised("error.obj = None", "AttributeError as error"),
    ),
    mutant(
        "the shapes of own and given tensors are compared when forward raises",
        ("call.exception",),
        when_raised(
            "[slot.old.shape for _, slot, _ in swap.names.values() if isinstance(slot.old, Tensor)]", "Exception"
        ),
    ),
    mutant(
        "the error about a value prints it",
        ("dicts.bad-value",),
        Before(
            "_Swap.take",
            "if value is not None and not isinstance(value, Tensor): ...",
            "if value is not None and not isinstance(value, Tensor):\n    raise TypeError(f'{name!r}: {value!r} is no tensor')",
        ),
    ),
    mutant(
        "the error about what is no module prints it",
        ("call.not-a-module",),
        Replace("_check_module", "type(module).__name__", "repr(module)"),
    ),
    mutant(
        "names are made strings by str",
        ("dicts.one",),
        Before("_Swap.take", "if name in self.names: ...", "name = str(name)"),
    ),
    mutant(
        "parts of a sparse tensor are asked for by methods that refuse one which is not coalesced",
        ("dicts.state-dict",),
        Replace(
            "_same_memory",
            "((a._values(), b._values()), (a._indices(), b._indices()))",
            "((a.values(), b.values()), (a.indices(), b.indices()))",
        ),
    ),
    mutant(
        "the tangents of two values are compared by identity",
        ("tie.shared-submodule",),
        Replace(
            "_tangents_equal",
            "_equal(unpack(a).tangent, unpack(b).tangent)",
            "unpack(a).tangent is unpack(b).tangent",
        ),
    ),
    mutant(
        "a plain attribute is taken out and set again",
        ("restore.shape",),
        Before(
            "_Slot.put_back",
            "store[key] = self.old",
            f"if self.home == _DICT and not {COMPILING}:\n    store.pop(key, None)",
        ),
    ),
    mutant(
        "a call made where another one runs keeps no order",
        ("restore.order",),
        TopLevel("_RUNNING: list[int] = []"),
        Replace(
            "_Owner.put_back",
            "[*self.stores[_PARAMETERS].keys(), *self.stores[_BUFFERS].keys()] != self.order",
            f"({COMPILING} or _RUNNING == [1])"
            " and [*self.stores[_PARAMETERS].keys(), *self.stores[_BUFFERS].keys()] != self.order",
        ),
        After("functional_call", "swap.walk()", f"if not {COMPILING}:\n    _RUNNING.append(1)"),
        After("_Swap.put_back", "for owner in ...: owner.put_back()", f"if not {COMPILING}:\n    _RUNNING.pop()"),
    ),
    mutant(
        "what forward has bound is looked at in a hook, before an overridden __call__ has ended",
        ("inplace.rebinding",),
        Replace(
            "functional_call",
            "return module(*args, **({} if kwargs is None else kwargs))",
            f"""
            if {COMPILING}:
                return module(*args, **({{}} if kwargs is None else kwargs))
            handle = module.register_forward_hook(lambda *_: swap.look())
            try:
                return module(*args, **({{}} if kwargs is None else kwargs))
            finally:
                handle.remove()
            """,
        ),
        Replace("_Swap.put_back", "self.look()", f"if {COMPILING}:\n    self.look()"),
    ),
    mutant(
        "what a class holds is remembered, and the class with it",
        ("state.growth",),
        TopLevel("""
        import functools
        @functools.cache
        def _held_by(kind: type, key: str) -> Any:
            return getattr(kind, key, _Absent)
        """),
        Replace("_Swap._other_slot", "getattr(type(module), key, _Absent)", "_held_by(type(module), key)"),
    ),
    mutant(
        "an entry is read while the dict is gone through",
        ("dicts.subclass",),
        Replace(
            "_Swap.take",
            "for name, value in one.items(): ...",
            "for name in one:\n    value = one[name]\n    ...",
        ),
    ),
    mutant(
        "a recurrent module with a parametrized weight lists all weights as before",
        ("restore.recurrent",),
        Replace(
            "_Owner.put_back",
            "name not in self.swapped",
            "name not in self.swapped and not parametrize.is_parametrized(self.module)",
        ),
    ),
    mutant(
        "the walk passes over a DataParallel",
        ("tie.one-name",),
        Replace(
            "_Swap.walk",
            "child is not None and id(child) not in found",
            "child is not None and not isinstance(child, nn.DataParallel) and id(child) not in found",
        ),
    ),
    mutant(
        "a module that contains a DataParallel is refused",
        ("swap.nested",),
        After(
            "functional_call",
            "_check_module(module)",
            f"if not {COMPILING} and any(isinstance(one, nn.DataParallel) for one in module.modules()):\n    raise RuntimeError",
        ),
    ),
    mutant(
        "which classes are those of tensors is remembered",
        ("state.growth",),
        TopLevel("""
        import functools
        @functools.cache
        def _is_of_tensors(kind: type) -> bool:
            return issubclass(kind, Tensor)
        """),
        Before(
            "_Swap.take", "place = self.registered.get(name)", f"if not {COMPILING}:\n    _is_of_tensors(type(value))"
        ),
    ),
]
