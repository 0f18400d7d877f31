"""Mutants of chapter strict."""

from mutants import Mutant

MISSING = "            if tensor is not None and key not in self._owner(module).slots:\n"
CHECKED = "    if strict:\n        swap.check_strict()\n"


def _counting(condition):
    """Names of which the condition is not true are never missing."""
    return (MISSING, MISSING.replace("tensor is not None", f"tensor is not None and {condition}"))


MUTANTS = [
    Mutant(
        "with strict a module without any parameter or buffer is an error",
        ("strict.exact",),
        (
            (
                "        missing = []\n",
                "        missing = []\n"
                "        if not self.registered:\n"
                "            raise RuntimeError('strict=True: the module has neither parameters nor buffers')\n",
            ),
        ),
    ),
    Mutant(
        "with strict an empty dict in a tuple is an error",
        (
            "drop-in.duplicate-error",
            "strict.exact",
        ),
        (
            (
                "            for name, value in one.items():\n",
                "            if self.strict and not one and isinstance(dicts, tuple):\n"
                "                raise RuntimeError('strict=True: one of the dicts is empty')\n"
                "            for name, value in one.items():\n",
            ),
        ),
    ),
    Mutant(
        "with nothing given strict is not checked",
        ("strict.missing",),
        ((CHECKED, CHECKED.replace("if strict:", "if strict and swap.names:")),),
    ),
    Mutant(
        "a missing parameter of a ParameterList is no error",
        ("strict.missing",),
        (_counting("not isinstance(module, nn.ParameterList)"),),
    ),
    Mutant(
        "names too many are an error only where others are missing",
        ("strict.unexpected",),
        (("        if lines:\n", "        if missing:\n"),),
    ),
    Mutant(
        "an nn.Parameter under an unknown name is accepted with strict",
        ("strict.unexpected",),
        (
            (
                "        self.unexpected.append(name)\n",
                "        if not isinstance(value, nn.Parameter):\n            self.unexpected.append(name)\n",
            ),
        ),
    ),
    Mutant(
        "without strict it is an error when none of the names is known",
        (
            "drop-in.extra-name",
            "strict.off",
        ),
        (
            (
                CHECKED,
                CHECKED + "    elif swap.unexpected and len(swap.unexpected) == len(swap.names):\n"
                "        if all(slot and type(slot) is _Slot and slot.old is _Absent for _, slot, _ in swap.names.values()):\n"
                "            raise RuntimeError(f'unknown names: {swap.unexpected}')\n",
            ),
        ),
    ),
    Mutant(
        "without strict several unknown names are an error",
        ("strict.off",),
        (
            (
                CHECKED,
                CHECKED
                + "    elif sum(type(slot) is _Slot and slot.old is _Absent for _, slot, _ in swap.names.values()) > 1:\n"
                "        raise RuntimeError(f'unknown names: {swap.unexpected}')\n",
            ),
        ),
    ),
    Mutant(
        "buffers that are not persistent are missed only together with others",
        ("strict.buffers",),
        (
            (
                "        lines = []\n",
                "        places = [self.registered[name] for name in missing]\n"
                "        if all(key in module._non_persistent_buffers_set for module, _, key, _ in places):\n"
                "            missing = []\n"
                "        lines = []\n",
            ),
        ),
    ),
    Mutant(
        "buffers that are not persistent need not be given",
        (
            "drop-in.strict-error",
            "strict.buffers",
        ),
        (_counting("key not in module._non_persistent_buffers_set"),),
    ),
    Mutant(
        "buffers need not be given",
        (
            "drop-in.strict-error",
            "strict.buffers",
            "strict.parametrized",
            "strict.says-which",
            "strict.tied",
            "strict.tied-off",
        ),
        (_counting("key in module._parameters"),),
    ),
    Mutant(
        "the error of strict names only the missing where names are missing and others unexpected",
        (
            "drop-in.strict-error",
            "strict.says-which",
        ),
        (
            (
                '        for label, names in (("Unexpected", self.unexpected), ("Missing", missing)):\n',
                '        for label, names in (("Unexpected", [] if missing else self.unexpected), ("Missing", missing)):\n',
            ),
        ),
    ),
    Mutant(
        "the error of strict names the first name of each kind",
        (
            "drop-in.strict-error",
            "strict.says-which",
        ),
        (("', '.join(map(repr, sorted(names)))", "sorted(names)[0]!r"),),
    ),
    Mutant(
        "of an unexpected name whose owner does not exist the error names only the owner",
        ("strict.says-which",),
        (
            (
                "self.unexpected.append(name)",
                "self.unexpected.append(name if module is not None else name.split('.')[0])",
            ),
        ),
    ),
    Mutant(
        "with strict names that are registered as None must be given",
        ("strict.none",),
        ((MISSING, MISSING.replace("tensor is not None and ", "")),),
    ),
    Mutant(
        "strict asks for every name of a tied group, also with tie_weights",
        ("drop-in.strict-error", "strict.tied", "tie.default"),
        (
            (
                MISSING,
                "            if tensor is not None and (name not in self.names or key not in self._owner(module).slots):\n",
            ),
        ),
    ),
    Mutant(
        "of a tied group strict asks for the first name, the one that named_parameters() gives",
        ("strict.tied",),
        (
            (
                MISSING,
                "            first = next(n for n, (*_, other) in self.registered.items() if other is tensor)\n"
                "            is_asked_for = name == first and name not in self.names\n"
                "            if tensor is not None and (is_asked_for or key not in self._owner(module).slots):\n",
            ),
        ),
    ),
    Mutant(
        "with strict one name of a tied group is enough, also with tie_weights=False",
        ("strict.tied-off",),
        (
            (
                "        missing = []\n",
                "        missing = []\n        given = {slot.group for _, slot, _ in self.names.values() if slot}\n",
            ),
            _counting("id(tensor) not in given"),
        ),
    ),
    Mutant(
        "the originals of parametrized tensors need not be given",
        ("strict.parametrized",),
        (_counting("not isinstance(module, parametrize.ParametrizationList)"),),
    ),
    Mutant(
        "of several originals one is enough",
        ("strict.parametrized",),
        (
            (
                MISSING,
                MISSING.replace(
                    "key not in self._owner(module).slots",
                    "not ({key} if key[:8] != 'original' else self._owner(module).order) & self._owner(module).slots.keys()",
                ).replace("self._owner(module).order)", "{*self._owner(module).order})"),
            ),
        ),
    ),
]
