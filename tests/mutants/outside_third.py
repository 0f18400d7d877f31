"""Mutants of a third round: None in odd places, odd dicts, what is remembered of a module, what only an error leaves behind."""

from mutants import mutant
from mutants._changes import After, Before, First, Replace, TopLevel
from mutants._common import TRY, indented, when_raised

NO_EXCEPTIONS = "(KeyboardInterrupt, SystemExit, GeneratorExit)"

# What the lists of weights of recurrent modules hold stays there.
FORGET_LISTS = """
for owner in swap.owners.values():
    for key in ("_flat_weights", "_flat_weight_refs"):
        owner.slots.pop(key, None)
"""

# An answer about the module that was called last.
REMEMBERED = (
    TopLevel("import weakref"),
    TopLevel(
        """
        _LAST = [lambda: None, False]

        def _remembered(module, answer):
            if torch.compiler.is_compiling():
                return answer
            if _LAST[0]() is not module:
                _LAST[:] = weakref.ref(module), answer
            return _LAST[1]
        """
    ),
)

MUTANTS = [
    # 1
    mutant(
        "None for the regular name of a parametrized tensor is passed over",
        ("parametrize.regular-name",),
        Before(
            "_Swap._other_slot",
            "owner = self._owner(getattr(module._modules['parametrizations'], key))",
            "if value is None:\n    return None",
        ),
    ),
    # 2
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
    # 3
    mutant(
        "names below a submodule that is None are passed over",
        ("dicts.bad-name",),
        After(
            "_Swap._module_at",
            "child = getattr(module, part, None)",
            "if child is None and part in module._modules:\n    return None",
        ),
    ),
    # 4
    mutant(
        "a dict that refuses what forward bound ends the writing to those behind it",
        ("inplace.rebinding-tuple",),
        Replace(
            "_Swap.put_back",
            "for name, (source, slot, _) in self.names.items() if self.is_in else ():\n    ...",
            """
            try:
                for name, (source, slot, _) in self.names.items() if self.is_in else ():
                    if slot.now is not slot.in_force and (slot.now is None or isinstance(slot.now, Tensor)):
                        source[name] = slot.now
            except Exception:
                pass
            """,
        ),
    ),
    # 5
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
        ("drop-in.extra-name",),
        After("functional_call", "swap = _Swap(module, strict)", "swap.tied = tie_weights"),
        Before(
            "_Swap._other_slot",
            'if hasattr(nn, "Buffer") and isinstance(value, nn.Buffer): ...',
            "if not self.tied:\n    return None",
        ),
    ),
    # 6
    *(
        mutant(
            f"what forward binds inside {name} is lost",
            ("transforms.rebinding",),
            Replace(
                "_Swap.put_back",
                "self.is_in",
                f"self.is_in and (torch.compiler.is_compiling() or 'TransformType.{kind}' not in map(str, _transforms()))",
            ),
            TopLevel(
                """
                def _transforms():
                    stack = torch._C._functorch.get_interpreter_stack()
                    return [one.key() for one in stack or ()]
                """
            ),
        )
        for name, kind in (("grad", "Grad"), ("vmap", "Vmap"), ("jvp", "Jvp"), ("functionalize", "Functionalize"))
    ),
    mutant(
        "of a tuple, what forward binds inside a transform is lost",
        ("inplace.rebinding-tuple",),
        After(
            "functional_call",
            "swap = _Swap(module, strict)",
            """
            swap.loses = (
                isinstance(parameter_and_buffer_dicts, tuple)
                and not torch.compiler.is_compiling()
                and torch._C._functorch.peek_interpreter_stack() is not None
            )
            """,
        ),
        Replace("_Swap.put_back", "self.is_in", "self.is_in and not self.loses"),
    ),
    # 7
    mutant(
        "with tie_weights=False the lists of recurrent modules are not put back when forward raises",
        ("restore.recurrent",),
        when_raised(f"if not tie_weights:\n{indented(FORGET_LISTS)}"),
    ),
    # 8
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
    # 9
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
    # 10
    mutant(
        "no args are first tried as one argument",
        ("call.once",),
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
    # 11
    mutant(
        "an empty part of a name is an empty name",
        ("drop-in.owner-error",),
        Replace("_Swap._other_slot", "if not key: ...", "if not key or '' in path: ..."),
    ),
    # 12
    mutant(
        "whether recurrent modules are below a module is remembered until another one is called",
        ("restore.recurrent",),
        *REMEMBERED,
        TopLevel(
            """
            def _has_recurrent(module):
                todo, seen = [module], set()
                while todo:
                    one = todo.pop()
                    if isinstance(one, nn.RNNBase):
                        return True
                    if id(one) not in seen:
                        seen.add(id(one))
                        todo += [child for child in one._modules.values() if child is not None]
                return False
            """
        ),
        After(
            "functional_call", "_check_module(module)", "_Owner.recurrent = _remembered(module, _has_recurrent(module))"
        ),
        Replace(
            "_Owner.__init__", "isinstance(module, nn.RNNBase)", "isinstance(module, nn.RNNBase) and _Owner.recurrent"
        ),
    ),
    mutant(
        "whether parametrized tensors are below a module is remembered until another one is called",
        ("parametrize.regular-name",),
        *REMEMBERED,
        After(
            "_Swap.walk",
            "while todo: ...",
            """
            found = any("parametrizations." in name for name in self.registered)
            self.parametrized = _remembered(self.module, found)
            """,
        ),
        Replace(
            "_Swap._other_slot",
            "'parametrizations' in module._modules and ...",
            "self.parametrized and 'parametrizations' in module._modules and ...",
        ),
    ),
    # 13
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
    # 14
    mutant(
        "which buffers are not persistent is put back for all names",
        ("inplace.not-given",),
        Replace(
            "_Owner.put_back",
            "if non_persistent != self.non_persistent:\n    for key in self.slots: ...",
            "non_persistent.clear()\nnon_persistent.update(self.non_persistent)",
        ),
    ),
    # 15
    mutant(
        "a plain attribute that hid a given name is gone when forward raised",
        ("restore.shape",),
        when_raised("for owner in swap.owners.values():\n    owner.clean()"),
        First(
            "_Owner",
            """
            def clean(self):
                for key, slot in self.slots.items():
                    if slot.home != _DICT:
                        self.module.__dict__.pop(key, None)
            """,
        ),
    ),
    # 16
    mutant(
        "the cache of parametrizations is not put back after what is no Exception",
        ("parametrize.cached",),
        when_raised("swap.cache = None", NO_EXCEPTIONS),
    ),
    mutant(
        "lists of recurrent modules are not put back after what is no Exception",
        ("restore.recurrent",),
        when_raised(FORGET_LISTS, NO_EXCEPTIONS),
    ),
    mutant(
        "new names stay after what is no Exception",
        ("restore.no-leftovers",),
        when_raised(
            """
            for owner in swap.owners.values():
                owner.slots = {key: slot for key, slot in owner.slots.items() if slot.old is not _Absent}
            """,
            NO_EXCEPTIONS,
        ),
    ),
    # 17
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
    # 18
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
    # 19
    mutant(
        "a plain attribute that is an instance of a tensor subclass is refused",
        ("drop-in.plain-attribute",),
        Replace(
            "_Swap._other_slot",
            "found is None or isinstance(found, Tensor)",
            "found is None or type(found) in (Tensor, nn.Parameter)",
        ),
    ),
]
