"""Mutants of chapter swap."""

from mutants import mutant
from mutants._changes import After, Before, Change, First, Replace, TopLevel
from mutants._common import value_becomes


def _value_ignored(where: str) -> Change:
    """A registered name, where this holds, keeps its own value."""
    return After("_Swap.take", "place = self.registered.get(name)", f"if place and {where}:\n    continue")


MUTANTS = [
    mutant(
        "a frozen parameter keeps its own value",
        ("swap.parameter",),
        _value_ignored("isinstance(place[3], nn.Parameter) and not place[3].requires_grad"),
    ),
    mutant(
        "a buffer of booleans keeps its own value",
        ("swap.buffer",),
        _value_ignored("place[3] is not None and place[3].dtype is torch.bool"),
    ),
    mutant(
        "tensors more than six submodules deep keep their own values",
        ("swap.nested",),
        _value_ignored('name.count(".") > 6'),
    ),
    mutant(
        "a value reaches every name that begins with the given one",
        ("swap.partial",),
        After(
            "_Swap.tie",
            "for _, slot, value in self.names.values(): ...",
            """
            for given, (_, _, value) in [*self.names.items()]:
                for name, (module, home, key, tensor) in self.registered.items():
                    if name.startswith(given):
                        self._slot(module, home, key, value)
            """,
        ),
    ),
    mutant(
        "a value with a history goes in as a view of itself",
        ("swap.identity",),
        value_becomes("value is not None and value.grad_fn is not None", "value.view_as(value)"),
    ),
    mutant(
        "a frozen Parameter that is given is made to require grad",
        ("swap.kind",),
        value_becomes("isinstance(value, nn.Parameter) and not value.requires_grad", "value.requires_grad_()"),
    ),
    mutant(
        "a value of another dtype is cast to that of the own tensor",
        ("swap.other-shape",),
        value_becomes("place and place[3] is not None and value is not None", "value.to(place[3].dtype)"),
    ),
    mutant(
        "a value with another number of dimensions is refused",
        ("swap.other-shape",),
        After(
            "_Swap.take",
            "place = self.registered.get(name)",
            """
            both = [tensor for tensor in (value, place and place[3]) if tensor is not None]
            if len({tensor.dim() for tensor in both}) > 1:
                raise ValueError(f"{name!r} has another number of dimensions")
            """,
        ),
    ),
    mutant(
        "the module's own tensors are collected in a set",
        ("swap.subclass",),
        Replace(
            "_Swap.tie",
            "values: dict[Any, Any] = {}",
            """
            {tensor for *_, tensor in self.registered.values()}
            values = {}
            """,
        ),
    ),
    mutant(
        "under autocast values are written into own parameters",
        ("swap.autocast",),
        Replace(
            "functional_call",
            "return ...",
            """
            if not torch.is_autocast_enabled("cpu"):
                return ...
            filled = []
            for owner in swap.owners.values():
                for slot in owner.slots.values():
                    if isinstance(slot.old, nn.Parameter) and isinstance(slot.given, Tensor):
                        filled.append((owner.stores[slot.home], slot, slot.old.data))
                        owner.stores[slot.home][slot.key] = slot.old
                        slot.old.data = slot.given.data
            try:
                return ...
            finally:
                for store, slot, data in filled:
                    slot.old.data, store[slot.key] = data, slot.given
            """,
        ),
    ),
    mutant(
        "an RNN notices its given weights only where all of them are given",
        ("swap.recurrent",),
        After(
            "_Swap.put_in",
            "for slot in owner.slots.values(): ...",
            """
            refs = "_flat_weight_refs"
            if refs in owner.slots and len(owner.slots) - 2 < len(owner.module._flat_weights):
                weights = [getattr(owner.module, key) for key in owner.module._flat_weights_names]
                vars(owner.module)[refs] = [weakref.ref(weight) for weight in weights]
            """,
        ),
        TopLevel("import weakref"),
    ),
    mutant(
        "forward of an RNN changes the very list of its own weights",
        ("swap.recurrent",),
        Replace("_Owner.__init__", "list(module.__dict__[key])", "module.__dict__[key]"),
    ),
    mutant(
        "a Parameter that is given for a buffer is registered as a parameter",
        ("swap.visible",),
        Replace(
            "_Swap.put_in",
            "owner.stores[slot.home][slot.key] = slot.given",
            """
            home = slot.home
            if home == _BUFFERS and isinstance(slot.given, nn.Parameter):
                del owner.stores[home][slot.key]
                home = _PARAMETERS
            owner.stores[home][slot.key] = slot.given
            """,
        ),
    ),
    mutant(
        "named_parameters is called with an argument that an override need not take",
        ("swap.custom-access",),
        First("_Swap.walk", 'self.module.named_parameters(prefix="")'),
    ),
    mutant(
        "own parameters are put back by setattr, which a locked module refuses",
        ("swap.custom-access",),
        Before(
            "_Slot.put_back",
            "store[key] = self.old",
            """
            if isinstance(self.old, nn.Parameter) and key in owner.stores[_PARAMETERS]:
                setattr(owner.module, key, self.old)
            """,
        ),
    ),
    mutant(
        "a Parameter is registered anew, and stands behind its neighbours",
        ("swap.order",),
        Before(
            "_Swap.put_in",
            "owner.stores[slot.home][slot.key] = slot.given",
            """
            if isinstance(slot.given, nn.Parameter):
                owner.stores[slot.home].pop(slot.key, None)
            """,
        ),
    ),
]
