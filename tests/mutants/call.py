"""Mutants of chapter call."""

from mutants import mutant
from mutants._changes import After, Before, Replace, Signature
from mutants._common import TRY

MUTANTS = [
    mutant(
        "a dict that forward returns is copied",
        ("call.result",),
        Replace(
            "functional_call",
            "return ...",
            """
            result = ...
            return {**result} if isinstance(result, dict) else result
            """,
        ),
    ),
    mutant(
        "a given tensor that forward returns is cloned, lest the caller change it",
        ("call.result",),
        Replace(
            "functional_call",
            "return ...",
            """
            result = ...
            given = any(result is value for _, _, value in swap.names.values())
            return result.clone() if given else result
            """,
        ),
    ),
    mutant(
        "a call that raises TypeError is tried again with the arguments as one",
        ("call.once",),
        Replace(
            "functional_call",
            TRY,
            """
            try:
                ...
            except TypeError:
                return module(args[0] if len(args) == 1 else args, **({} if kwargs is None else kwargs))
            finally:
                ...
            """,
        ),
    ),
    mutant(
        "a module compiled in place runs uncompiled",
        ("call.hooks",),
        Replace(
            "functional_call",
            "return module(*args, **({} if kwargs is None else kwargs))",
            """
            call = module._call_impl if module._compiled_call_impl is not None else module
            return call(*args, **({} if kwargs is None else kwargs))
            """,
        ),
    ),
    mutant(
        "global forward hooks do not run",
        ("call.hooks",),
        Replace(
            "functional_call",
            "return ...",
            """
            hooks = nn.modules.module._global_forward_hooks.copy()
            nn.modules.module._global_forward_hooks.clear()
            try:
                return ...
            finally:
                nn.modules.module._global_forward_hooks.update(hooks)
            """,
        ),
    ),
    mutant(
        "an overridden __call__ is passed by",
        ("call.hooks", "call.once"),
        Replace(
            "functional_call",
            "module(*args, **({} if kwargs is None else kwargs))",
            "nn.Module.__call__(module, *args, **({} if kwargs is None else kwargs))",
        ),
    ),
    mutant(
        "a KeyError of forward leaves as another one, which says where it was raised",
        ("call.exception",),
        Replace(
            "functional_call",
            TRY,
            """
            try:
                ...
            except KeyError as error:
                raise KeyError(f"in forward: {error}") from error
            finally:
                ...
            """,
        ),
    ),
    mutant(
        "a ValueError in forward leaves as a RuntimeError",
        ("call.exception",),
        Replace(
            "functional_call",
            TRY,
            """
            try:
                ...
            except ValueError as error:
                raise RuntimeError(f"forward failed: {error}") from error
            finally:
                ...
            """,
        ),
    ),
    mutant(
        "without values forward is called by a short cut, without hooks",
        ("call.no-values",),
        Replace(
            "functional_call",
            "module(*args, **({} if kwargs is None else kwargs))",
            "(module if swap.names else module.forward)(*args, **({} if kwargs is None else kwargs))",
        ),
    ),
    mutant(
        "the mode of the root is given to all its children",
        ("call.mode",),
        Before(
            "functional_call",
            "return ...",
            """
            for one in module.modules():
                vars(one)["training"] = module.training
            """,
        ),
    ),
    mutant(
        "forward runs with gradients enabled",
        ("call.mode",),
        Replace(
            "functional_call",
            "return ...",
            """
            with torch.enable_grad():
                return ...
            """,
        ),
    ),
    mutant(
        "tie_weights and strict can be passed by position",
        ("call.signature",),
        Signature(
            "functional_call",
            """
            (
                module: nn.Module,
                parameter_and_buffer_dicts: Values | tuple[Values, ...],
                args: Any = None,
                kwargs: dict[str, Any] | None = None,
                tie_weights: bool = True,
                strict: bool = False,
            )
            """,
        ),
    ),
    mutant(
        "for the call, unless it is compiled, the module is made an instance of a class of its own",
        ("call.same-module",),
        Before(
            "functional_call",
            TRY,
            """
            own = type(module)
            if not torch.compiler.is_compiling():
                object.__setattr__(module, "__class__", type(own.__name__, (own,), {}))
            """,
        ),
        After(
            "functional_call",
            "swap.put_back()",
            """
            if not torch.compiler.is_compiling():
                object.__setattr__(module, "__class__", own)
            """,
        ),
    ),
    mutant(
        "plain attributes are put back with the tensors",
        ("call.plain-state",),
        Before(
            "functional_call",
            TRY,
            """
            public = [key for key in vars(module) if key[0] != "_" and key != "training"]
            public = {key: vars(module)[key] for key in public}
            """,
        ),
        After("functional_call", "swap.put_back()", "vars(module).update(public)"),
    ),
    mutant(
        "the walk over submodules goes round and round in a circle",
        ("call.circular",),
        Replace(
            "_Swap.walk",
            "if child is not None and id(child) not in found: ...",
            """
            if prefix.count(".") > 100:
                raise RecursionError("the module has too many levels")
            if child is not None:
                ...
            """,
        ),
    ),
    mutant(
        "a first argument that is no module is not checked",
        ("call.not-a-module",),
        Replace("_check_module", "not isinstance(module, nn.Module)", "False"),
    ),
    mutant(
        "a class is accepted as a module",
        ("call.not-a-module",),
        Replace("_check_module", "nn.Module", "(nn.Module, type)"),
    ),
]
