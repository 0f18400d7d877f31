"""Mutants of chapter call."""

from mutants import Mutant

CALL = "return module(*args, **(kwargs or {}))"
RUN = "        swap.put_in()\n        " + CALL + "\n"

MUTANTS = [
    Mutant(
        "a dict that forward returns is copied",
        ("call.result",),
        (
            (
                CALL,
                "result = module(*args, **(kwargs or {}))\n"
                "        return {**result} if isinstance(result, dict) else result",
            ),
        ),
    ),
    Mutant(
        "a given tensor that forward returns is cloned, lest the caller change it",
        ("call.result",),
        (
            (
                CALL,
                "result = module(*args, **(kwargs or {}))\n"
                "        given = any(result is value for _, _, value in swap.names.values())\n"
                "        return result.clone() if given else result",
            ),
        ),
    ),
    Mutant(
        "a call that raises TypeError is tried again with the arguments as one",
        ("call.once",),
        (
            (
                RUN,
                RUN + "    except TypeError:\n"
                "        return module(args[0] if len(args) == 1 else args, **(kwargs or {}))\n",
            ),
        ),
    ),
    Mutant(
        "a module compiled in place runs uncompiled",
        ("call.hooks",),
        (
            (
                CALL,
                "call = module._call_impl if module._compiled_call_impl is not None else module\n"
                "        return call(*args, **(kwargs or {}))",
            ),
        ),
    ),
    Mutant(
        "global forward hooks do not run",
        ("call.hooks",),
        (
            (
                RUN,
                "        swap.put_in()\n"
                "        hooks = nn.modules.module._global_forward_hooks.copy()\n"
                "        nn.modules.module._global_forward_hooks.clear()\n"
                "        try:\n"
                "            " + CALL + "\n"
                "        finally:\n"
                "            nn.modules.module._global_forward_hooks.update(hooks)\n",
            ),
        ),
    ),
    Mutant(
        "an overridden __call__ is passed by",
        ("call.hooks", "call.once"),
        ((CALL, "return nn.Module.__call__(module, *args, **(kwargs or {}))"),),
    ),
    Mutant(
        "a KeyError of forward leaves as another one, which says where it was raised",
        ("call.exception",),
        ((RUN, RUN + '    except KeyError as error:\n        raise KeyError(f"in forward: {error}") from error\n'),),
    ),
    Mutant(
        "a ValueError in forward leaves as a RuntimeError",
        ("call.exception",),
        (
            (
                RUN,
                RUN + "    except ValueError as error:\n"
                '        raise RuntimeError(f"forward failed: {error}") from error\n',
            ),
        ),
    ),
    Mutant(
        "without values forward is called by a short cut, without hooks",
        ("call.no-values",),
        ((CALL, "return (module if swap.names else module.forward)(*args, **(kwargs or {}))"),),
    ),
    Mutant(
        "the mode of the root is given to all its children",
        ("call.mode",),
        ((CALL, 'for one in module.modules():\n            vars(one)["training"] = module.training\n        ' + CALL),),
    ),
    Mutant(
        "forward runs with gradients enabled",
        ("call.mode",),
        ((CALL, "with torch.enable_grad():\n            return module(*args, **(kwargs or {}))"),),
    ),
    Mutant(
        "tie_weights and strict can be passed by position",
        ("call.signature",),
        (("    *,\n    tie_weights: bool", "    tie_weights: bool"),),
    ),
    Mutant(
        "for the call, unless it is compiled, the module is made an instance of a class of its own",
        ("call.same-module",),
        (
            (
                "    try:\n        swap.put_in()",
                "    own = type(module)\n"
                "    if not torch.compiler.is_compiling():\n"
                '        object.__setattr__(module, "__class__", type(own.__name__, (own,), {}))\n'
                "    try:\n"
                "        swap.put_in()",
            ),
            (
                "        swap.put_back()\n",
                "        swap.put_back()\n"
                "        if not torch.compiler.is_compiling():\n"
                '            object.__setattr__(module, "__class__", own)\n',
            ),
        ),
    ),
    Mutant(
        "plain attributes are put back with the tensors",
        ("call.plain-state",),
        (
            (
                "    try:\n        swap.put_in()",
                '    public = [key for key in vars(module) if key[0] != "_" and key != "training"]\n'
                "    public = {key: vars(module)[key] for key in public}\n"
                "    try:\n"
                "        swap.put_in()",
            ),
            ("        swap.put_back()\n", "        swap.put_back()\n        vars(module).update(public)\n"),
        ),
    ),
    Mutant(
        "the walk over submodules goes round and round in a circle",
        ("call.circular",),
        (
            (
                "if child is not None and id(child) not in found:",
                'if prefix.count(".") > 100:\n'
                '                    raise RecursionError("the module has too many levels")\n'
                "                if child is not None:",
            ),
        ),
    ),
    Mutant(
        "a first argument that is no module is not checked",
        ("call.not-a-module",),
        (("if not isinstance(module, nn.Module):", "if False:"),),
    ),
    Mutant(
        "a class is accepted as a module",
        ("call.not-a-module",),
        (("if not isinstance(module, nn.Module):", "if not isinstance(module, (nn.Module, type)):"),),
    ),
]
