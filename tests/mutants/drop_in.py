"""Mutants of chapter drop-in."""

from mutants import Mutant

_ONES = "for one in dicts if isinstance(dicts, (tuple, list)) else (dicts,):"
_TAKE = "            for name, value in one.items():\n"
_EMPTY = '            raise KeyError(f"the name of a parameter or buffer can\'t be empty, got {name!r}")\n'

MUTANTS = [
    Mutant(
        "a list of dicts is refused",
        ("drop-in.list",),
        ((_ONES, "for one in dicts if isinstance(dicts, tuple) else (dicts,):"),),
    ),
    Mutant(
        "args=None is one argument",
        ("drop-in.args-none",),
        (("    if args is None:\n        args = ()\n    elif not", "    if not"),),
    ),
    Mutant(
        "args has no default",
        ("drop-in.args-none",),
        (
            (
                "    args: Any = None,\n    kwargs: dict[str, Any] | None = None,\n",
                "    args: Any,\n    kwargs: Any = None,\n",
            ),
        ),
    ),
    Mutant(
        "a name in two dicts is a KeyError",
        ("drop-in.duplicate-error",),
        (('raise ValueError(f"[{name!r}] appeared', 'raise KeyError(f"[{name!r}] appeared'),),
    ),
    Mutant(
        "a name in two dicts is given twice, in other words",
        ("drop-in.duplicate-error",),
        (("appeared in multiple dictionaries", "is in more than one dict"),),
    ),
    Mutant(
        "what is no dict is a TypeError",
        ("drop-in.container-error",),
        (('raise ValueError(f"Expected parameter_and', 'raise TypeError(f"Expected parameter_and'),),
    ),
    Mutant(
        "conflicts of tied names are a RuntimeError",
        ("drop-in.tie-error",),
        (
            (
                "        swap.tie()\n",
                "        try:\n            swap.tie()\n"
                "        except ValueError as error:\n            raise RuntimeError(*error.args) from None\n",
            ),
        ),
    ),
    Mutant(
        "conflicts of tied names in other words",
        ("drop-in.tie-error",),
        (("functional_call got multiple values for keys {names}, which", "{names} differ, which"),),
    ),
    Mutant(
        "strict raises KeyError",
        ("drop-in.strict-error",),
        (('raise RuntimeError("\\n\\t".join', 'raise KeyError("\\n\\t".join'),),
    ),
    Mutant(
        "strict lists the missing names first",
        ("drop-in.strict-error",),
        (
            (
                '(("Unexpected", self.unexpected), ("Missing", missing))',
                '(("Missing", missing), ("Unexpected", self.unexpected))',
            ),
        ),
    ),
    Mutant(
        "strict lists names in the order in which they are met",
        ("drop-in.strict-error",),
        (("map(repr, sorted(names))", "map(repr, names)"),),
    ),
    Mutant(
        "a value that is no tensor is a ValueError",
        ("drop-in.value-error",),
        (
            (
                'raise TypeError(f"{name!r}: {type(value).__name__} is not',
                'raise ValueError(f"{name!r}: {type(value).__name__} is not',
            ),
        ),
    ),
    Mutant(
        "the name of what is no tensor is an AttributeError",
        ("drop-in.attribute-error",),
        (
            (
                'raise TypeError(f"{name!r}: {type(module).__name__}.{key} is not',
                'raise AttributeError(f"{name!r}: {type(module).__name__}.{key} is not',
            ),
        ),
    ),
    Mutant(
        "a name whose owner is missing is a KeyError",
        ("drop-in.owner-error",),
        (
            (
                'raise AttributeError(f"{name!r}: {type(module).__name__} has no',
                'raise KeyError(f"{name!r}: {type(module).__name__} has no',
            ),
        ),
    ),
    Mutant(
        "an empty name is a ValueError",
        ("drop-in.empty-name-error",),
        ((_EMPTY, _EMPTY.replace("KeyError", "ValueError")),),
    ),
    Mutant(
        "None is no value",
        ("drop-in.none-value",),
        (("if value is not None and not isinstance(value, Tensor):", "if not isinstance(value, Tensor):"),),
    ),
    Mutant(
        "None leaves what stood there",
        ("drop-in.none-value",),
        ((_TAKE, f"{_TAKE}                if value is None:\n                    continue\n"),),
    ),
    Mutant(
        "an nn.Parameter under a new name is a plain attribute",
        ("drop-in.extra-name",),
        (("_PARAMETERS if isinstance(value, nn.Parameter) else _DICT, key, value", "_DICT, key, value"),),
    ),
    Mutant(
        "a tensor under a new name is registered as a parameter",
        ("drop-in.extra-name",),
        (("_PARAMETERS if isinstance(value, nn.Parameter) else _DICT, key, value", "_PARAMETERS, key, value"),),
    ),
    Mutant(
        "plain attributes are refused",
        ("drop-in.plain-attribute",),
        (("if found is None or isinstance(found, Tensor):", "if found is None:"),),
    ),
    Mutant(
        "jitted modules are called",
        ("drop-in.jit",),
        (("if isinstance(module, torch.jit.ScriptModule):", "if False:"),),
    ),
    Mutant(
        "a data-parallel module is called",
        ("drop-in.data-parallel",),
        (("if isinstance(module, nn.DataParallel):", "if False:"),),
    ),
]
