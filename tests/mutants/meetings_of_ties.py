"""Mutants that show only where ties meet something else: transforms, originals, depth, other dicts, calls in calls."""

from mutants import Mutant

MUTANTS = [
    Mutant(
        "the original of a parametrized tensor is tied to nothing",
        ("tie.one-name",),
        (
            (
                "if id(tensor) in values and name not in self.names:",
                (
                    "if id(tensor) in values and name not in self.names and not isinstance(module, "
                    "parametrize.ParametrizationList):"
                ),
            ),
        ),
    ),
    Mutant(
        "conflicts are looked for in each dict alone",
        ("tie.conflict",),
        (
            (
                (
                    "        for _, slot, value in self.names.values():\n"
                    "            first = values.setdefault(slot.group, value)\n"
                    "            if not _equal(first, value):"
                ),
                (
                    "        seen = {}\n"
                    "        for src, slot, value in self.names.values():\n"
                    "            values.setdefault(slot.group, value)\n"
                    "            first = seen.setdefault((id(src), slot.group), value)\n"
                    "            if not _equal(first, value):"
                ),
            ),
        ),
    ),
    Mutant(
        "under strict different values for tied names are accepted",
        ("tie.conflict",),
        (("            if not _equal(first, value):", "            if not self.strict and not _equal(first, value):"),),
    ),
    Mutant(
        "tensors of one shape and one sum are equal",
        ("tie.conflict",),
        (
            (
                "        return torch.equal(a, b)  # type: ignore[arg-type]",
                "        return a.shape == b.shape and bool(a.double().sum() == b.double().sum())",
            ),
        ),
    ),
    Mutant(
        "containers without children are passed over",
        ("tie.one-name",),
        (("if child is not None and id(child)", "if child and id(child)"),),
    ),
    Mutant(
        "the slots of a module are looked up once and for all",
        ("tie.one-name",),
        (
            (
                (
                    '        """List what is registered, by the first of its names; each module once, also of a '
                    'circular one (call.circular)."""\n'
                ),
                (
                    '        """List what is registered."""\n'
                    "        known = _WALKS.get(self.module)\n"
                    "        if known is not None:\n"
                    "            self.registered, rnns = known\n"
                    "            for module in rnns:\n"
                    "                self._owner(module)\n"
                    "            return\n"
                    "        rnns = []\n"
                    "        _WALKS[self.module] = self.registered, rnns\n"
                ),
            ),
            (
                "                self._owner(module)  # restore",
                ("                rnns.append(module)\n                self._owner(module)  # restore"),
            ),
            ("class _Swap:\n", ("_WALKS = weakref.WeakKeyDictionary()\n\n\nclass _Swap:\n")),
            ("from collections.abc import Mapping", ("import weakref\nfrom collections.abc import Mapping")),
        ),
    ),
    Mutant(
        "ties are sought among a hundred slots",
        ("tie.one-name",),
        (
            (
                (
                    "        for name, (module, home, key, tensor) in self.registered.items():\n"
                    "            if id(tensor) in values"
                ),
                (
                    "        for name, (module, home, key, tensor) in list(self.registered.items())[:100]:\n"
                    "            if id(tensor) in values"
                ),
            ),
        ),
    ),
    Mutant(
        "ties are sought sixteen levels deep",
        ("tie.one-name",),
        (
            (
                ("            for name, child in module._modules.items():\n                if child"),
                (
                    '            for name, child in module._modules.items() if prefix.count(".") < 16 else ():\n'
                    "                if child"
                ),
            ),
        ),
    ),
    Mutant(
        "a key that begins with an underscore is tied to nothing",
        ("tie.one-name",),
        (
            (
                "if id(tensor) in values and name not in self.names",
                'if id(tensor) in values and not key.startswith("_") and name not in self.names',
            ),
        ),
    ),
    Mutant(
        "a call in forward ties nothing",
        ("tie.one-name",),
        (
            (("    if tie_weights:\n        swap.tie()"), ("    if tie_weights and not _DEPTH:\n        swap.tie()")),
            ("class _Swap:\n", ("_DEPTH = []\n\n\nclass _Swap:\n")),
            ("        swap.put_in()\n", ("        _DEPTH.append(1)\n        swap.put_in()\n")),
            ("        swap.put_back()\n", ("        swap.put_back()\n        _DEPTH.pop()\n")),
        ),
    ),
    Mutant(
        "nothing is tied under transforms",
        ("tie.one-name",),
        (
            (
                ("    if tie_weights:\n        swap.tie()"),
                ("    if tie_weights and torch._C._functorch.maybe_current_level() is None:\n        swap.tie()"),
            ),
        ),
    ),
    Mutant(
        "the original of a parametrized tensor conflicts with nothing",
        ("tie.conflict", "tie.one-name"),
        (
            (
                "            first = values.setdefault(slot.group, value)\n",
                (
                    '            if ".parametrizations." in "." + [n for n, e in self.names.items() if e[1] is '
                    "slot][0]:\n"
                    "                continue\n"
                    "            first = values.setdefault(slot.group, value)\n"
                ),
            ),
        ),
    ),
]
