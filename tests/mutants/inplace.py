"""Mutants of chapter inplace."""

from mutants import mutant
from mutants._changes import After, Before, Change, Replace
from mutants._common import TRY, value_becomes, when_raised


def _lost(where: str) -> Change:
    """What forward binds is not written to the dict where this holds."""
    return Replace("_Swap.put_back", "source[name] = slot.now", f"if not ({where}):\n    source[name] = slot.now")


MUTANTS = [
    mutant(
        "what forward wrote is undone when it raises",
        ("inplace.same-tensor",),
        Before(
            "functional_call",
            TRY,
            """
            saved = [
                (value, value.detach().clone()) for *_, value in swap.names.values() if value is not None
            ]
            """,
        ),
        when_raised("""
            with torch.no_grad():
                for value, before in saved:
                    value.copy_(before)
            """),
    ),
    mutant(
        "a non-persistent buffer is taken for a cache, and written back to the module",
        ("inplace.module-untouched",),
        After(
            "_Slot.put_back",
            "store[key] = self.old",
            """
            if self.home == _BUFFERS and key in owner.non_persistent:
                written = self.now is self.given is not None and not torch.compiler.is_compiling()
                if written and self.now._version:
                    self.old.copy_(self.now)
            """,
        ),
    ),
    mutant(
        "a value that shares memory with what it replaces is copied",
        ("inplace.module-untouched",),
        value_becomes(
            "place and place[3] is not None and value is not None and value._base is place[3]", "value.clone()"
        ),
    ),
    mutant(
        "where forward binds the module's own tensor, the dict keeps the given one",
        ("inplace.rebinding",),
        _lost("slot.now is slot.old"),
    ),
    mutant(
        "only one rebinding is written, the first",
        ("inplace.rebinding", "inplace.rebinding-shared"),
        After("_Swap.put_back", "source[name] = slot.now", "break"),
    ),
    mutant(
        "the given tensor takes the new value too",
        ("inplace.rebinding",),
        Before(
            "_Swap.put_back",
            "source[name] = slot.now",
            """
            with torch.no_grad():
                _ = slot.now is None or slot.given.copy_(slot.now)
            """,
        ),
    ),
    mutant(
        "a slot is written to the dict once, by the first of its names",
        ("inplace.rebinding-shared",),
        _lost("any(its is slot for its in [its for _, its, _ in self.names.values()][: [*self.names].index(name)])"),
    ),
    mutant(
        "what forward converts to another dtype is lost",
        ("inplace.module-methods",),
        _lost("slot.now is not None and slot.given is not None and slot.now.dtype is not slot.given.dtype"),
    ),
    mutant(
        "given tensors require grad afterwards as they did before",
        ("inplace.module-methods",),
        Before(
            "functional_call",
            TRY,
            "flags = [(one, one.requires_grad) for *_, one in swap.names.values() if one is not None]",
        ),
        After(
            "functional_call",
            "swap.put_back()",
            """
            for one, flag in flags:
                _ = one.requires_grad is flag or one.requires_grad_(flag)
            """,
        ),
    ),
    mutant(
        "a tuple of dicts is merged into one, which nobody sees",
        ("inplace.rebinding-tuple",),
        Replace("_Swap.take", "(one, slot, value)", "({**one} if isinstance(dicts, tuple) else one, slot, value)"),
    ),
    mutant(
        "what forward binds goes to the first dict of a tuple",
        ("inplace.rebinding-tuple",),
        Replace("_Swap.take", "(one, slot, value)", "(dicts[0] if isinstance(dicts, tuple) else one, slot, value)"),
    ),
    mutant(
        "what forward binds more than two modules down is lost",
        ("inplace.nested",),
        _lost('name.count(".") > 2'),
    ),
    mutant(
        "what forward binds in a submodule is written under its last part",
        ("inplace.nested", "inplace.rebinding-shared"),
        Replace("_Swap.put_back", "source[name]", 'source[name.rpartition(".")[2]]'),
    ),
    mutant(
        "a buffer is not put in where it equals the own one",
        ("inplace.batch-norm",),
        value_becomes(
            "place and place[1] == _BUFFERS and not torch.compiler.is_compiling() and _equal(value, place[3])",
            "place[3]",
        ),
    ),
    mutant(
        "counters of submodules, of no dimension, are copied",
        ("inplace.batch-norm", "transforms.vmap-inplace"),
        value_becomes(
            "place and place[0] is not self.module and value is not None and value.dtype is torch.int64 and not value.dim()",
            "value.clone()",
        ),
    ),
    mutant(
        "what forward binds to names that are not given is undone too",
        ("inplace.not-given",),
        Before(
            "_Swap.put_back",
            "if self.cache is not None: ...",
            """
            for module, home, key, tensor in self.registered.values():
                (module._parameters, module._buffers)[home][key] = tensor
            """,
        ),
    ),
    mutant(
        "counters that are not given stand still where another name is given",
        ("inplace.not-given",),
        Before(
            "functional_call",
            TRY,
            """
            saved = [
                (tensor, tensor.clone())
                for name, (_, home, _, tensor) in swap.registered.items()
                if home == _BUFFERS and tensor is not None and not tensor.is_floating_point()
                if swap.names and name not in swap.names
            ]
            """,
        ),
        After(
            "functional_call",
            "swap.put_back()",
            """
            for tensor, before in saved:
                tensor.copy_(before)
            """,
        ),
    ),
    mutant(
        "whatever stands at a name is written to the dict",
        ("inplace.only-tensors",),
        Replace("_Swap.put_back", "slot.now is None or isinstance(slot.now, Tensor)", "True"),
    ),
    mutant(
        "a module that forward binds is written to the dict",
        ("inplace.only-tensors",),
        Replace("_Swap.put_back", "isinstance(slot.now, Tensor)", "isinstance(slot.now, (Tensor, nn.Module))"),
    ),
    mutant(
        "a name that forward deletes is deleted from the dict",
        ("inplace.only-tensors",),
        Before(
            "_Swap.put_back",
            "if slot.now is not slot.in_force and (slot.now is None or isinstance(slot.now, Tensor)): ...",
            """
            if slot is not None and slot.now is _Absent:
                source.pop(name)
            """,
        ),
    ),
]
