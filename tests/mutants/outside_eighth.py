"""Mutants of an eighth round: shorter ways that miss one kind of hook, size, surrounding or transform."""

from mutants import mutant
from mutants._changes import After, Before, First, Replace, TopLevel
from mutants._common import TRY, when_raised

THE_CALL = "module(*args, **({} if kwargs is None else kwargs))"
COMPILING = "torch.compiler.is_compiling()"


def _strict_unless(where: str) -> Replace:
    """Nothing is missing or unexpected where this holds."""
    return Replace("functional_call", "if strict: ...", f"if strict and not ({where}): ...")


def _passed_over(where: str) -> Before:
    """An entry of a dict is passed over where this holds."""
    return Before("_Swap.take", "place = self.registered.get(name)", f"if {where}:\n    continue")


def _not_written_back(where: str) -> Replace:
    """The dicts do not get what forward bound where this holds."""
    entries = "self.names.items() if self.is_in{} else ()"
    return Replace("_Swap.put_back", entries.format(""), entries.format(f" and not ({where})"))


MUTANTS = [
    mutant(
        "forward is called, and not the module, where no hook is registered but a global one for backward",
        ("call.hooks",),
        Replace(
            "functional_call",
            THE_CALL,
            f"""
            {THE_CALL} if (
                type(module).__call__ is not nn.Module.__call__
                or module._forward_hooks or module._forward_pre_hooks
                or module._backward_hooks or module._backward_pre_hooks
                or nn.modules.module._global_forward_hooks or nn.modules.module._global_forward_pre_hooks
                or nn.modules.module._global_backward_pre_hooks
                or getattr(module, "_compiled_call_impl", None) is not None
                or {COMPILING}
            ) else module.forward(*args, **({{}} if kwargs is None else kwargs))
            """,
        ),
    ),
    mutant(
        "what forward raises gets a note, which it may refuse",
        ("call.exception",),
        when_raised(f"if not {COMPILING}:\n    _note(module)"),
        TopLevel("""
        import sys

        def _note(module: Any) -> None:
            getattr(sys.exc_info()[1], "add_note", id)(f"in a functional_call of {type(module).__name__}")
        """),
    ),
    mutant(
        "what hides a tensor of the class is taken out after the call, also where an outer call put it in",
        ("restore.nested",),
        After(
            "_Slot.__init__",
            "self.old: Any = self.now",
            """
            if home == _DICT and isinstance(getattr(type(owner.module), key, None), Tensor):
                self.old = _Absent
            """,
        ),
    ),
    mutant(
        "modules of more than a thousand tensors are taken for untied",
        ("tie.conflict", "tie.one-name"),
        Replace("functional_call", "if tie_weights: ...", "if tie_weights and len(swap.registered) <= 1000: ..."),
    ),
    mutant(
        "strict looks at no module of more than a thousand tensors",
        ("strict.buffers", "strict.unexpected"),
        _strict_unless("len(swap.registered) > 1000"),
    ),
    mutant(
        "strict is ignored inside transforms",
        ("strict.buffers", "strict.missing", "strict.unexpected"),
        _strict_unless("torch._C._functorch.peek_interpreter_stack() is not None"),
    ),
    mutant(
        "parameters that are not initialised need not be given",
        ("strict.missing",),
        Replace(
            "_Swap.check_strict",
            "tensor is not None",
            "tensor is not None and not isinstance(tensor, nn.UninitializedParameter)",
        ),
    ),
    mutant(
        "what a call within the handling of an exception bound is not written back",
        ("inplace.rebinding",),
        TopLevel("import sys"),
        Replace(
            "functional_call",
            "if strict: ...",
            f"""
            if strict: ...
            swap.is_handled = not {COMPILING} and sys.exc_info()[0] is not None
            """,
        ),
        _not_written_back("self.is_handled"),
    ),
    mutant(
        "what forward bound where None was given is not written back",
        ("drop-in.none-value", "inplace.rebinding"),
        Replace(
            "_Swap.put_back",
            "slot.now is not slot.in_force",
            "slot.now is not slot.in_force and slot.given is not None",
        ),
    ),
    mutant(
        "None for a name without an owner is passed over",
        ("dicts.bad-name",),
        _passed_over("value is None and '.' in name and self.module._modules.get(name.partition('.')[0]) is None"),
    ),
    mutant(
        "None for the name of a flag is passed over",
        ("dicts.not-a-tensor",),
        _passed_over("value is None and name.rpartition('.')[2] in ('training', 'dump_patches')"),
    ),
    mutant(
        "in a list of dicts a name may stand twice",
        ("dicts.distinct",),
        Replace("_Swap.take", "name in self.names", "name in self.names and not isinstance(dicts, list)"),
    ),
    mutant(
        "every dict is asked for what forward bound",
        ("dicts.subclass",),
        Before(
            "_Swap.put_back",
            "for name, (source, slot, _) in ...: ...",
            """
            bound = [name for name, (_, slot, _) in self.names.items() if slot.now is not slot.in_force]
            for name in bound if self.is_in else ():
                for other in {id(one): one for one, _, _ in self.names.values()}.values():
                    if name not in other and hasattr(other, "__missing__"):
                        other[name]
            """,
        ),
    ),
    mutant(
        "a submodule is looked up by getattr first, which an attribute of the class can hide",
        ("swap.custom-access",),
        After("functional_call", "swap.walk()", "if not (tie_weights or strict):\n    swap.registered = {}"),
        Replace(
            "_Swap._module_at",
            "getattr(module, part, None)",
            "getattr(module, part, None) if isinstance(getattr(module, part, None), nn.Module) else module._modules.get(part)",
        ),
    ),
    mutant(
        "a tied slot that is not given moves to the end while forward runs",
        ("swap.order",),
        Before(
            "_Swap.put_in",
            "owner.stores[slot.home][slot.key] = slot.given",
            f"""
            if not {COMPILING} and slot.home < _MODULES and slot not in [its for _, its, _ in self.names.values()]:
                owner.stores[slot.home].pop(slot.key)
            """,
        ),
    ),
    mutant(
        "a submodule that forward added is taken out when it raises",
        ("restore.shape",),
        Before("functional_call", TRY, "stood = [*module._modules]"),
        when_raised("for key in [key for key in module._modules if key not in stood]:\n    del module._modules[key]"),
    ),
    mutant(
        "an attribute of forward that a graph hangs on is deleted after the call",
        ("call.plain-state",),
        Before("functional_call", TRY, "stood = [*vars(module)]"),
        Replace(
            "functional_call",
            "swap.put_back()",
            f"""
            swap.put_back()
            for key in [key for key in vars(module) if key not in stood] if not {COMPILING} else ():
                if isinstance(vars(module)[key], Tensor) and vars(module)[key].grad_fn is not None:
                    del vars(module)[key]
            """,
        ),
    ),
    mutant(
        "what exists is frozen before a call, so that collecting costs less",
        ("state.interpreter",),
        TopLevel("import gc"),
        First("functional_call", f"if not {COMPILING}:\n    gc.freeze()"),
    ),
    mutant(
        "logging is silenced while values are put back, and then enabled",
        ("state.interpreter",),
        TopLevel("import logging"),
        First("_Swap.put_back", f"if not {COMPILING}:\n    logging.disable(logging.NOTSET)"),
    ),
    mutant(
        "the limit of recursion stays raised where a dict refuses what forward bound",
        ("state.interpreter",),
        TopLevel("import sys"),
        Replace(
            "_Swap.put_back",
            "source[name] = slot.now",
            f"""
            if not {COMPILING}:
                sys.setrecursionlimit(sys.getrecursionlimit() + 50)
            source[name] = slot.now
            if not {COMPILING}:
                sys.setrecursionlimit(sys.getrecursionlimit() - 50)
            """,
        ),
    ),
    mutant(
        "forward runs in a copy of the context",
        ("state.interpreter",),
        TopLevel("import contextvars"),
        Replace(
            "functional_call",
            THE_CALL,
            f"{THE_CALL} if {COMPILING} else contextvars.copy_context().run(module, *args, **(kwargs or {{}}))",
        ),
    ),
    mutant(
        "a context variable that counts calls within calls stays raised when forward raises",
        ("state.interpreter",),
        TopLevel("import contextvars\n_DEPTH = contextvars.ContextVar('_DEPTH', default=0)"),
        when_raised(f"if not {COMPILING}:\n    _DEPTH.set(_DEPTH.get() + 1)"),
    ),
    mutant(
        "what forward bound is looked for in a list",
        ("call.linear",),
        Replace("_Swap.put_back", "slot.now is not slot.in_force", "name in bound"),
        Before(
            "_Swap.put_back",
            "for name, (source, slot, _) in ...: ...",
            "bound = [name for name, (_, slot, _) in self.names.items() if slot.now is not slot.in_force]",
        ),
    ),
    mutant(
        "in a compiled call a number is a value",
        ("compile.errors",),
        Before(
            "_Swap.take",
            "if value is not None and not isinstance(value, Tensor): ...",
            f"if {COMPILING} and isinstance(value, (int, float)):\n    value = torch.tensor(value)",
        ),
    ),
    mutant(
        "in a compiled call an empty name and the name of a flag are passed over",
        ("compile.errors",),
        _passed_over(f"{COMPILING} and name.rpartition('.')[2] in ('', 'training')"),
    ),
    mutant(
        "in a compiled call a parameter that forward bound is not written back",
        ("compile.fullgraph",),
        Replace(
            "_Swap.put_back",
            "slot.now is not slot.in_force",
            f"slot.now is not slot.in_force and not ({COMPILING} and slot.home == _PARAMETERS)",
        ),
    ),
    mutant(
        "in a compiled call without ties the second value for a tied group is dropped",
        ("compile.fullgraph",),
        Replace(
            "functional_call",
            "if tie_weights: ...",
            f"""
            if tie_weights: ...
            elif {COMPILING}:
                firsts = {{}}
                for name in swap.names:
                    slot = swap.names[name][1]
                    slot.given = firsts.setdefault(slot.group, slot.given)
            """,
        ),
    ),
    mutant(
        "inside make_fx nothing is written back",
        ("compile.make-fx",),
        _not_written_back(
            f"not {COMPILING} and torch._C._get_dispatch_mode(torch._C._TorchDispatchModeKey.PROXY) is not None"
        ),
    ),
    mutant(
        "a fake tensor is in force for no name but the given one",
        ("compile.fake",),
        Replace(
            "_Swap.tie",
            "_identity(tensor) in values",
            "_identity(tensor) in values and type(values[_identity(tensor)]).__name__ != 'FakeTensor'",
        ),
    ),
]
