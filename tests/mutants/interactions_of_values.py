"""Mutants that show only where a value meets something else: subclasses, equal keys, transforms, what is no name."""

from mutants import mutant
from mutants._changes import After, Before, First, Replace, TopLevel

MUTANTS = [
    mutant(
        "the cache of parametrizations is not put back when forward raises",
        ("parametrize.cached",),
        Replace(
            "functional_call",
            """
            try:
                swap.put_in()
                return module(*args, **({} if kwargs is None else kwargs))
            finally:
                ...
            """,
            """
            try:
                swap.put_in()
                result = module(*args, **({} if kwargs is None else kwargs))
            except BaseException:
                swap.cache = None
                raise
            else:
                return result
            finally:
                ...
            """,
        ),
    ),
    mutant(
        "a plain tensor is a name under strict",
        ("strict.unexpected",),
        Before(
            "_Swap._other_slot",
            "found = module.__dict__.get(key, getattr(type(module), key, _Absent))",
            """
            if isinstance(module.__dict__.get(key, getattr(type(module), key, None)), Tensor):
                self.unexpected.pop()
            """,
        ),
    ),
    mutant(
        "a number on the class can be given",
        ("dicts.not-a-tensor",),
        Replace(
            "_Swap._other_slot",
            "hasattr(module, key)",
            """
            hasattr(module, key) and (
                key in module.__dict__ or key in module._modules or callable(getattr(module, key))
            )
            """,
        ),
    ),
    mutant(
        "a regular name is ignored under transforms",
        ("parametrize.regular-name-gradient",),
        Before(
            "_Swap._other_slot",
            'owner = self._owner(getattr(module._modules["parametrizations"], key))',
            """
            if torch._C._functorch.maybe_current_level() is not None:
                return None
            """,
        ),
    ),
    mutant(
        "a regular name is ignored by the second path of a shared submodule",
        ("call.deep", "parametrize.regular-name"),
        After(
            "_Swap._other_slot",
            "if module is None: ...",
            """
            if any(n != name and n.endswith("." + key) and False for n in self.registered):
                pass
            first = next((p for p, m in self.module.named_modules() if m is module), None)
            if first != ".".join(path) and "parametrizations" in module._modules:
                return None
            """,
        ),
    ),
    mutant(
        "own tensors that are given follow their group",
        ("swap.identity",),
        After(
            "_Swap.tie",
            "for _, slot, value in self.names.values(): ...",
            """
            for _, slot, value in self.names.values():
                if id(value) in values and value is not slot.old and slot.home < _MODULES:
                    slot.given = values[id(value)]
            """,
        ),
    ),
    mutant(
        "given tensors of a tied group are hashed",
        ("swap.subclass",),
        After(
            "_Swap.tie",
            "first = values.setdefault(slot.group, value)",
            """
            if (
                value is not None
                and slot.group == id(slot.old)
                and sum(s.group == slot.group for _, s, _ in self.names.values()) > 1
            ):
                {first, value}
            """,
        ),
    ),
    mutant(
        "signals are masked, which only the main thread may",
        ("swap.identity",),
        Before("functional_call", "swap.put_in()", "was = signal.signal(signal.SIGINT, signal.SIG_IGN)"),
        Before("functional_call", "return ...", "signal.signal(signal.SIGINT, was)"),
        TopLevel("import signal"),
    ),
    mutant(
        "buffers of submodules are set as attributes",
        ("swap.custom-access",),
        After(
            "_Swap.put_in",
            "owner.stores[slot.home][slot.key] = slot.given",
            """
            if owner.module is not self.module and slot.home == _BUFFERS and type(slot.given) is Tensor:
                setattr(owner.module, slot.key, slot.given)
            """,
        ),
    ),
    mutant(
        "a tied slot is hidden by an attribute, and lists its own tensor",
        ("swap.visible",),
        Replace(
            "_Swap.tie",
            "self._slot(module, home, key, values[_identity(tensor)])",
            "self._slot(module, home, key, values[_identity(tensor)]).shadow = True",
        ),
        Replace(
            "_Slot",
            '("elsewhere", "given", "group", "home", "in_force", "key", "now", "old")',
            '("elsewhere", "shadow", "given", "group", "home", "in_force", "key", "now", "old")',
        ),
        After("_Slot.__init__", "self.old: Any = self.now", "self.shadow = False"),
        Replace(
            "_Swap.put_in", "owner.stores[slot.home]", "owner.stores[_DICT] if slot.shadow else owner.stores[slot.home]"
        ),
    ),
    mutant(
        "a name must be exactly a str",
        ("dicts.one",),
        Replace("_Swap.take", "not isinstance(name, str)", "type(name) is not str"),
    ),
    mutant(
        "all regular names give the last value",
        ("parametrize.regular-name",),
        Replace(
            "_ParametrizedSlot.__init__",
            "self.tensors = tensors = [given]",
            """
            self.tensors = tensors = owner.swap.regular
            tensors.append(given)
            """,
        ),
        First(
            "_Owner",
            """
            regular = None
            swap = None
            """,
        ),
        Before("_Swap._other_slot", 'owner.slots["forward"] = _ParametrizedSlot(owner, value)', "owner.swap = self"),
        Before("_Swap.__init__", "self.is_in = False", "self.regular = []"),
        Replace(
            "_ParametrizedSlot.look",
            """
            if len(self.tensors) > 1:
                self.now = self.tensors[-1]
            """,
            "",
        ),
    ),
]
