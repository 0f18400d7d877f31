"""Mutants that show only where putting back meets something else: None, flags, hooks, recurrent modules, regular names."""

from mutants import mutant
from mutants._changes import After, Before, First, Replace, TopLevel
from mutants._common import put_back_after

MUTANTS = [
    mutant(
        "a slot that was given None is not put back",
        ("restore.objects",),
        Replace("_Slot.put_back", "self.old is not _Absent", "self.old is not _Absent and self.given is not None"),
    ),
    mutant(
        "a regular name is in force while later names are still looked up",
        ("restore.rejected",),
        After(
            "_Swap._other_slot",
            'owner.slots["forward"] = _ParametrizedSlot(owner, value)',
            """
            for s in owner.slots.values():
                owner.stores[s.home][s.key] = s.given
            """,
        ),
    ),
    mutant(
        "a call in forward ends the regular name of the outer call",
        ("restore.nested",),
        First("_ParametrizedSlot.look", "self.old = _Absent"),
    ),
    mutant(
        "only the well-known exceptions that are no Exception put anything back",
        ("restore.base-exception",),
        put_back_after("(Exception, KeyboardInterrupt, SystemExit, GeneratorExit)"),
    ),
    mutant(
        "a subclass of nn.GRU is no recurrent module",
        ("restore.recurrent",),
        Replace(
            "_Owner.__init__",
            "isinstance(module, nn.RNNBase)",
            """
            type(module) in (nn.RNN, nn.LSTM, nn.GRU) or (
                isinstance(module, nn.RNNBase) and parametrize.is_parametrized(module)
            )
            """,
        ),
    ),
    mutant(
        "a plain tensor that forward binds to a deleted parameter hides it afterwards",
        ("restore.deleted",),
        After(
            "_Slot.put_back",
            "other.pop(key)",
            """
            if other is owner.stores[_DICT] and isinstance(self.now, Tensor) and self.home != _DICT:
                other[key] = self.now
            """,
        ),
    ),
    mutant(
        "a submodule that forward adds is gone afterwards",
        ("restore.shape",),
        After(
            "_Owner.put_back",
            "for slot in self.slots.values(): ...",
            """
            for key in [k for k in self.stores[_MODULES] if k not in self.kids]:
                del self.stores[_MODULES][key]
            """,
        ),
        After("_Owner.__init__", "self.module = module", "self.kids = set(module._modules)"),
    ),
    mutant(
        "a hook that forward registers is gone afterwards",
        ("restore.shape",),
        Before(
            "_Owner.__init__",
            "self.order = [*module._parameters.keys(), *module._buffers.keys()]",
            'self.hooks = {k: dict(v) for k, v in module.__dict__.items() if k.endswith("_hooks")}',
        ),
        Before(
            "_Owner.put_back",
            "non_persistent = self.module._non_persistent_buffers_set",
            """
            for k, v in self.hooks.items():
                h = self.module.__dict__[k]
                for n in [n for n in h if n not in v]:
                    del h[n]
            """,
        ),
    ),
    mutant(
        "a class that forward gives the module is taken back",
        ("restore.shape",),
        Before(
            "_Owner.__init__",
            "self.order = [*module._parameters.keys(), *module._buffers.keys()]",
            "self.kind = type(module)",
        ),
        Before(
            "_Owner.put_back",
            "non_persistent = self.module._non_persistent_buffers_set",
            """
            if type(self.module) is not self.kind:
                self.module.__class__ = self.kind
            """,
        ),
    ),
    mutant(
        "comparisons are remembered",
        ("restore.no-references", "tie.conflict"),
        Replace("_equal", "torch.equal", "_same"),
        TopLevel(
            """
            import functools

            _same = functools.lru_cache(maxsize=None)(torch.equal)
            """,
        ),
    ),
    mutant(
        "a buffer that forward registers anew keeps its new persistence",
        ("restore.rebound",),
        Before(
            "_Owner.put_back",
            "(non_persistent.add if key in self.non_persistent else non_persistent.discard)(key)",
            """
            if (
                self.slots[key].home == _BUFFERS
                and isinstance(self.slots[key].now, Tensor)
                and self.slots[key].there
            ):
                continue
            """,
        ),
        After(
            "_Slot.look",
            "self.now = store[key] if key in store else _Absent",
            "self.there = self.now is not _Absent",
        ),
        Replace(
            "_Slot",
            '("elsewhere", "given", "group", "home", "in_force", "key", "now", "old")',
            '("elsewhere", "there", "given", "group", "home", "in_force", "key", "now", "old")',
        ),
    ),
    mutant(
        "a name may lead through a tensor",
        ("restore.own-grad",),
        After(
            "_Swap._module_at",
            "child = getattr(module, part, None)",
            """
            if isinstance(child, Tensor):
                return child
            """,
        ),
        After(
            "_Swap._other_slot",
            "module = self._module_at(path, name)",
            """
            if isinstance(module, Tensor):
                setattr(module, key, value)
                return None
            """,
        ),
    ),
    mutant(
        "values of tied names are kept alive",
        ("restore.no-references",),
        After(
            "_Swap.tie",
            "values: dict[Any, Any] = {}",
            """
            _TIES.append(values)
            del _TIES[:-8]
            if len({s.group for _, s, _ in self.names.values()}) == len(self.names):
                _TIES.pop()
            """,
        ),
        TopLevel("_TIES = []"),
    ),
    mutant(
        "values of regular names are kept alive",
        ("restore.no-references",),
        After(
            "_ParametrizedSlot.__init__",
            "self.tensors = tensors = [given]",
            """
            _LAST.append(given)
            del _LAST[:-8]
            """,
        ),
        TopLevel("_LAST = []"),
    ),
    mutant(
        "a plain attribute is set while later names are still looked up",
        ("restore.rejected",),
        Replace(
            "_Swap._other_slot",
            "return self._slot(module, _DICT, key, value)",
            """
            slot = self._slot(module, _DICT, key, value)
            module.__dict__[key] = value
            return slot
            """,
        ),
    ),
    mutant(
        "a slot that only a tie gave, and forward deleted, does not come back",
        ("restore.deleted",),
        Before(
            "_Owner.put_back",
            "slot.put_back(self)",
            """
            if slot.key not in self.stores[slot.home] and slot.mate:
                continue
            """,
        ),
        Replace(
            "_Swap.tie",
            "self._slot(module, home, key, values[_identity(tensor)])",
            "self._slot(module, home, key, values[_identity(tensor)]).mate = True",
        ),
        Replace(
            "_Slot",
            '("elsewhere", "given", "group", "home", "in_force", "key", "now", "old")',
            '("elsewhere", "mate", "given", "group", "home", "in_force", "key", "now", "old")',
        ),
        After("_Slot.__init__", "self.old: Any = self.now", "self.mate = False"),
    ),
    mutant(
        "recurrent modules list dead weights after a transform",
        ("restore.recurrent",),
        Before(
            "_Owner.put_back",
            "slot.put_back(self)",
            """
            if slot.key.startswith("_flat_w") and torch._C._functorch.maybe_current_level() is not None:
                continue
            """,
        ),
    ),
    mutant(
        "order and persistence are not put back without ties",
        ("restore.order", "restore.rebound"),
        Replace(
            "_Owner.put_back",
            "non_persistent != self.non_persistent",
            "self.tied and non_persistent != self.non_persistent",
        ),
        Replace(
            "_Owner.put_back",
            "[*self.stores[_PARAMETERS].keys(), *self.stores[_BUFFERS].keys()] != self.order",
            "self.tied and [*self.stores[_PARAMETERS].keys(), *self.stores[_BUFFERS].keys()] != self.order",
        ),
        First("_Owner", "tied = True"),
        Before(
            "functional_call",
            "if strict: ...",
            """
            if not tie_weights:
                for o in swap.owners.values():
                    o.tied = False
            """,
        ),
    ),
    mutant(
        "a recurrent module that only a tie gave a weight keeps it",
        ("restore.recurrent",),
        Replace(
            "_Owner.__init__",
            """
            for key in ("_flat_weights", "_flat_weight_refs"):
                self.slots[key] = _Slot(self, _DICT, key, list(module.__dict__[key]))
            """,
            """
            self.flat = {
                key: _Slot(self, _DICT, key, list(module.__dict__[key]))
                for key in ("_flat_weights", "_flat_weight_refs")
            }
            """,
        ),
        After("_Owner.__init__", "self.slots: dict[str, _Slot] = {}", "self.flat = {}"),
        After(
            "functional_call",
            "swap.take(parameter_and_buffer_dicts)",
            """
            for owner in swap.owners.values():
                if owner.slots or "parametrizations" in owner.module._modules:
                    owner.slots.update(owner.flat)
            """,
        ),
    ),
]
