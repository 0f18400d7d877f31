"""Mutants of a seventh round: what a module shows, what is remembered, left or said, and what compiling changes."""

from mutants import mutant
from mutants._changes import After, Before, First, Replace, TopLevel
from mutants._common import TRY

MUTANTS = [
    mutant(
        "what is not initialised need not be given",
        ("strict.missing", "strict.buffers"),
        Replace(
            "_Swap.check_strict",
            "tensor is not None",
            "tensor is not None and not isinstance(tensor, nn.parameter.UninitializedTensorMixin)",
        ),
    ),
    mutant(
        "a plain tensor with a graph, which forward has set, is taken out again",
        ("call.plain-state",),
        First(
            "_Owner.put_back",
            """
            if not torch.compiler.is_compiling():
                for key, one in [*self.module.__dict__.items()]:
                    if isinstance(one, Tensor) and one.grad_fn is not None:
                        del self.module.__dict__[key]
            """,
        ),
    ),
    mutant(
        "submodules are those that children() shows",
        ("swap.custom-access",),
        Replace("_Swap.walk", "module._modules.items()", "module.named_children()"),
    ),
    mutant(
        "whether a name is computed is remembered by class",
        ("call.module-as-it-is",),
        TopLevel("import functools"),
        TopLevel("""
        @functools.lru_cache(maxsize=64)
        def _is_computed(kind: type, key: str) -> bool:
            return isinstance(getattr(kind, key, None), property)
        """),
        First("_Swap._slot", "home == _DICT or torch.compiler.is_compiling() or _is_computed(type(module), key)"),
        Replace(
            "_Swap._other_slot",
            "_is_computed_by_torch(module, key)",
            "(torch.compiler.is_compiling() or _is_computed(type(module), key)) and _is_computed_by_torch(module, key)",
        ),
    ),
    mutant(
        "what takes the value of a tied name moves to the end of its store",
        ("swap.order",),
        After(
            "_Swap.tie",
            "self._slot(module, home, key, ...)",
            """
            if type(module._parameters) is dict and not torch.compiler.is_compiling():
                for store in (module._parameters, module._buffers):
                    if key in store:
                        store[key] = store.pop(key)
            """,
        ),
    ),
    mutant(
        "strict is not heeded inside a transform",
        ("strict.missing",),
        First(
            "_Swap.check_strict",
            "if not torch.compiler.is_compiling() and torch._C._functorch.peek_interpreter_stack() is not None:\n    return",
        ),
    ),
    mutant(
        "global full backward hooks are forgotten where a call is left out",
        ("call.hooks",),
        Replace(
            "functional_call",
            "module(*args, **...)",
            """
            (
                module.forward
                if not torch.compiler.is_compiling()
                and nn.modules.module._global_backward_hooks
                and not nn.modules.module._global_forward_hooks
                and not module._forward_hooks
                and not module._forward_pre_hooks
                and not nn.modules.module._global_forward_pre_hooks
                else module
            )(*args, **({} if kwargs is None else kwargs))
            """,
        ),
    ),
    mutant(
        "what can be called and hands on named_parameters passes for a module",
        ("call.not-a-module",),
        Replace(
            "_check_module",
            "isinstance(module, nn.Module)",
            "(isinstance(module, nn.Module) or callable(module) and hasattr(module, 'named_parameters')"
            " and not isinstance(module, type))",
        ),
    ),
    mutant(
        "two threads that call two modules while parametrizations are cached wait for each other",
        ("swap.threads",),
        TopLevel("import contextlib\nimport threading\n_LOCK = threading.RLock()"),
        Replace(
            "functional_call",
            TRY,
            """
            with _LOCK if parametrize._cache_enabled else contextlib.nullcontext():
                try:
                    ...
                finally:
                    ...
            """,
        ),
    ),
    mutant(
        "the class of the module notes which names were given",
        ("restore.shape",),
        After(
            "functional_call",
            "swap.take(...)",
            """
            if not torch.compiler.is_compiling() and not type(module).__module__.startswith("torch"):
                type(module)._given = tuple(swap.names)
            """,
        ),
    ),
    mutant(
        "the messages of refused calls are remembered",
        ("state.growth",),
        TopLevel("_REFUSED: list[str] = []"),
        Before(
            "_Swap._module_at",
            "raise AttributeError(...)",
            "_REFUSED.append(f'{name!r} leads to no module of {type(module).__name__}')",
        ),
    ),
    mutant(
        "it is logged that forward deleted a name",
        ("state.silent",),
        TopLevel("import logging"),
        Before(
            "_Slot.look",
            "for other in self.elsewhere: ...",
            "if self.now is _Absent and self.old is not _Absent:\n    logging.getLogger('call').warning('deleted')",
        ),
    ),
    mutant(
        "the limit of recursion is raised for a deep module, and for a dict that refuses what forward bound",
        ("state.interpreter",),
        TopLevel("import sys"),
        Before(
            "_Swap.walk",
            "self.sharing.setdefault(...)[0].append(...)",
            """
            if prefix.count(".") > sys.getrecursionlimit() - 50:
                sys.setrecursionlimit(2 * prefix.count("."))
            """,
        ),
    ),
    mutant(
        "logging is disabled for a moment, and then enabled",
        ("state.interpreter",),
        TopLevel("import logging"),
        First("_Swap.put_back", "torch.compiler.is_compiling() or logging.disable(logging.NOTSET)"),
    ),
    mutant(
        "a setting of the compiler is changed",
        ("state.torch",),
        TopLevel("import sys"),
        First(
            "_Swap.walk",
            """
            if "torch._dynamo" in sys.modules and not torch.compiler.is_compiling():
                sys.modules["torch._dynamo"].config.allow_unspec_int_on_nn_module = True
            """,
        ),
    ),
    mutant(
        "inside a call what stands for a tensor of the class is deleted, and not what stood there before",
        ("restore.plain-attribute",),
        Before(
            "_Slot.put_back",
            "if self.old is not _Absent: ...",
            """
            if self.home == _DICT and key not in ("forward", "right_inverse") and hasattr(type(owner.module), key):
                store.pop(key, None)
                return
            """,
        ),
    ),
    mutant(
        "what is no name of a tensor is passed over in a compiled call",
        ("compile.errors",),
        Before(
            "_Swap.take",
            "if value is not None and not isinstance(value, Tensor): ...",
            """
            if torch.compiler.is_compiling() and (name in ("", "training") or isinstance(value, (int, float))):
                continue
            """,
        ),
    ),
    mutant(
        "in a compiled call names are tied, whatever tie_weights says",
        ("compile.fullgraph",),
        Replace("functional_call", "if tie_weights: ...", "if tie_weights or torch.compiler.is_compiling(): ..."),
    ),
    mutant(
        "a fake value reaches no tied name",
        ("compile.fake",),
        Replace(
            "_Swap.tie",
            "name not in self.names",
            "name not in self.names and type(values[_identity(tensor)]).__name__ != 'FakeTensor'",
        ),
    ),
]
