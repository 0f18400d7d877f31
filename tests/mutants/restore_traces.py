"""Mutants of chapter restore: what a call leaves behind beside the slots themselves."""

from mutants import mutant
from mutants._changes import After, Before, Replace, TopLevel
from mutants._common import left, not_put_back, when_raised, with_old

MUTANTS = [
    mutant(
        "a plain attribute that hid a given name before the call is gone",
        ("restore.shape",),
        Replace(
            "_Slot.__init__",
            "key not in other",
            "other is not owner.stores[self.home]",
        ),
    ),
    mutant(
        "what forward puts elsewhere under a given name stays where the slot still has an entry",
        ("restore.rebound",),
        Replace("_Slot.put_back", "if key in other: ...", "if key in other and key not in store: ..."),
    ),
    mutant(
        "a given tensor starts with the own one's .grad, the very object",
        ("restore.own-grad",),
        Before(
            "_Swap.put_in",
            "self.is_in = True",
            """
            for _, slot, value in self.names.values():
                if isinstance(value, Tensor) and value.is_leaf and value.grad is None:
                    if slot is not None and isinstance(slot.old, Tensor) and slot.old.is_leaf:
                        value.grad = slot.old.grad
            """,
        ),
    ),
    mutant(
        "own .grad is dropped where a given tensor requires grad",
        ("restore.own-grad",),
        with_old(
            "if isinstance(self.old, nn.Parameter) and isinstance(self.given, Tensor) and self.given.requires_grad:\n"
            "                self.old.grad = None"
        ),
    ),
    mutant(
        "own tensors count as changed",
        ("restore.versions",),
        with_old("_ = isinstance(self.old, Tensor) and torch.autograd.graph.increment_version(self.old)"),
    ),
    mutant(
        "a mark stays on the module",
        ("restore.shape",),
        Before("functional_call", "return ...", 'module.__dict__["_is_functional"] = True'),
    ),
    mutant(
        "a hook stays on each module that owns a given name",
        ("restore.shape",),
        Before(
            "_Swap.put_back",
            "owner.put_back()",
            """
            if isinstance(owner.module, nn.Module) and owner.slots:
                owner.module._forward_hooks[-1] = lambda *_: None
            """,
        ),
    ),
    mutant(
        "a mark stays on the module when forward raises",
        ("restore.shape",),
        when_raised("module.__dict__['_has_failed'] = True"),
    ),
    mutant(
        "the last call is remembered",
        ("restore.no-references",),
        After("functional_call", "swap.take(parameter_and_buffer_dicts)", "_LAST[:] = [swap]"),
        TopLevel("_LAST: list[Any] = []"),
    ),
    mutant(
        "values of calls that raised are kept, for a report",
        ("restore.no-references",),
        when_raised("_FAILED.append(swap.names)"),
        TopLevel("_FAILED: list[Any] = []"),
    ),
    mutant(
        "values of calls that are refused are kept",
        ("restore.no-references",),
        Replace(
            "functional_call",
            "swap.take(parameter_and_buffer_dicts)",
            """
            try:
                swap.take(parameter_and_buffer_dicts)
            except Exception:
                _REFUSED.append(swap.names)
                raise
            """,
        ),
        TopLevel("_REFUSED: list[Any] = []"),
    ),
    mutant(
        "the list of weights of recurrent modules is not put back",
        ("restore.recurrent",),
        not_put_back('isinstance(owner.module, nn.RNNBase) and key == "_flat_weights"'),
    ),
    mutant(
        "the list of weights of recurrent modules is not put back when forward raises",
        ("restore.recurrent",),
        when_raised('[one.slots.pop("_flat_weights", None) for one in swap.owners.values()]'),
    ),
    mutant(
        "a class-level tensor is put back as an attribute of the instance",
        ("restore.plain-attribute",),
        After(
            "_Slot.put_back",
            "other.pop(key)",
            """
            found = getattr(type(owner.module), key, None)
            if other is store and isinstance(found, Tensor):
                store[key] = found
            """,
        ),
    ),
    mutant(
        "a Parameter that is given for a plain attribute stays registered",
        ("restore.plain-attribute",),
        left("self.home == _DICT and other is owner.stores[_PARAMETERS]"),
        Before(
            "_Swap.put_in",
            "self.is_in = True",
            """
            for _, slot, value in self.names.values():
                if slot is not None and slot.home == _DICT and isinstance(value, nn.Parameter):
                    for owner in self.owners.values():
                        if slot in owner.slots.values() and isinstance(slot.old, Tensor):
                            setattr(owner.module, slot.key, value)
            """,
        ),
    ),
]
