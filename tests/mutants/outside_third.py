"""Mutants of a third round: None in odd places, odd dicts, odd names, tensors that stand in no slot."""

from mutants import mutant
from mutants._changes import After, Before, First, Replace, TopLevel
from mutants._common import TRY

MUTANTS = [
    mutant(
        "None for the regular name of a parametrized tensor is passed over",
        ("parametrize.regular-name",),
        Before(
            "_Swap._other_slot",
            "owner = self._owner(getattr(module._modules['parametrizations'], key))",
            "if value is None:\n    return None",
        ),
    ),
    mutant(
        "None for two names of a tied group is a conflict",
        ("drop-in.none-value",),
        After(
            "_Swap.tie",
            "first = values.setdefault(slot.group, value)",
            """
            if value is None:
                nones = vars(self).setdefault("nones", set())
                if slot.group in nones:
                    raise ValueError("functional_call got multiple values for keys")
                nones.add(slot.group)
            """,
        ),
    ),
    mutant(
        "names below a submodule that is None are passed over",
        ("dicts.bad-name",),
        After(
            "_Swap._module_at",
            "child = getattr(module, part, None)",
            "if child is None and part in module._modules:\n    return None",
        ),
    ),
    mutant(
        "with tie_weights=False an nn.Parameter under a new name is a plain attribute",
        ("drop-in.extra-name",),
        After("functional_call", "swap = _Swap(module, strict)", "swap.tied = tie_weights"),
        Replace(
            "_Swap._other_slot",
            "_PARAMETERS if isinstance(value, nn.Parameter) else _DICT",
            "_PARAMETERS if isinstance(value, nn.Parameter) and self.tied else _DICT",
        ),
    ),
    mutant(
        "only exact nn.Parameters are registered under a new name",
        ("drop-in.extra-name",),
        Replace(
            "_Swap._other_slot",
            "_PARAMETERS if isinstance(value, nn.Parameter) else _DICT",
            "_PARAMETERS if type(value) is nn.Parameter else _DICT",
        ),
    ),
    mutant(
        "a new name takes no instance of a tensor subclass",
        ("drop-in.extra-name",),
        Before(
            "_Swap._other_slot",
            'if hasattr(nn, "Buffer") and isinstance(value, nn.Buffer): ...',
            """
            if value is not None and type(value) not in (Tensor, nn.Parameter) and not getattr(value, "_is_buffer", False):
                return None
            """,
        ),
    ),
    mutant(
        "with tie_weights=False new names are passed over",
        ("dicts.distinct", "drop-in.extra-name"),
        After("functional_call", "swap = _Swap(module, strict)", "swap.tied = tie_weights"),
        Before(
            "_Swap._other_slot",
            'if hasattr(nn, "Buffer") and isinstance(value, nn.Buffer): ...',
            "if not self.tied:\n    return None",
        ),
    ),
    mutant(
        "under strict a name that is no string is unexpected",
        ("dicts.bad-name",),
        Replace(
            "_Swap.take",
            "if not isinstance(name, str): ...",
            """
            if not isinstance(name, str):
                if self.strict:
                    self.unexpected.append(name)
                    continue
                ...
            """,
        ),
    ),
    mutant(
        "a plain attribute for which None is given is gone afterwards",
        ("restore.plain-attribute",),
        Replace(
            "_Slot.put_back",
            "store[key] = self.old",
            """
            if self.home == _DICT and self.given is None and isinstance(self.old, Tensor):
                store.pop(key, None)
            else:
                store[key] = self.old
            """,
        ),
    ),
    mutant(
        "None for a plain attribute is passed over",
        ("drop-in.plain-attribute",),
        Before(
            "_Swap._other_slot",
            "return self._slot(module, _DICT, key, value)",
            "if value is None:\n    return None",
        ),
    ),
    mutant(
        "no args are first tried as one argument",
        ("call.once", "drop-in.args-none"),
        Before("functional_call", "if args is None: ...\nelif ...: ...", "none = args is None"),
        Before(
            "functional_call",
            "return ...",
            """
            if none:
                try:
                    return module(None, **({} if kwargs is None else kwargs))
                except TypeError:
                    pass
            """,
        ),
    ),
    mutant(
        "an empty part of a name is an empty name",
        ("drop-in.owner-error",),
        Replace("_Swap._other_slot", "if not key: ...", "if not key or '' in path: ..."),
    ),
    mutant(
        "what forward bound is written past the dict's own __setitem__",
        ("inplace.rebinding",),
        Replace(
            "_Swap.put_back",
            "source[name] = slot.now",
            "dict.__setitem__(source, name, slot.now) if isinstance(source, dict) else source.update({name: slot.now})",
        ),
    ),
    mutant(
        "dicts are read past their own items()",
        ("dicts.subclass",),
        Replace("_Swap.take", "one.items()", "(dict.items(one) if isinstance(one, dict) else one.items())"),
    ),
    mutant(
        "a plain attribute that is an instance of a tensor subclass is refused",
        ("drop-in.plain-attribute",),
        Replace(
            "_Swap._other_slot",
            "found is None or isinstance(found, Tensor)",
            "found is None or type(found) in (Tensor, nn.Parameter)",
        ),
    ),
    mutant(
        "a tensor that the class holds is exchanged in the class",
        ("swap.partial",),
        Replace(
            "_Owner.__init__",
            "(module._parameters, module._buffers, module._modules, module.__dict__)",
            "(module._parameters, module._buffers, module._modules, module.__dict__, _Class(type(module)))",
        ),
        TopLevel(
            """
            class _Class:
                def __init__(self, kind):
                    self.kinds = kind.__mro__

                def __contains__(self, key):
                    return any(key in vars(kind) for kind in self.kinds)

                def holder(self, key):
                    return next(kind for kind in self.kinds if key in vars(kind))

                def __getitem__(self, key):
                    return vars(self.holder(key))[key]

                def __setitem__(self, key, value):
                    setattr(self.holder(key), key, value)

                def pop(self, key):
                    delattr(self.holder(key), key)
            """
        ),
        Replace("_Slot.__init__", "home == _DICT", "home >= _DICT"),
        Replace(
            "_Swap._other_slot",
            "return self._slot(module, _DICT, key, value)",
            "return self._slot(module, _DICT if key in vars(module) else 4, key, value)",
        ),
    ),
    mutant(
        "a new name is gone after a call in the call that gave it too",
        ("restore.nested",),
        Replace(
            "_Slot.put_back",
            "if self.old is not _Absent:\n    store[key] = self.old",
            """
            if isinstance(self.old, Tensor) and self.home == _DICT and _Slot.depth > 1:
                store.pop(key, None)
            elif self.old is not _Absent:
                store[key] = self.old
            """,
        ),
        First("_Slot", "depth = 0"),
        Replace(
            "functional_call",
            TRY,
            """
            _Slot.depth += 1
            try:
                ...
            finally:
                swap.put_back()
                _Slot.depth -= 1
            """,
        ),
    ),
]
