"""Mutants of a fifth round: what few calls have, in places where another law was thought to look already."""

from mutants import mutant
from mutants._changes import After, Before, Replace, TopLevel

MUTANTS = [
    mutant(
        "dicts are read by the methods of dict where those of a subclass say otherwise",
        ("dicts.subclass",),
        Replace("_Swap.take", "one.items()", "{**one}.items()"),
    ),
    mutant(
        "rebindings are written before anything is put back, to dicts that may refuse them",
        ("restore.exception",),
        TopLevel("import sys"),
        After(
            "_Swap.put_back",
            "self.look()",
            """
            for name, (source, slot, _) in self.names.items() if self.is_in and sys.exc_info()[0] is None else ():
                if slot.now is not slot.in_force and (slot.now is None or isinstance(slot.now, Tensor)):
                    source[name] = slot.now
            """,
        ),
    ),
    mutant(
        "what puts the lists of recurrent modules right is in a cycle",
        ("restore.freed",),
        Before(
            "_Owner.put_back",
            "for slot in self.slots.values(): ...",
            """
            if isinstance(self.module, nn.RNNBase):

                def again(depth: int) -> Any:
                    return self if depth == 0 else again(depth - 1)

            """,
        ),
    ),
    mutant(
        "None for a new name is passed over",
        ("drop-in.extra-name",),
        Before(
            "_Swap._other_slot",
            'if hasattr(nn, "Buffer") and isinstance(value, nn.Buffer): ...',
            "if value is None:\n    return None",
        ),
    ),
    mutant(
        "the lists of a recurrent module hold what was given for a name of its copy",
        ("restore.recurrent",),
        Replace("_Owner.put_back", "name not in self.swapped", "name not in self.slots"),
    ),
    mutant(
        "what takes out what forward left elsewhere goes down by recursion",
        ("call.deep",),
        Before("_Slot.put_back", "other.pop(key)", "list(owner.module.modules())"),
    ),
    mutant(
        "each new name is compared with all others",
        ("call.linear",),
        Before(
            "_Swap._other_slot",
            "module = self._module_at(path, name)",
            "if any(other == name for other in self.names):\n    raise KeyError(name)",
        ),
    ),
    mutant(
        "two modules over one store of parameters have one slot for a buffer",
        ("tie.untied",),
        Replace(
            "_Slot.__init__",
            "_identity(self.old)",
            "(id(owner.stores[_PARAMETERS]), key) if home == _BUFFERS and len(owner.beside) > 1 else _identity(self.old)",
        ),
    ),
    mutant(
        "owners are listed anew for each name",
        ("call.linear",),
        Replace(
            "_Swap._owner",
            "self.owners.get(id(module))",
            "{id(one.module): one for one in self.owners.values()}.get(id(module))",
        ),
    ),
    mutant(
        "what is missing under strict is asked of named_parameters and named_buffers",
        ("swap.custom-access",),
        Before(
            "_Swap.check_strict",
            'for label, names in (("Unexpected", self.unexpected), ("Missing", missing)): ...',
            """
            try:
                module = self.module
                shown = {*dict(module.named_parameters(remove_duplicate=False))}
                shown |= {*dict(module.named_buffers(remove_duplicate=False))}
                missing = [name for name in missing if name in shown]
            except Exception:
                pass
            """,
        ),
    ),
    mutant(
        "a plain tensor attribute can't be given in a compiled call",
        ("compile.fullgraph",),
        Replace(
            "_Swap._other_slot",
            "if found is None or isinstance(found, Tensor): ...",
            "if (found is None or isinstance(found, Tensor)) and not torch.compiler.is_compiling(): ...",
        ),
    ),
    mutant(
        "None can't be given in a compiled call",
        ("compile.fullgraph",),
        Replace(
            "_Swap.take",
            "value is not None and not isinstance(value, Tensor)",
            "(value is not None or torch.compiler.is_compiling()) and not isinstance(value, Tensor)",
        ),
    ),
    mutant(
        "in a compiled call what forward left elsewhere stays there",
        ("compile.restore",),
        Replace("_Slot.put_back", "if key in other: ...", "if key in other and not torch.compiler.is_compiling(): ..."),
    ),
]
