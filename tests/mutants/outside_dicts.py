"""Mutants of chapters dicts, strict and inplace that were whole implementations, written for laws of version 1.1."""

from mutants import mutant
from mutants._changes import Before, Replace

MUTANTS = [
    mutant(
        "values over the same memory are compared by value, which NaN, float8 and meta are not",
        ("dicts.state-dict",),
        Replace("_equal", "a is b or _same_memory(a, b)", "a is b"),
    ),
    mutant(
        "a name in two dicts is refused only where a parameter or buffer has it",
        ("dicts.distinct",),
        Replace("_Swap.take", "name in self.names", "name in self.names and name in self.registered"),
    ),
    mutant(
        "a name in two dicts is refused only where the module has something of this name",
        ("dicts.distinct",),
        Replace("_Swap.take", "name in self.names", "name in self.names and self.names[name][1].old is not _Absent"),
    ),
    mutant(
        "of two dicts with names of one slot only the first hears of a rebinding",
        ("inplace.rebinding-shared",),
        Replace(
            "_Swap.put_back",
            """
            for name, (source, slot, _) in self.names.items() if self.is_in else ():
                if slot.now is not slot.in_force and (slot.now is None or isinstance(slot.now, Tensor)):
                    try:
                        source[name] = slot.now
                    except Exception:
                        pass
            """,
            """
            heard = {}
            for name, (source, slot, _) in self.names.items() if self.is_in else ():
                if heard.setdefault(id(slot), source) is not source:
                    continue
                if slot.now is not slot.in_force and (slot.now is None or isinstance(slot.now, Tensor)):
                    try:
                        source[name] = slot.now
                    except Exception:
                        pass
            """,
        ),
    ),
    mutant(
        "of two dicts with names of one slot only the last hears of a rebinding",
        ("inplace.rebinding-shared",),
        Replace(
            "_Swap.put_back",
            """
            for name, (source, slot, _) in self.names.items() if self.is_in else ():
                if slot.now is not slot.in_force and (slot.now is None or isinstance(slot.now, Tensor)):
                    try:
                        source[name] = slot.now
                    except Exception:
                        pass
            """,
            """
            heard = {}
            for name, (source, slot, _) in reversed(list(self.names.items())) if self.is_in else ():
                if heard.setdefault(id(slot), source) is not source:
                    continue
                if slot.now is not slot.in_force and (slot.now is None or isinstance(slot.now, Tensor)):
                    try:
                        source[name] = slot.now
                    except Exception:
                        pass
            """,
        ),
    ),
    mutant(
        "with tie_weights=False tied names that were not given come back too",
        ("inplace.not-given",),
        Replace(
            "functional_call",
            """
            if tie_weights:
                swap.tie()
            """,
            """
            if tie_weights:
                swap.tie()
            elif not strict:
                olds = [
                    slot.old for _, slot, _ in swap.names.values() if slot.home != _DICT and slot.old is not _Absent
                ]
                for owner, home, key, tensor in swap.registered.values():
                    if tensor is not None and any((tensor is old for old in olds)):
                        swap._slot(owner, home, key, tensor)
            """,
        ),
    ),
    mutant(
        "empty parts of a name are passed over",
        ("dicts.bad-name",),
        Replace("_Swap._module_at", "for part in path: ...", "for part in filter(None, path): ..."),
    ),
    mutant(
        "a prefix `module.` is stripped where nothing has the name",
        ("dicts.bad-name",),
        Replace(
            "_Swap.take",
            "self.registered.get(name)",
            "self.registered.get(name, self.registered.get(name.removeprefix('module.')))",
        ),
    ),
    mutant(
        "a dict that stands twice in a tuple is read once",
        ("dicts.distinct",),
        Replace(
            "_Swap.take",
            "dicts if isinstance(dicts, (tuple, list)) else (dicts,)",
            "{id(one): one for one in dicts}.values() if isinstance(dicts, (tuple, list)) else (dicts,)",
        ),
    ),
    mutant(
        "a dict that is false is passed over",
        ("dicts.subclass",),
        Replace("_Swap.take", "one.items()", "one.items() if one else ()"),
    ),
    mutant(
        "a value that is callable, or a dict, is accepted",
        ("dicts.bad-value",),
        Replace(
            "_Swap.take",
            "value is not None and (not isinstance(value, Tensor))",
            "value is not None and (not isinstance(value, (Tensor, dict))) and (not callable(value))",
        ),
    ),
    mutant(
        "values for new names may be anything",
        ("dicts.bad-value",),
        Replace(
            "_Swap.take",
            "value is not None and (not isinstance(value, Tensor))",
            "name in self.registered and value is not None and (not isinstance(value, Tensor))",
        ),
    ),
    mutant(
        "under strict a computed name is refused at once, and what is missing is not listed",
        ("strict.says-which",),
        Replace(
            "_Swap._other_slot",
            """
            if self.strict and (found is _Absent or isinstance(found, property)):
                return None
            """,
            "",
        ),
    ),
    mutant(
        "each value is read twice from its dict",
        ("dicts.read-once",),
        Before(
            "_Swap.take",
            "if name in self.names: ...",
            """
            if isinstance(name, str) and name in one:
                value = one[name]
            """,
        ),
    ),
    mutant(
        "where the value is the module's own tensor, no dict hears of what forward binds",
        ("inplace.rebinding",),
        Replace(
            "_Swap.put_back",
            "slot.now is not slot.in_force",
            "slot.given is not slot.old and slot.now is not slot.in_force",
        ),
    ),
    mutant(
        "forward binds one given tensor to another given name, and no dict hears of it",
        ("inplace.rebinding",),
        Replace(
            "_Swap.put_back",
            "slot.now is not slot.in_force",
            """
            not any(slot.now is value for *_, value in self.names.values()) and slot.now is not slot.in_force
            """,
        ),
    ),
    mutant(
        "what forward binds with another dtype is not written to the dict",
        ("inplace.module-methods",),
        Replace(
            "_Swap.put_back",
            "slot.now is not slot.in_force",
            """
            (
                not isinstance(slot.given, Tensor)
                or not isinstance(slot.now, Tensor)
                or slot.now.dtype == slot.given.dtype
            ) and slot.now is not slot.in_force
            """,
        ),
    ),
    mutant(
        "modules over one store come back one by one, and the second takes own tensors for rebindings",
        (
            "dicts.unchanged",
            "inplace.rebinding-shared",
        ),
        Replace(
            "_Swap.put_back",
            """
            self.look()
            for owner in self.owners.values():
                owner.put_back()
            """,
            """
            for owner in self.owners.values():
                for slot in owner.slots.values():
                    slot.look(owner)
                owner.put_back()
            """,
        ),
    ),
]
