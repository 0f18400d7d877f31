"""Mutants that show only where putting back meets something else: None, flags, hooks, recurrent modules, regular names."""

from mutants import Mutant
from mutants.restore import WHOLE_CALL

MUTANTS = [
    Mutant(
        "a slot that was given None is not put back",
        ("restore.objects",),
        (
            (
                ("        if self.old is not _Absent:\n            store[key] = self.old\n"),
                ("        if self.old is not _Absent and self.given is not None:\n            store[key] = self.old\n"),
            ),
        ),
    ),
    Mutant(
        "a regular name is in force while later names are still looked up",
        ("restore.rejected",),
        (
            (
                'owner.slots["forward"] = _ParametrizedSlot(owner, value)',
                (
                    'owner.slots["forward"] = _ParametrizedSlot(owner, value)\n'
                    "            for s in owner.slots.values():\n"
                    "                owner.stores[s.home][s.key] = s.given"
                ),
            ),
        ),
    ),
    Mutant(
        "a call in forward ends the regular name of the outer call",
        ("restore.nested",),
        (
            (
                ("        super().put_back(owner)\n        if len"),
                ("        self.old = _Absent\n        super().put_back(owner)\n        if len"),
            ),
        ),
    ),
    Mutant(
        "only the well-known exceptions that are no Exception put anything back",
        ("restore.base-exception",),
        (
            (
                WHOLE_CALL,
                (
                    "    try:\n"
                    "        swap.put_in()\n"
                    "        result = module(*args, **(kwargs or {}))\n"
                    "    except (Exception, KeyboardInterrupt, SystemExit, GeneratorExit):\n"
                    "        swap.put_back()\n"
                    "        raise\n"
                    "    swap.put_back()\n"
                    "    return result\n"
                ),
            ),
        ),
    ),
    Mutant(
        "a subclass of nn.GRU is no recurrent module",
        ("restore.recurrent",),
        (
            (
                ("        if isinstance(module, nn.RNNBase):\n            # restore"),
                (
                    "        if type(module) in (nn.RNN, nn.LSTM, nn.GRU) or (isinstance(module, nn.RNNBase) and "
                    "parametrize.is_parametrized(module)):\n"
                    "            # restore"
                ),
            ),
        ),
    ),
    Mutant(
        "a plain tensor that forward binds to a deleted parameter hides it afterwards",
        ("restore.deleted",),
        (
            (
                "                self.now = other.pop(key)\n",
                (
                    "                self.now = other.pop(key)\n"
                    "                if other is owner.stores[_DICT] and isinstance(self.now, Tensor) and self.home "
                    "!= _DICT:\n"
                    "                    other[key] = self.now\n"
                ),
            ),
        ),
    ),
    Mutant(
        "a submodule that forward adds is gone afterwards",
        ("restore.shape",),
        (
            (
                ("        for slot in self.slots.values():\n            slot.put_back(self)\n"),
                (
                    "        for slot in self.slots.values():\n"
                    "            slot.put_back(self)\n"
                    "        for key in [k for k in self.stores[_MODULES] if k not in self.kids]:\n"
                    "            del self.stores[_MODULES][key]\n"
                ),
            ),
            (
                ("        self.module = module\n        self.slots: dict"),
                ("        self.module = module\n        self.kids = set(module._modules)\n        self.slots: dict"),
            ),
        ),
    ),
    Mutant(
        "a hook that forward registers is gone afterwards",
        ("restore.shape",),
        (
            (
                "        self.order = [",
                (
                    '        self.hooks = {k: dict(v) for k, v in module.__dict__.items() if k.endswith("_hooks")}\n'
                    "        self.order = ["
                ),
            ),
            (
                "        non_persistent = self.module._non",
                (
                    "        for k, v in self.hooks.items():\n"
                    "            h = self.module.__dict__[k]\n"
                    "            for n in [n for n in h if n not in v]:\n"
                    "                del h[n]\n"
                    "        non_persistent = self.module._non"
                ),
            ),
        ),
    ),
    Mutant(
        "a class that forward gives the module is taken back",
        ("restore.shape",),
        (
            ("        self.order = [", ("        self.kind = type(module)\n        self.order = [")),
            (
                "        non_persistent = self.module._non",
                (
                    "        if type(self.module) is not self.kind:\n"
                    "            self.module.__class__ = self.kind\n"
                    "        non_persistent = self.module._non"
                ),
            ),
        ),
    ),
    Mutant(
        "comparisons are remembered",
        ("restore.no-references", "tie.conflict"),
        (
            ("        return torch.equal(a, b)  # type: ignore[arg-type]", "        return _same(a, b)"),
            ("def _equal(a", ("_same = functools.lru_cache(maxsize=None)(torch.equal)\n\n\ndef _equal(a")),
            ("from collections.abc import Mapping", ("import functools\nfrom collections.abc import Mapping")),
        ),
    ),
    Mutant(
        "a buffer that forward registers anew keeps its new persistence",
        ("restore.rebound",),
        (
            (
                ("            for key in self.slots:\n                (non"),
                (
                    "            for key in self.slots:\n"
                    "                if self.slots[key].home == _BUFFERS and isinstance(self.slots[key].now, "
                    "Tensor) and self.slots[key].there:\n"
                    "                    continue\n"
                    "                (non"
                ),
            ),
            (
                ("        for other in self.elsewhere:\n            if key"),
                (
                    "        self.there = self.now is not _Absent\n"
                    "        for other in self.elsewhere:\n"
                    "            if key"
                ),
            ),
            ('"elsewhere", "given"', '"elsewhere", "there", "given"'),
        ),
    ),
    Mutant(
        "a name may lead through a tensor",
        ("restore.own-grad",),
        (
            (
                ("            if not isinstance(child, nn.Module):\n                if"),
                (
                    "            if isinstance(child, Tensor):\n"
                    "                return child\n"
                    "            if not isinstance(child, nn.Module):\n"
                    "                if"
                ),
            ),
            (
                "        module = self._module_at(path, name)\n",
                (
                    "        module = self._module_at(path, name)\n"
                    "        if isinstance(module, Tensor):\n"
                    "            setattr(module, key, value)\n"
                    "            return None\n"
                ),
            ),
        ),
    ),
    Mutant(
        "values of tied names are kept alive",
        ("restore.no-references",),
        (
            (
                "        values: dict[Any, Any] = {}  # by group\n",
                (
                    "        values: dict[Any, Any] = {}  # by group\n"
                    "        _TIES.append(values)\n"
                    "        del _TIES[:-8]\n"
                    "        if len({s.group for _, s, _ in self.names.values()}) == len(self.names):\n"
                    "            _TIES.pop()\n"
                ),
            ),
            ("class _ParametrizedSlot", ("_TIES = []\n\n\nclass _ParametrizedSlot")),
        ),
    ),
    Mutant(
        "values of regular names are kept alive",
        ("restore.no-references",),
        (
            (
                "        self.tensors = tensors = [given]\n",
                ("        self.tensors = tensors = [given]\n        _LAST.append(given)\n        del _LAST[:-8]\n"),
            ),
            ("class _ParametrizedSlot", ("_LAST = []\n\n\nclass _ParametrizedSlot")),
        ),
    ),
    Mutant(
        "a plain attribute is set while later names are still looked up",
        ("restore.rejected",),
        (
            (
                "            return self._slot(module, _DICT, key, value)  # restore",
                (
                    "            slot = self._slot(module, _DICT, key, value)\n"
                    "            module.__dict__[key] = value\n"
                    "            return slot  # restore"
                ),
            ),
        ),
    ),
    Mutant(
        "a slot that only a tie gave, and forward deleted, does not come back",
        ("restore.deleted",),
        (
            (
                "            slot.put_back(self)\n",
                (
                    "            if slot.key not in self.stores[slot.home] and slot.mate:\n"
                    "                continue\n"
                    "            slot.put_back(self)\n"
                ),
            ),
            (
                "                self._slot(module, home, key, values[id(tensor)])",
                "                self._slot(module, home, key, values[id(tensor)]).mate = True",
            ),
            ('"elsewhere", "given"', '"elsewhere", "mate", "given"'),
            ("        self.elsewhere = [", ("        self.mate = False\n        self.elsewhere = [")),
        ),
    ),
    Mutant(
        "recurrent modules list dead weights after a transform",
        ("restore.recurrent",),
        (
            (
                (
                    "    def put_back(self) -> None:\n"
                    "        for slot in self.slots.values():\n"
                    "            slot.put_back(self)\n"
                ),
                (
                    "    def put_back(self) -> None:\n"
                    "        for slot in self.slots.values():\n"
                    '            if slot.key.startswith("_flat_w") and torch._C._functorch.maybe_current_level() is '
                    "not None:\n"
                    "                continue\n"
                    "            slot.put_back(self)\n"
                ),
            ),
        ),
    ),
    Mutant(
        "order and persistence are not put back without ties",
        ("restore.order", "restore.rebound"),
        (
            (
                "        if non_persistent != self.non_persistent:",
                "        if self.tied and non_persistent != self.non_persistent:",
            ),
            ("        if [*self.stores[_PARAMETERS]", "        if self.tied and [*self.stores[_PARAMETERS]"),
            ("class _Owner:\n", ("class _Owner:\n    tied = True\n\n")),
            (
                ("    if strict:\n        swap.check"),
                (
                    "    if not tie_weights:\n"
                    "        for o in swap.owners.values():\n"
                    "            o.tied = False\n"
                    "    if strict:\n"
                    "        swap.check"
                ),
            ),
        ),
    ),
    Mutant(
        "a recurrent module that only a tie gave a weight keeps it",
        ("restore.recurrent",),
        (
            (
                (
                    '            for key in ("_flat_weights", "_flat_weight_refs"):\n'
                    "                self.slots[key] = _Slot(self, _DICT, key, list(module.__dict__[key]))"
                ),
                (
                    "            self.flat = {key: _Slot(self, _DICT, key, list(module.__dict__[key])) for key in "
                    '("_flat_weights", "_flat_weight_refs")}'
                ),
            ),
            (
                "        self.slots: dict[str, _Slot] = {}\n",
                ("        self.slots: dict[str, _Slot] = {}\n        self.flat = {}\n"),
            ),
            (
                ("    if tie_weights:\n        swap.tie()"),
                (
                    "    for owner in swap.owners.values():\n"
                    '        if owner.slots or "parametrizations" in owner.module._modules:\n'
                    "            owner.slots.update(owner.flat)\n"
                    "    if tie_weights:\n"
                    "        swap.tie()"
                ),
            ),
        ),
    ),
]
