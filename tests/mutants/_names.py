"""What mutants call the variables of _base.py's functions, where they use one in code that does not quote it.

By function: its parameters, in parentheses; statements that give a variable its value, where each is the only one of its form.
A variable that is renamed there is found here by that statement. A new line is needed only where a mutant could not be
made after a renaming; a line that fits nothing any more does no harm while the variable has this name.
"""

NAMES: dict[str, tuple[str, ...]] = {
    "functional_call": ("swap = _Swap(...)",),
    "_Slot.__init__": ("(self, owner, home, key, given)",),
    "_Slot.look": ("(self, owner)", "key, store = ..."),
    "_Slot.put_back": ("(self, owner)", "key, store = ..."),
    "_ParametrizedSlot.__init__": ("(self, owner, given)",),
    "_Swap.walk": ("prefix, module = todo.pop()",),
    "_Swap.take": ("(self, dicts)", "for name, value in one.items(): ..."),
    "_Swap._slot": ("(self, module, home, key, value)",),
    "_Swap._other_slot": (
        "(self, name, value)",
        "*path, key = ...",
        "module = self._module_at(...)",
        "found = module.__dict__.get(...)",
    ),
    "_Swap._module_at": ("(self, path, name)", "module = self.module"),
    "_Swap.tie": (
        "for _, slot, value in self.names.values(): ...",
        "first = values.setdefault(...)",
        "for name, (module, home, key, tensor) in self.registered.items(): ...",
    ),
    "_Swap.check_strict": ("missing.append(name)",),
    "_Swap.put_in": ("for owner in self.owners.values(): ...", "for slot in owner.slots.values(): ..."),
    "_Swap.put_back": ("for name, (source, slot, _) in ...: ...",),
    "_equal": ("(a, b)",),
    "_same_memory": ("(a, b)",),
}
