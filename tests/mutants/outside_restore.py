"""Mutants of the chapter restore that were whole implementations, written for laws of version 1.1."""

from mutants import mutant
from mutants._changes import After, Before, First, Replace, TopLevel

MUTANTS = [
    mutant(
        "where the value is the module's own tensor, what forward binds stays",
        ("restore.rebound",),
        Replace("_Slot.put_back", "self.old is not _Absent", "self.old is not _Absent and self.given is not self.old"),
    ),
    mutant(
        "a ParametrizationList with given originals comes back behind the others",
        ("restore.order",),
        Before(
            "_Swap.put_back",
            "for name, (source, slot, _) in self.names.items() if self.is_in else (): ...",
            """
            for owner in self.owners.values():
                if isinstance(owner.module, parametrize.ParametrizationList):
                    for one in self.module.modules():
                        if isinstance(one, nn.ModuleDict):
                            for key, value in list(one._modules.items()):
                                if value is owner.module:
                                    one._modules[key] = one._modules.pop(key)
            """,
        ),
    ),
    mutant(
        "after a regular name `forward` stays in the __dict__ of the ParametrizationList",
        ("restore.shape",),
        Before(
            "_ParametrizedSlot.__init__",
            "owner.slots['right_inverse'] = _Slot(owner, _DICT, 'right_inverse', tensors.append)",
            "self.old = owner.module.forward",
        ),
    ),
    mutant(
        "of modules over one store the second takes the first value for its own, which stays",
        ("restore.shared-store",),
        Before(
            "_Swap.put_in",
            "owner.stores[slot.home][slot.key] = slot.given",
            """
            if slot.old is not _Absent:
                slot.old = owner.stores[slot.home][slot.key]
            """,
        ),
    ),
    mutant(
        "weight lists of recurrent modules are kept in one table, which a nested call empties",
        ("restore.recurrent",),
        TopLevel("_SAVED: dict[Any, Any] = {}"),
        Replace(
            "_Owner.__init__",
            "self.slots[key] = _Slot(self, _DICT, key, list(module.__dict__[key]))",
            "_SAVED[id(module), key] = list(module.__dict__[key])",
        ),
        Before(
            "_Owner.put_back",
            "non_persistent = self.module._non_persistent_buffers_set",
            """
            for key in ("_flat_weights", "_flat_weight_refs"):
                if (id(self.module), key) in _SAVED:
                    self.module.__dict__[key] = _SAVED.pop((id(self.module), key))
            """,
        ),
    ),
    mutant(
        "the weight list of a recurrent module is put back only where one of its own names is given",
        ("restore.recurrent",),
        Replace("_Swap.walk", "self._owner(module)", "pass"),
        After(
            "_Swap.tie",
            "self._slot(module, home, key, values[_identity(tensor)])",
            """
            if not any((self.registered[other][0] is module for other in self.names if other in self.registered)):
                for other in ("_flat_weights", "_flat_weight_refs"):
                    self.owners[id(module)].slots.pop(other, None)
            """,
        ),
    ),
    mutant(
        "an entry of the weight list that forward replaced in __dict__ is put back",
        ("restore.recurrent",),
        Replace(
            "_Owner.put_back",
            "name in self.stores[_PARAMETERS] or name in self.stores[_DICT]",
            "name in self.stores[_PARAMETERS]",
        ),
    ),
    mutant(
        "restore needs a frame for each module",
        ("restore.recursion-limit",),
        Replace(
            "_Swap.put_back",
            """
            for owner in self.owners.values():
                owner.put_back()
            """,
            """
            def back(owners):
                if owners:
                    owners[0].put_back()
                    back(owners[1:])


            back(list(self.owners.values()))
            """,
        ),
    ),
    mutant(
        "a plain attribute that forward deletes does not come back",
        ("restore.plain-attribute",),
        Replace(
            "_Slot.put_back",
            "self.old is not _Absent",
            """
            self.old is not _Absent and (
                not (self.now is _Absent and isinstance(self.old, Tensor) and (self.home == _DICT))
            )
            """,
        ),
    ),
    mutant(
        "the swap refers to itself, so that only the collector frees the values",
        ("restore.freed",),
        After("_Swap.__init__", "self.is_in = False", "self.itself = self"),
    ),
    mutant(
        "values of new names are kept",
        ("restore.freed",),
        TopLevel("_KEPT: dict[Any, Any] = {}"),
        Before(
            "_Swap._other_slot", "if hasattr(nn, 'Buffer') and isinstance(value, nn.Buffer): ...", "_KEPT[key] = value"
        ),
    ),
    mutant(
        "a slot of a new name and its owner refer to each other, so that only the collector frees the value",
        ("restore.freed",),
        Replace("_Slot.__init__", "id(owner.module)", "owner"),
    ),
    mutant(
        "the name of a property is assigned to, and what it changes stays changed",
        ("restore.computed-name",),
        Before(
            "_Swap.take",
            "place = self.registered.get(name)",
            """
            path, _, key = name.rpartition(".")
            owner = None if self.strict else dict(self.module.named_modules()).get(path)
            kind = getattr(type(owner), key, None)
            if isinstance(kind, property) and kind.fset is not None and "parametrizations" not in owner._modules:
                setattr(owner, key, value)
                continue
            """,
        ),
    ),
    mutant(
        "modules are kept alive by a cache",
        ("restore.freed",),
        TopLevel("_CACHE: dict[int, Any] = {}"),
        First(
            "functional_call",
            """
            if isinstance(module, nn.Module) and len(_CACHE) < 1000:
                _CACHE[id(module)] = module
            """,
        ),
    ),
    mutant(
        "a hook is left on recurrent children",
        ("restore.shape",),
        TopLevel("""
            def _nothing(*args: Any) -> None:
                return None
            """),
        Before(
            "functional_call",
            "swap.walk()",
            """
            for child in module.children() if isinstance(module, nn.Sequential) else ():
                if isinstance(child, nn.RNNBase) and not child._forward_hooks:
                    child.register_forward_hook(_nothing)
            """,
        ),
    ),
    mutant(
        "given tensors get an attribute",
        ("restore.tensors",),
        Before(
            "_Swap.take",
            "place = self.registered.get(name)",
            """
            if type(value) in (Tensor, nn.Parameter):
                value._given_for = name
            """,
        ),
    ),
    mutant(
        "given tensors retain their grad",
        ("restore.tensors",),
        Before(
            "_Swap.take",
            "place = self.registered.get(name)",
            """
            if type(value) is Tensor and value.requires_grad and torch._C._functorch.maybe_current_level() is None:
                value.retain_grad()
            """,
        ),
    ),
    mutant(
        "given parameters get a hook",
        ("restore.tensors",),
        Before(
            "_Swap.take",
            "place = self.registered.get(name)",
            """
            if isinstance(value, nn.Parameter) and value.requires_grad and value.is_leaf:
                value.register_hook(torch.clone)
            """,
        ),
    ),
    mutant(
        "own tensors get an attribute",
        ("restore.tensors",),
        Before(
            "functional_call",
            "swap.walk()",
            """
            for own in (
                module.parameters()
                if type(module).__module__ in (nn.Linear.__module__, "fcspec.specimens.base")
                else ()
            ):
                own._is_own = True
            """,
        ),
    ),
]
