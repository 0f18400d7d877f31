"""Mutants of chapter drop-in."""

from mutants import mutant
from mutants._changes import Before, Replace, Signature

MUTANTS = [
    mutant(
        "a list of dicts is refused",
        ("drop-in.list",),
        Replace("_Swap.take", "(tuple, list)", "tuple"),
    ),
    mutant(
        "args=None is one argument",
        ("drop-in.args-none",),
        Replace(
            "functional_call",
            """
            if args is None:
                args = ()
            elif not isinstance(args, tuple):
                args = (args,)
            """,
            """
            if not isinstance(args, tuple):
                args = (args,)
            """,
        ),
    ),
    mutant(
        "args has no default",
        ("drop-in.args-none",),
        Signature(
            "functional_call",
            """
            (
                module: nn.Module,
                parameter_and_buffer_dicts: Values | tuple[Values, ...],
                args: Any,
                kwargs: Any = None,
                *,
                tie_weights: bool = True,
                strict: bool = False,
            )
            """,
        ),
    ),
    mutant(
        "a name in two dicts is a KeyError",
        ("drop-in.duplicate-error",),
        Replace(
            "_Swap.take", "if name in self.names: raise ValueError(...)", "if name in self.names: raise KeyError(...)"
        ),
    ),
    mutant(
        "a name in two dicts is given twice, in other words",
        ("drop-in.duplicate-error",),
        Replace(
            "_Swap.take",
            "if name in self.names: raise ValueError(...)",
            'if name in self.names: raise ValueError(f"[{name!r}] is in more than one dict; which one counts is ambiguous")',
        ),
    ),
    mutant(
        "what is no dict is a TypeError",
        ("drop-in.container-error",),
        Replace(
            "_Swap.take",
            'ValueError(f"Expected parameter_and_buffer_dicts to be a dict or a tuple of dicts, got {found}")',
            'TypeError(f"Expected parameter_and_buffer_dicts to be a dict or a tuple of dicts, got {found}")',
        ),
    ),
    mutant(
        "conflicts of tied names are a RuntimeError",
        ("drop-in.tie-error",),
        Replace(
            "functional_call",
            "swap.tie()",
            """
            try:
                swap.tie()
            except ValueError as error:
                raise RuntimeError(*error.args) from None
            """,
        ),
    ),
    mutant(
        "conflicts of tied names in other words",
        ("drop-in.tie-error",),
        Replace(
            "_Swap.tie",
            'f"functional_call got multiple values for keys {names}, which are tied: give one, or equal ones"',
            'f"{names} differ, which are tied: give one, or equal ones"',
        ),
    ),
    mutant(
        "strict raises KeyError",
        ("drop-in.strict-error",),
        Replace("_Swap.check_strict", "RuntimeError(...)", "KeyError(...)"),
    ),
    mutant(
        "strict lists the missing names first",
        ("drop-in.strict-error",),
        Replace(
            "_Swap.check_strict",
            '(("Unexpected", self.unexpected), ("Missing", missing))',
            '(("Missing", missing), ("Unexpected", self.unexpected))',
        ),
    ),
    mutant(
        "strict lists names in the order in which they are met",
        ("drop-in.strict-error",),
        Replace(
            "_Swap.check_strict",
            "f\"{label} key(s): {', '.join(map(repr, sorted(names)))}.\"",
            "f\"{label} key(s): {', '.join(map(repr, names))}.\"",
        ),
    ),
    mutant(
        "a value that is no tensor is a ValueError",
        ("drop-in.value-error",),
        Replace(
            "_Swap.take",
            "if value is not None and not isinstance(value, Tensor): raise TypeError(...)",
            "if value is not None and not isinstance(value, Tensor): raise ValueError(...)",
        ),
    ),
    mutant(
        "the name of what is no tensor is an AttributeError",
        ("drop-in.attribute-error",),
        Replace("_Swap._other_slot", "TypeError(...)", "AttributeError(...)"),
    ),
    mutant(
        "a name whose owner is missing is a KeyError",
        ("drop-in.owner-error",),
        Replace("_Swap._module_at", "AttributeError(...)", "KeyError(...)"),
    ),
    mutant(
        "an empty name is a ValueError",
        ("drop-in.empty-name-error",),
        Replace("_Swap._other_slot", "KeyError(...)", "ValueError(...)"),
    ),
    mutant(
        "None is no value",
        ("drop-in.none-value",),
        Replace("_Swap.take", "value is not None and not isinstance(value, Tensor)", "not isinstance(value, Tensor)"),
    ),
    mutant(
        "None leaves what stood there",
        ("drop-in.none-value",),
        Before(
            "_Swap.take",
            "if not isinstance(name, str): ...",
            """
            if value is None:
                continue
            """,
        ),
    ),
    mutant(
        "an nn.Parameter under a new name is a plain attribute",
        ("drop-in.extra-name",),
        Replace("_Swap._other_slot", "_PARAMETERS if isinstance(value, nn.Parameter) else _DICT", "_DICT"),
    ),
    mutant(
        "a tensor under a new name is registered as a parameter",
        ("drop-in.extra-name",),
        Replace("_Swap._other_slot", "_PARAMETERS if isinstance(value, nn.Parameter) else _DICT", "_PARAMETERS"),
    ),
    mutant(
        "plain attributes are refused",
        ("drop-in.plain-attribute",),
        Replace("_Swap._other_slot", "found is None or isinstance(found, Tensor)", "found is None"),
    ),
    mutant(
        "jitted modules are called",
        ("drop-in.jit",),
        Replace("_check_module", "isinstance(module, torch.jit.ScriptModule)", "False"),
    ),
    mutant(
        "a data-parallel module is called",
        ("drop-in.data-parallel",),
        Replace("_check_module", "isinstance(module, nn.DataParallel)", "False"),
    ),
]
