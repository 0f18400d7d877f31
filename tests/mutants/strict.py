"""Mutants of chapter strict."""

from mutants import mutant
from mutants._changes import After, Before, Change, Replace


def _counting(where: str) -> Change:
    """Names of which this does not hold are never missing."""
    old = "tensor is not None and key not in self._owner(module).slots"
    return Replace("_Swap.check_strict", old, old.replace("and", f"and {where} and"))


MUTANTS = [
    mutant(
        "with strict a module without any parameter or buffer is an error",
        ("strict.exact",),
        Before(
            "_Swap.check_strict",
            "for name, (module, _, key, tensor) in self.registered.items(): ...",
            """
            if not self.registered:
                raise RuntimeError("strict=True: the module has neither parameters nor buffers")
            """,
        ),
    ),
    mutant(
        "with strict an empty dict in a tuple is an error",
        (
            "drop-in.duplicate-error",
            "strict.exact",
        ),
        Before(
            "_Swap.take",
            "for name, value in one.items(): ...",
            """
            if self.strict and not one and isinstance(dicts, tuple):
                raise RuntimeError("strict=True: one of the dicts is empty")
            """,
        ),
    ),
    mutant(
        "with nothing given strict is not checked",
        ("strict.missing",),
        Replace("functional_call", "if strict: ...", "if strict and swap.names: ..."),
    ),
    mutant(
        "a missing parameter of a ParameterList is no error",
        ("strict.missing",),
        _counting("not isinstance(module, nn.ParameterList)"),
    ),
    mutant(
        "with strict a name that a wrapper hands on to the module in it is accepted",
        ("strict.unexpected",),
        Replace("_Swap._module_at", "if self.strict and part not in module._modules: ...", ""),
    ),
    mutant(
        "names too many are an error only where others are missing",
        ("strict.unexpected",),
        Replace("_Swap.check_strict", "if lines: raise RuntimeError(...)", "if missing: raise RuntimeError(...)"),
    ),
    mutant(
        "an nn.Parameter under an unknown name is accepted with strict",
        ("strict.unexpected",),
        Replace(
            "_Swap._other_slot",
            "self.unexpected.append(name)",
            """
            if not isinstance(value, nn.Parameter):
                self.unexpected.append(name)
            """,
        ),
    ),
    mutant(
        "without strict it is an error when none of the names is known",
        (
            "drop-in.extra-name",
            "strict.off",
        ),
        Replace(
            "functional_call",
            "if strict: ...",
            """
            if strict:
                ...
            elif swap.unexpected and len(swap.unexpected) == len(swap.names):
                if all(
                    slot and type(slot) is _Slot and slot.old is _Absent
                    for _, slot, _ in swap.names.values()
                ):
                    raise RuntimeError(f"unknown names: {swap.unexpected}")
            """,
        ),
    ),
    mutant(
        "without strict several unknown names are an error",
        ("strict.off",),
        Replace(
            "functional_call",
            "if strict: ...",
            """
            if strict:
                ...
            elif sum(type(slot) is _Slot and slot.old is _Absent for _, slot, _ in swap.names.values()) > 1:
                raise RuntimeError(f"unknown names: {swap.unexpected}")
            """,
        ),
    ),
    mutant(
        "buffers that are not persistent are missed only together with others",
        ("strict.buffers",),
        After(
            "_Swap.check_strict",
            "for name, (module, _, key, tensor) in self.registered.items(): ...",
            """
            places = [self.registered[name] for name in missing]
            if all(key in module._non_persistent_buffers_set for module, _, key, _ in places):
                missing = []
            """,
        ),
    ),
    mutant(
        "buffers that are not persistent need not be given",
        (
            "drop-in.strict-error",
            "strict.buffers",
        ),
        _counting("key not in module._non_persistent_buffers_set"),
    ),
    mutant(
        "buffers need not be given",
        (
            "drop-in.strict-error",
            "strict.buffers",
            "strict.parametrized",
            "strict.says-which",
            "strict.tied",
            "strict.tied-off",
        ),
        _counting("key in module._parameters"),
    ),
    mutant(
        "the error of strict names only the missing where names are missing and others unexpected",
        (
            "drop-in.strict-error",
            "strict.says-which",
        ),
        Replace("_Swap.check_strict", "self.unexpected", "[] if missing else self.unexpected"),
    ),
    mutant(
        "the error of strict names the first name of each kind",
        (
            "drop-in.strict-error",
            "strict.says-which",
        ),
        Replace(
            "_Swap.check_strict",
            "f\"{label} key(s): {', '.join(map(repr, sorted(names)))}.\"",
            'f"{label} key(s): {sorted(names)[0]!r}."',
        ),
    ),
    mutant(
        "of an unexpected name whose owner does not exist the error names only the owner",
        ("strict.says-which",),
        Replace(
            "_Swap._other_slot",
            "self.unexpected.append(name)",
            'self.unexpected.append(name if module is not None else name.split(".")[0])',
        ),
    ),
    mutant(
        "with strict names that are registered as None must be given",
        ("strict.none",),
        Replace(
            "_Swap.check_strict",
            "tensor is not None and key not in self._owner(module).slots",
            "key not in self._owner(module).slots",
        ),
    ),
    mutant(
        "strict asks for every name of a tied group, also with tie_weights",
        ("drop-in.strict-error", "strict.tied", "tie.default"),
        Replace(
            "_Swap.check_strict",
            "key not in self._owner(module).slots",
            "name not in self.names or key not in self._owner(module).slots",
        ),
    ),
    mutant(
        "of a tied group strict asks for the first name, the one that named_parameters() gives",
        ("strict.tied",),
        Replace(
            "_Swap.check_strict",
            "if tensor is not None and key not in self._owner(module).slots: ...",
            """
            first = next(n for n, (*_, other) in self.registered.items() if other is tensor)
            is_asked_for = name == first and name not in self.names
            if tensor is not None and (is_asked_for or key not in self._owner(module).slots):
                ...
            """,
        ),
    ),
    mutant(
        "with strict one name of a tied group is enough, also with tie_weights=False",
        ("strict.tied-off",),
        Before(
            "_Swap.check_strict",
            "for name, (module, _, key, tensor) in self.registered.items(): ...",
            "given = {slot.group for _, slot, _ in self.names.values() if slot}",
        ),
        _counting("id(tensor) not in given"),
    ),
    mutant(
        "the originals of parametrized tensors need not be given",
        ("strict.parametrized",),
        _counting("not isinstance(module, parametrize.ParametrizationList)"),
    ),
    mutant(
        "of several originals one is enough",
        ("strict.parametrized",),
        Replace(
            "_Swap.check_strict",
            "key not in self._owner(module).slots",
            """
            (
                not ({key} if key[:8] != "original" else {*self._owner(module).order})
                & self._owner(module).slots.keys()
            )
            """,
        ),
    ),
]
