"""Mutants of chapter inplace."""

from mutants import Mutant

TRY = "    try:\n        swap.put_in()\n"
END = "    finally:\n        swap.put_back()\n"
PLACE = "                place = self.registered.get(name)\n"
OWNERS_BACK = "            owner.put_back()\n"
RESTORES = "            store[key] = self.old\n"
IS_TENSOR = "(slot.now is None or isinstance(slot.now, Tensor))"
NAMES = "        for name, (source, slot, _) in self.names.items() if self.is_in else ():\n"
WRITES = "                    source[name] = slot.now  # inplace.rebinding\n"
SOURCE = "self.names[name] = (one, slot, value)"


def _value_becomes(new: str, where: str) -> tuple[tuple[str, str], ...]:
    return ((PLACE, f"{PLACE}                if {where}:\n                    value = {new}\n"),)


def _lost(where: str) -> tuple[tuple[str, str], ...]:
    """What forward binds is not written to the dict where this holds."""
    return ((WRITES, f"                    if not ({where}):\n    {WRITES}"),)


MUTANTS = [
    Mutant(
        "what forward wrote is undone when it raises",
        ("inplace.same-tensor",),
        (
            (
                TRY,
                "    saved = [(value, value.detach().clone()) for *_, value in swap.names.values() if value is not None]\n"
                f"{TRY}",
            ),
            (
                END,
                "    except BaseException:\n"
                "        with torch.no_grad():\n"
                "            for value, before in saved:\n"
                "                value.copy_(before)\n"
                f"        raise\n{END}",
            ),
        ),
    ),
    Mutant(
        "a non-persistent buffer is taken for a cache, and written back to the module",
        ("inplace.module-untouched",),
        (
            (
                RESTORES,
                f"{RESTORES}            if self.home == _BUFFERS and key in owner.non_persistent:\n"
                "                written = self.now is self.given is not None and not torch.compiler.is_compiling()\n"
                "                if written and self.now._version:\n"
                "                    self.old.copy_(self.now)\n",
            ),
        ),
    ),
    Mutant(
        "a value that shares memory with what it replaces is copied",
        ("inplace.module-untouched",),
        _value_becomes(
            "value.clone()",
            "place and place[3] is not None and value is not None and value._base is place[3]",
        ),
    ),
    Mutant(
        "where forward binds the module's own tensor, the dict keeps the given one",
        ("inplace.rebinding",),
        _lost("slot.now is slot.old"),
    ),
    Mutant(
        "only one rebinding is written, the first",
        ("inplace.rebinding", "inplace.rebinding-shared"),
        ((WRITES, f"{WRITES}                    break\n"),),
    ),
    Mutant(
        "the given tensor takes the new value too",
        ("inplace.rebinding",),
        (
            (
                WRITES,
                "                    with torch.no_grad():\n"
                f"                        _ = slot.now is None or slot.given.copy_(slot.now)\n{WRITES}",
            ),
        ),
    ),
    Mutant(
        "a slot is written to the dict once, by the first of its names",
        ("inplace.rebinding-shared",),
        _lost("any(its is slot for its in [its for _, its, _ in self.names.values()][: [*self.names].index(name)])"),
    ),
    Mutant(
        "what forward converts to another dtype is lost",
        ("inplace.module-methods",),
        _lost("slot.now is not None and slot.given is not None and slot.now.dtype is not slot.given.dtype"),
    ),
    Mutant(
        "given tensors require grad afterwards as they did before",
        ("inplace.module-methods",),
        (
            (
                TRY,
                f"    flags = [(one, one.requires_grad) for *_, one in swap.names.values() if one is not None]\n{TRY}",
            ),
            (
                END,
                f"{END}        for one, flag in flags:\n            _ = one.requires_grad is flag or one.requires_grad_(flag)\n",
            ),
        ),
    ),
    Mutant(
        "a tuple of dicts is merged into one, which nobody sees",
        ("inplace.rebinding-tuple",),
        ((SOURCE, SOURCE.replace("(one,", "({**one} if isinstance(dicts, tuple) else one,")),),
    ),
    Mutant(
        "what forward binds goes to the first dict of a tuple",
        ("inplace.rebinding-tuple",),
        ((SOURCE, SOURCE.replace("(one,", "(dicts[0] if isinstance(dicts, tuple) else one,")),),
    ),
    Mutant(
        "what forward binds more than two modules down is lost",
        ("inplace.nested",),
        _lost('name.count(".") > 2'),
    ),
    Mutant(
        "what forward binds in a submodule is written under its last part",
        ("inplace.nested", "inplace.rebinding-shared"),
        ((WRITES, WRITES.replace("source[name]", 'source[name.rpartition(".")[2]]')),),
    ),
    Mutant(
        "a buffer is not put in where it equals the own one",
        ("inplace.batch-norm",),
        _value_becomes(
            "place[3]",
            "place and place[1] == _BUFFERS and not torch.compiler.is_compiling() and _equal(value, place[3])",
        ),
    ),
    Mutant(
        "counters of submodules, of no dimension, are copied",
        ("inplace.batch-norm", "transforms.vmap-inplace"),
        _value_becomes(
            "value.clone()",
            "place and place[0] is not self.module and value is not None and value.dtype is torch.int64 and not value.dim()",
        ),
    ),
    Mutant(
        "what forward binds to names that are not given is undone too",
        ("inplace.not-given",),
        (
            (
                OWNERS_BACK,
                f"{OWNERS_BACK}        for module, home, key, tensor in self.registered.values():\n"
                "            (module._parameters, module._buffers)[home][key] = tensor\n",
            ),
        ),
    ),
    Mutant(
        "counters that are not given stand still where another name is given",
        ("inplace.not-given",),
        (
            (
                TRY,
                "    saved = [\n"
                "        (tensor, tensor.clone())\n"
                "        for name, (_, home, _, tensor) in swap.registered.items()\n"
                "        if home == _BUFFERS and tensor is not None and not tensor.is_floating_point()\n"
                "        if swap.names and name not in swap.names\n"
                f"    ]\n{TRY}",
            ),
            (END, f"{END}        for tensor, before in saved:\n            tensor.copy_(before)\n"),
        ),
    ),
    Mutant(
        "whatever stands at a name is written to the dict",
        ("inplace.only-tensors",),
        ((IS_TENSOR, "True"),),
    ),
    Mutant(
        "a module that forward binds is written to the dict",
        ("inplace.only-tensors",),
        ((IS_TENSOR, IS_TENSOR.replace("Tensor)", "(Tensor, nn.Module))")),),
    ),
    Mutant(
        "a name that forward deletes is deleted from the dict",
        ("inplace.only-tensors",),
        (
            (
                NAMES,
                f"{NAMES}            if slot is not None and slot.now is _Absent:\n                source.pop(name)\n",
            ),
        ),
    ),
]
