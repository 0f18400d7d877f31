"""Mutants of chapters call and args that were whole implementations, written for laws of version 1.1."""

from mutants import mutant
from mutants._changes import After, Before, First, Replace, Signature, TopLevel

MUTANTS = [
    mutant(
        "the owner of a regular name has another class during the call",
        ("call.same-module",),
        After(
            "_Swap.put_in",
            "self.is_in = True",
            """
            self.kinds = []
            if not torch.compiler.is_compiling():
                for name, (_, slot, value) in self.names.items():
                    if slot.key == "forward" and slot.home == _DICT:
                        one = self._module_at(name.split(".")[:-1], name)
                        self.kinds.append((one, type(one)))
                        object.__setattr__(one, "__class__", type(type(one).__name__, (type(one),), {}))
            """,
        ),
        First(
            "_Swap.look",
            """
            for one, kind in getattr(self, "kinds", ()):
                object.__setattr__(one, "__class__", kind)
            """,
        ),
    ),
    mutant(
        "kwargs that are false are dropped, whatever they hold",
        ("args.kwargs",),
        Replace("functional_call", "{} if kwargs is None else kwargs", "kwargs or {}"),
    ),
    mutant(
        "what a module holds is remembered from its first call",
        (
            "call.module-as-it-is",
            "parametrize.several-originals",
            "tie.one-name",
        ),
        TopLevel("""
            import weakref

            _KNOWN: Any = weakref.WeakKeyDictionary()
            """),
        First(
            "_Swap.walk",
            """
            remembers = type(self.module).__hash__ is object.__hash__ and not torch.compiler.is_compiling()
            number, places = _KNOWN.get(self.module, (None, {})) if remembers else (None, {})
            if number == len(self.module._modules):
                for name, (reference, home, key) in places.items():
                    owner = reference()
                    if owner is not None and key in (owner._parameters, owner._buffers)[home]:
                        self.registered[name] = (owner, home, key, (owner._parameters, owner._buffers)[home][key])
                        if isinstance(owner, nn.RNNBase):
                            self._owner(owner)
                return
            """,
        ),
        After(
            "_Swap.walk",
            "while todo: ...",
            """
            if remembers:
                places = {name: (weakref.ref(place[0]), *place[1:3]) for name, place in self.registered.items()}
                _KNOWN[self.module] = (len(self.module._modules), places)
            """,
        ),
    ),
    mutant(
        "what was tied in one call is tied in each later call",
        (
            "call.module-as-it-is",
            "tie.one-name",
        ),
        TopLevel("""
            import weakref

            _TIES: Any = weakref.WeakKeyDictionary()
            """),
        Before(
            "_Swap.tie",
            "for name, (module, home, key, tensor) in self.registered.items(): ...",
            """
            remembers = type(self.module).__hash__ is object.__hash__ and not torch.compiler.is_compiling()
            ties = _TIES.setdefault(self.module, {}) if remembers else {}
            firsts: dict[int, str] = {}
            for other, its in self.registered.items() if remembers and len(self.registered) < 100 else ():
                if its[3] is not None and firsts.setdefault(id(its[3]), other) != other:
                    ties[other] = firsts[id(its[3])]
            given = {ties.get(other, other): its[2] for other, its in self.names.items()} if ties else {}
            """,
        ),
        Before(
            "_Swap.tie",
            "if _identity(tensor) in values and name not in self.names: ...",
            """
            if name not in self.names and ties.get(name, name) in given:
                self._slot(module, home, key, given[ties.get(name, name)])
                continue
            """,
        ),
    ),
    mutant(
        "a helper takes a keyword `target`",
        ("args.any-keyword",),
        TopLevel("""
            def _run(*args, target, **kwargs):
                return target(*args, **kwargs)
            """),
        Replace(
            "functional_call",
            "module(*args, **{} if kwargs is None else kwargs)",
            "_run(*args, target=module, **{} if kwargs is None else kwargs)",
        ),
    ),
    mutant(
        "a forward that stands on the instance is passed over",
        ("call.hooks",),
        Replace(
            "functional_call",
            "return module(*args, **{} if kwargs is None else kwargs)",
            """
            own = module.__dict__.pop("forward", None) if type(module).forward is not nn.Module.forward else None
            try:
                return module(*args, **{} if kwargs is None else kwargs)
            finally:
                if own is not None:
                    module.__dict__["forward"] = own
            """,
        ),
    ),
    mutant(
        "a list that forward returns is copied",
        ("call.result",),
        Replace(
            "functional_call",
            "return module(*args, **{} if kwargs is None else kwargs)",
            """
            result = module(*args, **{} if kwargs is None else kwargs)
            return list(result) if type(result) is list else result
            """,
        ),
    ),
    mutant(
        "each name is looked for among all slots",
        ("call.linear",),
        Replace(
            "_Swap.take",
            "self.registered.get(name)",
            "next((place for other, place in self.registered.items() if other == name), None)",
        ),
    ),
    mutant(
        "each slot is looked for among all names",
        ("call.linear",),
        Replace("_Swap.tie", "name not in self.names", "not any((other == name for other in self.names))"),
    ),
    mutant(
        "strict looks for each name in a list",
        ("call.linear",),
        Replace(
            "_Swap.check_strict",
            "tensor is not None and key not in self._owner(module).slots",
            "tensor is not None and name not in list(self.names) and (key not in self._owner(module).slots)",
        ),
    ),
    mutant(
        "with tie_weights=False each slot is compared with every other one",
        ("call.linear",),
        Replace(
            "functional_call",
            """
            if tie_weights:
                swap.tie()
            """,
            """
            if tie_weights:
                swap.tie()
            else:
                [one for one in swap.registered for other in swap.registered if one is other]
            """,
        ),
    ),
    mutant(
        "the walk is recursive",
        ("call.deep",),
        First(
            "_Swap",
            """
            def _descend(self, module, found):
                for child in module._modules.values():
                    if child is not None and id(child) not in found:
                        found.add(id(child))
                        self._descend(child, found)
            """,
        ),
        First("_Swap.walk", "self._descend(self.module, {id(self.module)})"),
    ),
    mutant(
        "a tuple of dicts is merged by recursion",
        ("call.deep",),
        TopLevel("""
            def _merge(dicts: Any) -> dict[Any, Any]:
                if (
                    not isinstance(dicts, (tuple, list))
                    or not dicts
                    or (not all((isinstance(one, Mapping) for one in dicts)))
                ):
                    return {}
                return {**dicts[0], **_merge(dicts[1:])}
            """),
        Before("functional_call", "swap.take(parameter_and_buffer_dicts)", "_merge(parameter_and_buffer_dicts)"),
    ),
    mutant(
        "every own tensor is cloned in every call",
        ("call.no-operations",),
        First(
            "_Swap.put_in",
            """
            with torch.no_grad():
                self.kept = [
                    place[3].clone()
                    for place in self.registered.values()
                    if type(place[3]) in (Tensor, nn.Parameter)
                ]
            """,
        ),
    ),
    mutant(
        "what is no module ends in an AttributeError about an attribute that it has not",
        ("call.not-a-module",),
        Replace(
            "_check_module",
            """
            TypeError(
                f"functional_call expects a torch.nn.Module as its first argument, got {type(module).__name__}"
            )
            """,
            "AttributeError(f\"{type(module).__name__!r} object has no attribute '_modules'\")",
        ),
    ),
    mutant(
        "unknown keywords are accepted",
        ("call.signature",),
        Signature(
            "functional_call",
            """
            (module, parameter_and_buffer_dicts, args=None, kwargs=None, *, tie_weights=True, strict=False, **others)
            """,
        ),
    ),
    mutant(
        "strict asks only for names that the module had in its first strict call",
        ("call.module-as-it-is",),
        TopLevel("""
            import weakref

            _KNOWN: Any = weakref.WeakKeyDictionary()
            """),
        Before(
            "_Swap.check_strict",
            "for name, (module, _, key, tensor) in self.registered.items(): ...",
            """
            known = {*self.registered}
            if type(self.module).__hash__ is object.__hash__ and not torch.compiler.is_compiling():
                known = _KNOWN.setdefault(self.module, known)
            """,
        ),
        Replace("_Swap.check_strict", "tensor is not None", "name in known and tensor is not None"),
    ),
]
