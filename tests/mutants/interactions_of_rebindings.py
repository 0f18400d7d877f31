"""Mutants that show only where a rebinding in forward, or a flag of the call, meets something else."""

from mutants import mutant
from mutants._changes import After, Before, Replace

MUTANTS = [
    mutant(
        "rebinding is lost under strict",
        ("inplace.rebinding",),
        Replace("_Swap.put_back", "self.is_in", "self.is_in and not self.strict"),
    ),
    mutant(
        "rebinding is lost without ties",
        ("inplace.rebinding",),
        Replace("_Swap.put_back", "self.is_in", "self.is_in and self.tied"),
        After("functional_call", "swap.take(parameter_and_buffer_dicts)", "swap.tied = tie_weights"),
    ),
    mutant(
        "an unknown name is an error without ties",
        ("strict.off",),
        Before(
            "functional_call",
            "if strict: ...",
            """
            if not tie_weights and swap.unexpected and not strict:
                for n in swap.unexpected:
                    if swap.names[n][1].old is _Absent and not isinstance(
                        swap.names[n][1], _ParametrizedSlot
                    ):
                        raise KeyError(n)
            """,
        ),
    ),
    mutant(
        "rebinding reaches plain dicts only",
        ("inplace.rebinding",),
        Replace(
            "_Swap.put_back",
            "slot.now is not slot.in_force and (slot.now is None or isinstance(slot.now, Tensor))",
            """
            (
                type(source) is dict
                and slot.now is not slot.given
                and (slot.now is None or isinstance(slot.now, Tensor))
            )
            """,
        ),
    ),
    mutant(
        "a rebinding to an instance of a subclass is lost",
        ("inplace.rebinding",),
        Replace(
            "_Swap.put_back",
            "slot.now is None or isinstance(slot.now, Tensor)",
            """
            (
                slot.now is None
                or type(slot.now) in (Tensor, nn.Parameter)
                or (isinstance(slot.now, Tensor) and type(slot.now).__module__.startswith("torch"))
            )
            """,
        ),
    ),
    mutant(
        "a rebinding to an equal tensor is lost",
        ("inplace.rebinding",),
        Before(
            "_Swap.put_back",
            """
            try:
                ...
            except Exception:
                ...
            """,
            """
            if slot.now is not None and slot.given is not None and _equal(slot.now + 0, slot.given + 0):
                continue
            """,
        ),
    ),
    mutant(
        "rebinding is lost under transforms",
        ("inplace.rebinding",),
        Replace(
            "_Swap.put_back",
            "slot.now is not slot.in_force and (slot.now is None or isinstance(slot.now, Tensor))",
            """
            (
                torch._C._functorch.maybe_current_level() is None
                and slot.now is not slot.given
                and (slot.now is None or isinstance(slot.now, Tensor))
            )
            """,
        ),
    ),
    mutant(
        "rebindings are found by the last part of the name",
        ("inplace.nested",),
        After(
            "_Swap.put_back",
            "if self.cache is not None: ...",
            """
            new = {}
            for name, (source, slot, _) in self.names.items() if self.is_in else ():
                if slot.now is not slot.given:
                    new[slot.key] = slot.now
            """,
        ),
        Before(
            "_Swap.put_back",
            "if slot.now is not slot.in_force and (slot.now is None or isinstance(slot.now, Tensor)): ...",
            """
            if slot.now is not slot.given:
                slot.now = new[slot.key]
            """,
        ),
    ),
    mutant(
        "what forward registers is gone afterwards",
        ("inplace.not-given",),
        After(
            "_Owner.put_back",
            "for slot in self.slots.values(): ...",
            """
            for store in self.stores[:_MODULES]:
                for key in [k for k in store if k not in self.order and k not in self.slots]:
                    del store[key]
            """,
        ),
    ),
    mutant(
        "buffers are copies where no gradient is asked for",
        ("inplace.batch-norm",),
        Before(
            "_Swap.put_in",
            "owner.stores[slot.home][slot.key] = slot.given",
            """
            if (
                slot.home == _BUFFERS
                and isinstance(slot.given, Tensor)
                and not torch.is_grad_enabled()
                and self.module.training
            ):
                slot.given = slot.given.clone()
            """,
        ),
    ),
    mutant(
        "without ties a name registered as None is missing",
        ("strict.none",),
        Replace("_Swap.check_strict", "tensor is not None", "tensor is not None or not self.tied"),
        After("functional_call", "swap.take(parameter_and_buffer_dicts)", "swap.tied = tie_weights"),
    ),
]
