"""Mutants of chapter tie: what a value reaches."""

from mutants import mutant
from mutants._changes import After, Before, Change, Replace, Signature, TopLevel


def _reaching(where: str, instead: str = "tensor") -> Change:
    """A tied slot where this holds takes something else than the value."""
    return Replace("_Swap.tie", "values[_identity(tensor)]", f"{instead} if {where} else values[_identity(tensor)]")


# What stands in `first_slot`: the slot, by group, that was named first.
FIRST_SLOT = (
    After("_Swap.tie", "values: dict[Any, Any] = {}", "first_slot: dict[Any, Any] = {}"),
    Before("_Swap.tie", "if not _equal(first, value): ...", "first_slot.setdefault(slot.group, slot)"),
)

MUTANTS = [
    mutant(
        "an nn.Parameter given for one of two tied parameters reaches only the named one",
        ("tie.one-name",),
        *FIRST_SLOT,
        _reaching(
            "isinstance(values[_identity(tensor)], nn.Parameter) and home == first_slot[_identity(tensor)].home == _PARAMETERS"
        ),
    ),
    mutant(
        "a value given for one name of a group reaches one more name in each module",
        ("tie.large-group",),
        Before(
            "_Swap.tie",
            "if _identity(tensor) in values and name not in self.names: ...",
            'seen = self.__dict__.setdefault("seen", set())',
        ),
        Replace(
            "_Swap.tie",
            "self._slot(module, home, key, values[_identity(tensor)])",
            """
            again = (id(tensor), id(module)) in seen
            seen.add((id(tensor), id(module)))
            self._slot(module, home, key, tensor if again else values[_identity(tensor)])
            """,
        ),
    ),
    mutant(
        "when several names of a group are given, the others keep their own",
        ("compile.tied", "tie.equal-values", "tie.large-group"),
        _reaching(
            "sum(its is not None and its.group == _identity(tensor) and its.key != key"
            " for _, its, _ in self.names.values()) > 1"
        ),
    ),
    mutant(
        "an nn.Parameter given for a buffer is not put where a tied buffer stands",
        ("tie.buffers",),
        *FIRST_SLOT,
        _reaching(
            "isinstance(values[_identity(tensor)], nn.Parameter) and home == first_slot[_identity(tensor)].home == _BUFFERS"
        ),
    ),
    mutant(
        "the value of a buffer reaches tied buffers as a copy",
        ("tie.buffers", "tie.large-group"),
        *FIRST_SLOT,
        _reaching("home == first_slot[_identity(tensor)].home == _BUFFERS", "values[_identity(tensor)].clone()"),
    ),
    mutant(
        "an nn.Parameter given for a parameter is not put where a tied buffer stands",
        ("tie.across-kinds",),
        *FIRST_SLOT,
        _reaching("isinstance(values[_identity(tensor)], nn.Parameter) and home > first_slot[_identity(tensor)].home"),
    ),
    mutant(
        "parameters tie to parameters only, and buffers to buffers",
        ("compile.tied", "tie.across-kinds", "tie.large-group"),
        *FIRST_SLOT,
        _reaching("home != first_slot[_identity(tensor)].home"),
    ),
    mutant(
        "tie_weights is off by default",
        ("compile.meta", "compile.tied", "drop-in.strict-error", "tie.default"),
        Signature(
            "functional_call",
            """
            (
                module: nn.Module,
                parameter_and_buffer_dicts: Values | tuple[Values, ...],
                args: Any = None,
                kwargs: dict[str, Any] | None = None,
                *,
                tie_weights: bool = False,
                strict: bool = False,
            )
            """,
        ),
    ),
    mutant(
        "with strict tie_weights is off by default",
        (
            "drop-in.strict-error",
            "tie.default",
        ),
        Signature(
            "functional_call",
            """
            (
                module: nn.Module,
                parameter_and_buffer_dicts: Values | tuple[Values, ...],
                args: Any = None,
                kwargs: dict[str, Any] | None = None,
                *,
                tie_weights: bool | None = None,
                strict: bool = False,
            )
            """,
        ),
        After(
            "functional_call",
            "_check_module(module)",
            "tie_weights = not strict if tie_weights is None else tie_weights",
        ),
    ),
    mutant(
        "for a tuple of dicts tie_weights is off by default",
        ("tie.default",),
        Signature(
            "functional_call",
            """
            (
                module: nn.Module,
                parameter_and_buffer_dicts: Values | tuple[Values, ...],
                args: Any = None,
                kwargs: dict[str, Any] | None = None,
                *,
                tie_weights: bool | None = None,
                strict: bool = False,
            )
            """,
        ),
        After(
            "functional_call",
            "_check_module(module)",
            """
            if tie_weights is None:
                tie_weights = not isinstance(parameter_and_buffer_dicts, tuple)
            """,
        ),
    ),
    mutant(
        "tie_weights=False ties as well, and only accepts values that conflict",
        ("tie.off",),
        After(
            "functional_call",
            "if strict: ...",
            """
            if not tie_weights:
                swap.walk()
                try:
                    swap.tie()
                except ValueError:
                    pass
            """,
        ),
    ),
    mutant(
        "different values for a tied group are an error with tie_weights=False too, but under strict",
        ("tie.off-different",),
        Replace(
            "functional_call",
            "if tie_weights: ...",
            """
            if tie_weights:
                swap.tie(on=True)
            elif not strict:
                swap.tie()
            """,
        ),
        Signature("_Swap.tie", "(self, on: bool = False)"),
        Replace(
            "_Swap.tie",
            "_identity(tensor) in values and name not in self.names",
            "on and _identity(tensor) in values and name not in self.names",
        ),
    ),
    mutant(
        "with tie_weights=False a tensor that is given twice is copied, lest it be tied",
        ("tie.off-same",),
        After(
            "functional_call",
            "if strict: ...",
            """
            used: dict[int, Any] = {}
            for _, slot, value in swap.names.values() if not tie_weights else ():
                if slot is not None and value is not None:
                    if used.setdefault(id(value), slot) is not slot:
                        slot.given = value.clone()
            """,
        ),
    ),
    mutant(
        "of different values for two names of one slot the first is taken",
        ("tie.shared-submodule",),
        Before(
            "_Swap.tie",
            "first = values.setdefault(slot.group, value)",
            """
            if slot.given is not value:
                continue
            """,
        ),
    ),
    mutant(
        "tensors that begin at one address are tied",
        ("tie.untied",),
        Replace("_Slot.__init__", "_identity(self.old)", "_address(self.old)"),
        Replace("_Swap.tie", "_identity(tensor) in values", "_address(tensor) in values"),
        Replace("_Swap.tie", "_identity(tensor)", "_address(tensor)"),
        TopLevel(
            """
            def _address(tensor: Any) -> Any:
                if torch.compiler.is_compiling():
                    return id(tensor)
                try:
                    return tensor.data_ptr() or id(tensor)
                except Exception:
                    return id(tensor)
            """,
        ),
    ),
    mutant(
        "a plain tensor that requires grad reaches the other names detached",
        ("tie.gradient",),
        _reaching(
            "values[_identity(tensor)] is not None and values[_identity(tensor)].requires_grad"
            " and not isinstance(values[_identity(tensor)], nn.Parameter)",
            "values[_identity(tensor)].detach()",
        ),
    ),
]
