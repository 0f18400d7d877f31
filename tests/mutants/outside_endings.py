"""Mutants of a third round: what is remembered of a module, and what only an error or a transform leaves behind."""

from mutants import mutant
from mutants._changes import After, Before, First, Replace, TopLevel
from mutants._common import indented, when_raised

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
        for name, kind in (("vmap", "Vmap"), ("jvp", "Jvp"), ("functionalize", "Functionalize"))
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
    mutant(
        "with tie_weights=False the lists of the called module, if it is recurrent, are not put back",
        ("restore.recurrent",),
        After(
            "functional_call",
            "swap.take(parameter_and_buffer_dicts)",
            """
            if not tie_weights and isinstance(module, nn.RNNBase):
                for key in ("_flat_weights", "_flat_weight_refs"):
                    swap._owner(module).slots.pop(key)
            """,
        ),
    ),
    mutant(
        "with tie_weights=False the lists of recurrent modules are not put back when forward raises",
        ("restore.recurrent",),
        when_raised(f"if not tie_weights:\n{indented(FORGET_LISTS)}"),
    ),
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
            "_is_computed_by_torch(module, key)",
            "self.parametrized and _is_computed_by_torch(module, key)",
        ),
    ),
    mutant(
        "whether submodules are shared is remembered until another module is called",
        ("restore.shared-submodule",),
        *REMEMBERED,
        Before(
            "_Swap.put_in",
            "self.is_in = True",
            """
            paths = [slot for name, (_, slot, _) in self.names.items()]
            if not _remembered(self.module, len(paths) > len(set(map(id, paths)))):
                for slot in paths:
                    if paths.count(slot) > 1:
                        slot.old = slot.given
            """,
        ),
    ),
    mutant(
        "which buffers are not persistent is put back for all names",
        ("inplace.not-given",),
        Replace(
            "_Owner.put_back",
            "if non_persistent != self.non_persistent:\n    for key in self.slots: ...",
            "non_persistent.clear()\nnon_persistent.update(self.non_persistent)",
        ),
    ),
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
                kind, places = type(owner.module), owner.slots.items()
                owner.slots = {key: slot for key, slot in places if slot.old is not _Absent or hasattr(kind, key)}
            """,
            NO_EXCEPTIONS,
        ),
    ),
    mutant(
        "the regular name stays disabled after what is no Exception",
        ("parametrize.cached", "parametrize.still-active"),
        when_raised(
            """
            for owner in swap.owners.values():
                if isinstance(owner.module, parametrize.ParametrizationList):
                    owner.slots.clear()
            """,
            NO_EXCEPTIONS,
        ),
    ),
    mutant(
        "a plain attribute keeps its value after what is no Exception",
        ("restore.plain-attribute",),
        when_raised(
            """
            for owner in swap.owners.values():
                places = owner.slots.items()
                owner.slots = {key: slot for key, slot in places if slot.home != _DICT or not isinstance(slot.old, Tensor)}
            """,
            NO_EXCEPTIONS,
        ),
    ),
]
