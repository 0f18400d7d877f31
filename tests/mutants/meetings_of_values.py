"""Mutants that show only where a value meets something else: flags, subclasses, equal keys, transforms, what is no name."""

from mutants import Mutant
from mutants.restore import WHOLE_CALL

MUTANTS = [
    Mutant(
        "the cache of parametrizations is not put back when forward raises",
        ("parametrize.cached",),
        (
            (
                WHOLE_CALL,
                (
                    "    try:\n"
                    "        swap.put_in()\n"
                    "        result = module(*args, **(kwargs or {}))\n"
                    "    except BaseException:\n"
                    "        swap.cache = None\n"
                    "        raise\n"
                    "    else:\n"
                    "        return result\n"
                    "    finally:\n"
                    "        swap.put_back()\n"
                ),
            ),
        ),
    ),
    Mutant(
        "rebinding is lost under strict",
        ("inplace.rebinding",),
        (
            (
                "for name, (source, slot, _) in self.names.items() if self.is_in else ():",
                "for name, (source, slot, _) in self.names.items() if self.is_in and not self.strict else ():",
            ),
        ),
    ),
    Mutant(
        "rebinding is lost without ties",
        ("inplace.rebinding",),
        (
            (
                "for name, (source, slot, _) in self.names.items() if self.is_in else ():",
                "for name, (source, slot, _) in self.names.items() if self.is_in and self.tied else ():",
            ),
            (
                ("    if tie_weights:\n        swap.tie()"),
                ("    swap.tied = tie_weights\n    if tie_weights:\n        swap.tie()"),
            ),
        ),
    ),
    Mutant(
        "an unknown name is an error without ties",
        ("strict.off",),
        (
            (
                ("    if strict:\n        swap.check"),
                (
                    "    if not tie_weights and swap.unexpected and not strict:\n"
                    "        for n in swap.unexpected:\n"
                    "            if swap.names[n][1].old is _Absent and not isinstance(swap.names[n][1], "
                    "_ParametrizedSlot):\n"
                    "                raise KeyError(n)\n"
                    "    if strict:\n"
                    "        swap.check"
                ),
            ),
        ),
    ),
    Mutant(
        "rebinding reaches plain dicts only",
        ("inplace.rebinding",),
        (("if slot.now is not slot.given and (", "if type(source) is dict and slot.now is not slot.given and ("),),
    ),
    Mutant(
        "a rebinding to an instance of a subclass is lost",
        ("inplace.rebinding",),
        (
            (
                "(slot.now is None or isinstance(slot.now, Tensor))",
                (
                    "(slot.now is None or type(slot.now) in (Tensor, nn.Parameter) or (isinstance(slot.now, Tensor) "
                    'and type(slot.now).__module__.startswith("torch")))'
                ),
            ),
        ),
    ),
    Mutant(
        "a rebinding to an equal tensor is lost",
        ("inplace.rebinding",),
        (
            (
                ("                try:\n                    source[name]"),
                (
                    "                if slot.now is not None and slot.given is not None and _equal(slot.now + 0, "
                    "slot.given + 0):\n"
                    "                    continue\n"
                    "                try:\n"
                    "                    source[name]"
                ),
            ),
        ),
    ),
    Mutant(
        "rebinding is lost under transforms",
        ("inplace.rebinding",),
        (
            (
                "            if slot.now is not slot.given and (",
                (
                    "            if torch._C._functorch.maybe_current_level() is None and slot.now is not "
                    "slot.given and ("
                ),
            ),
        ),
    ),
    Mutant(
        "rebindings are found by the last part of the name",
        ("inplace.nested",),
        (
            (
                "        for name, (source, slot, _) in self.names.items() if self.is_in else ():\n",
                (
                    "        new = {}\n"
                    "        for name, (source, slot, _) in self.names.items() if self.is_in else ():\n"
                    "            if slot.now is not slot.given:\n"
                    "                new[slot.key] = slot.now\n"
                    "        for name, (source, slot, _) in self.names.items() if self.is_in else ():\n"
                    "            if slot.now is not slot.given:\n"
                    "                slot.now = new[slot.key]\n"
                ),
            ),
        ),
    ),
    Mutant(
        "what forward registers is gone afterwards",
        ("inplace.not-given",),
        (
            (
                ("        for slot in self.slots.values():\n            slot.put_back(self)\n"),
                (
                    "        for slot in self.slots.values():\n"
                    "            slot.put_back(self)\n"
                    "        for store in self.stores[:_MODULES]:\n"
                    "            for key in [k for k in store if k not in self.order and k not in self.slots]:\n"
                    "                del store[key]\n"
                ),
            ),
        ),
    ),
    Mutant(
        "a plain tensor is a name under strict",
        ("strict.unexpected",),
        (
            (
                "        found = module.__dict__.get(key",
                (
                    "        if isinstance(module.__dict__.get(key, getattr(type(module), key, None)), Tensor):\n"
                    "            self.unexpected.pop()\n"
                    "        found = module.__dict__.get(key"
                ),
            ),
        ),
    ),
    Mutant(
        "a number on the class can be given",
        ("dicts.not-a-tensor",),
        (
            (
                "        if hasattr(module, key):",
                (
                    "        if hasattr(module, key) and (key in module.__dict__ or key in module._modules or "
                    "callable(getattr(module, key))):"
                ),
            ),
        ),
    ),
    Mutant(
        "a regular name is ignored under transforms",
        ("parametrize.regular-name-gradient",),
        (
            (
                '            owner = self._owner(getattr(module._modules["par',
                (
                    "            if torch._C._functorch.maybe_current_level() is not None:\n"
                    "                return None\n"
                    '            owner = self._owner(getattr(module._modules["par'
                ),
            ),
        ),
    ),
    Mutant(
        "a regular name is ignored by the second path of a shared submodule",
        ("parametrize.regular-name",),
        (
            (
                '        if "parametrizations" in module._modules and',
                (
                    '        if any(n != name and n.endswith("." + key) and False for n in self.registered):\n'
                    "            pass\n"
                    "        first = next((p for p, m in self.module.named_modules() if m is module), None)\n"
                    '        if first != ".".join(path) and "parametrizations" in module._modules:\n'
                    "            return None\n"
                    '        if "parametrizations" in module._modules and'
                ),
            ),
        ),
    ),
    Mutant(
        "own tensors that are given follow their group",
        ("swap.identity",),
        (
            (
                (
                    "        for name, (module, home, key, tensor) in self.registered.items():\n"
                    "            if id(tensor) in values"
                ),
                (
                    "        for _, slot, value in self.names.values():\n"
                    "            if id(value) in values and value is not slot.old and slot.home < _MODULES:\n"
                    "                slot.given = values[id(value)]\n"
                    "        for name, (module, home, key, tensor) in self.registered.items():\n"
                    "            if id(tensor) in values"
                ),
            ),
        ),
    ),
    Mutant(
        "given tensors of a tied group are hashed",
        ("swap.subclass",),
        (
            (
                "            if not _equal(first, value):",
                (
                    "            if value is not None and slot.group == id(slot.old) and sum(s.group == slot.group "
                    "for _, s, _ in self.names.values()) > 1:\n"
                    "                {first, value}\n"
                    "            if not _equal(first, value):"
                ),
            ),
        ),
    ),
    Mutant(
        "signals are masked, which only the main thread may",
        ("swap.identity",),
        (
            (
                "        swap.put_in()\n",
                (
                    "        was = signal.signal(signal.SIGINT, signal.SIG_IGN)\n"
                    "        swap.put_in()\n"
                    "        signal.signal(signal.SIGINT, was)\n"
                ),
            ),
            ("from collections.abc import Mapping", ("import signal\nfrom collections.abc import Mapping")),
        ),
    ),
    Mutant(
        "buffers of submodules are set as attributes",
        ("swap.custom-access",),
        (
            (
                "                owner.stores[slot.home][slot.key] = slot.given\n",
                (
                    "                owner.stores[slot.home][slot.key] = slot.given\n"
                    "                if owner.module is not self.module and slot.home == _BUFFERS and "
                    "type(slot.given) is Tensor:\n"
                    "                    setattr(owner.module, slot.key, slot.given)\n"
                ),
            ),
        ),
    ),
    Mutant(
        "a tied slot is hidden by an attribute, and lists its own tensor",
        ("swap.visible",),
        (
            (
                "                self._slot(module, home, key, values[id(tensor)])",
                "                self._slot(module, home, key, values[id(tensor)]).shadow = True",
            ),
            ('"elsewhere", "given"', '"elsewhere", "shadow", "given"'),
            ("        self.elsewhere = [", ("        self.shadow = False\n        self.elsewhere = [")),
            (
                "                owner.stores[slot.home][slot.key] = slot.given\n",
                (
                    "                (owner.stores[_DICT] if slot.shadow else owner.stores[slot.home])[slot.key] = "
                    "slot.given\n"
                ),
            ),
        ),
    ),
    Mutant(
        "a name must be exactly a str",
        ("dicts.one",),
        (("if not isinstance(name, str):", "if type(name) is not str:"),),
    ),
    Mutant(
        "buffers are copies where no gradient is asked for",
        ("inplace.batch-norm",),
        (
            (
                ("        for owner in self.owners.values():\n            for slot in owner.slots.values():\n"),
                (
                    "        for owner in self.owners.values():\n"
                    "            for slot in owner.slots.values():\n"
                    "                if slot.home == _BUFFERS and isinstance(slot.given, Tensor) and not "
                    "torch.is_grad_enabled() and self.module.training:\n"
                    "                    slot.given = slot.given.clone()\n"
                ),
            ),
        ),
    ),
    Mutant(
        "without ties a name registered as None is missing",
        ("strict.none",),
        (
            ("if tensor is not None and key not in", "if (tensor is not None or not self.tied) and key not in"),
            (
                ("    if tie_weights:\n        swap.tie()"),
                ("    swap.tied = tie_weights\n    if tie_weights:\n        swap.tie()"),
            ),
        ),
    ),
    Mutant(
        "all regular names give the last value",
        ("parametrize.regular-name",),
        (
            ("self.tensors = tensors = [given]", "self.tensors = tensors = owner.swap.regular; tensors.append(given)"),
            ("class _Owner:\n", ("class _Owner:\n    regular = None\n    swap = None\n")),
            (
                'owner.slots["forward"] = _ParametrizedSlot(owner, value)',
                ('owner.swap = self\n            owner.slots["forward"] = _ParametrizedSlot(owner, value)'),
            ),
            (
                "self.cache: dict[Any, Any] | None = None",
                ("self.cache: dict[Any, Any] | None = None\n        self.regular = []"),
            ),
            (("        if len(self.tensors) > 1:\n            self.now = self.tensors[-1]\n"), ""),
        ),
    ),
]
