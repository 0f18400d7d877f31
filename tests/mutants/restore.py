"""Mutants of chapter restore."""

from mutants import Mutant

CALL = "        return module(*args, **(kwargs or {}))\n"
END = "    finally:\n        swap.put_back()\n"
WHOLE_CALL = f"    try:\n        swap.put_in()\n{CALL}{END}"
RESTORES = "            store[key] = self.old\n"
STRAY = "            if key in other:\n"
REMOVES = "                self.now = other.pop(key)\n"
OWNERS_BACK = "            owner.put_back()\n"
TAKES = "    swap.take(parameter_and_buffer_dicts)\n"
IN = "        self.is_in = True\n"
PERSISTENCE = "                (non_persistent.add if key in self.non_persistent else non_persistent.discard)(key)\n"
NEW_SLOT = "            slot = owner.slots[key] = _Slot(owner, home, key, value)\n"


def _kept(where: str) -> tuple[tuple[str, str], ...]:
    """A slot where this holds is not put back."""
    return ((RESTORES, f"            if not ({where}):\n    {RESTORES}"),)


def _left(where: str) -> tuple[tuple[str, str], ...]:
    """What stands in a store where this holds, and did not before, stays there."""
    return ((STRAY, f"            if key in other and not ({where}):\n"),)


def _with_old(line: str) -> tuple[tuple[str, str], ...]:
    """A line that runs for each own object that comes back."""
    return ((RESTORES, f"{RESTORES}            {line}\n"),)


def _after(line: str, errors: str = "BaseException") -> tuple[tuple[str, str], ...]:
    """A line that runs first when the call has raised one of these."""
    return ((END, f"    except {errors}:\n        {line}\n        raise\n{END}"),)


def _owners_back(where: str) -> tuple[tuple[str, str], ...]:
    """Only the owners where this holds are put back."""
    return ((OWNERS_BACK, f"            if {where}:\n    {OWNERS_BACK}"),)


def _put_back_for(errors: str) -> tuple[tuple[str, str], ...]:
    """The module is put back after these errors, and after a result."""
    return (
        (CALL, CALL.replace("return", "result =")),
        (
            END,
            f"    except {errors}:\n        swap.put_back()\n        raise\n    swap.put_back()\n    return result\n",
        ),
    )


def _twice_saved(where: str) -> tuple[tuple[str, str], ...]:
    """A slot that two given names lead to is saved once for each, where this holds; the second time with its value."""
    return (
        (
            IN,
            "        seen: list[Any] = []\n"
            "        for _, slot, _ in self.names.values():\n"
            f"            if slot in seen and {where}:\n"
            "                slot.old = slot.given\n"
            f"            seen.append(slot)\n{IN}",
        ),
    )


MUTANTS = [
    Mutant(
        "a buffer that was given an nn.Parameter keeps it",
        ("restore.objects",),
        _kept("self.home == _BUFFERS and isinstance(self.given, nn.Parameter)"),
    ),
    Mutant(
        "members of a ParameterDict are not put back",
        ("restore.objects",),
        _kept("isinstance(owner.module, nn.ParameterDict)"),
    ),
    Mutant(
        "a buffer tied to a given one keeps the value",
        ("restore.exception", "restore.objects"),
        (
            (
                "                self._slot(module, home, key, values[id(tensor)])\n",
                "                slot = self._slot(module, home, key, values[id(tensor)])\n"
                "                named = any(slot is its for _, its, _ in self.names.values())\n"
                "                slot.old = slot.given if home == _BUFFERS and not named else slot.old\n",
            ),
        ),
    ),
    Mutant(
        "an own buffer requires grad once a tensor that does was given for it",
        ("restore.objects",),
        _with_old(
            "_ = self.home == _BUFFERS and self.given is not None and self.given.requires_grad"
            " and self.old.requires_grad_()"
        ),
    ),
    Mutant(
        "what forward deleted stands behind its neighbours",
        ("restore.order",),
        (("        if [*self.stores", "        if False and [*self.stores"),),
    ),
    Mutant(
        "only parameters are put in order again",
        ("restore.order",),
        (("            for store in self.stores[:_MODULES]:\n", "            for store in self.stores[:_BUFFERS]:\n"),),
    ),
    Mutant(
        "nothing is put back after a TypeError, which is taken for wrong arguments",
        ("restore.exception",),
        _after("swap.owners.clear()", "TypeError"),
    ),
    Mutant(
        "members of a ParameterList are not put back when forward raises",
        ("restore.deleted", "restore.exception", "restore.order", "restore.rebound"),
        _after(
            "swap.owners = {key: one for key, one in swap.owners.items() if not isinstance(one.module, nn.ParameterList)}"
        ),
    ),
    Mutant(
        "tied slots are not put back when forward raises",
        ("restore.exception",),
        _after(
            "[one.slots.pop(key) for one in swap.owners.values() for key, slot in [*one.slots.items()]"
            " if all(slot is not its for _, its, _ in swap.names.values()) and slot.home != _DICT]"
        ),
    ),
    Mutant(
        "the module is put back for an Exception only",
        ("restore.base-exception",),
        _put_back_for("Exception"),
    ),
    Mutant(
        "of what is no Exception only KeyboardInterrupt is thought of",
        ("restore.base-exception",),
        _put_back_for("(Exception, KeyboardInterrupt)"),
    ),
    Mutant(
        "the call is made in a generator, which turns StopIteration into RuntimeError",
        ("restore.base-exception",),
        ((CALL, "        return next(module(*args, **(kwargs or {})) for _ in (0,))\n"),),
    ),
    Mutant(
        "values are put in while names are still looked up",
        ("restore.rejected",),
        ((NEW_SLOT, f"{NEW_SLOT}            owner.stores[home][key] = value\n"),),
    ),
    Mutant(
        "the names are compared with the module's when the values are in",
        ("restore.rejected",),
        (("        swap.check_strict()\n", "        swap.put_in()\n        swap.check_strict()\n"),),
    ),
    Mutant(
        "tied values are compared when they are in",
        ("restore.rejected",),
        (("        swap.tie()\n", "        swap.put_in()\n        swap.tie()\n"),),
    ),
    Mutant(
        "new names are put in while others are still looked up",
        ("restore.rejected",),
        (
            (
                NEW_SLOT,
                f"{NEW_SLOT}            if slot.old is _Absent:\n                owner.stores[home][key] = value\n",
            ),
        ),
    ),
    Mutant(
        "a parameter is saved once for each of its given names",
        ("restore.shared-submodule",),
        _twice_saved("slot.home == _PARAMETERS"),
    ),
    Mutant(
        "a buffer is saved once for each of its given names",
        ("restore.shared-buffer-owner",),
        _twice_saved("slot.home == _BUFFERS"),
    ),
    Mutant(
        "a parameter, and a buffer, is saved once for each of its given names",
        ("restore.shared-buffer-owner", "restore.shared-submodule"),
        _twice_saved("slot is not None"),
    ),
    Mutant(
        "values of a call within a call are put back when the outer one ends",
        ("restore.nested",),
        (
            (
                END,
                "    finally:\n"
                "        if _RUNNING[0] is swap:\n"
                "            while _RUNNING:\n"
                "                _RUNNING.pop().put_back()\n",
            ),
            ("        swap.put_in()\n", "        _RUNNING.append(swap)\n        swap.put_in()\n"),
            ("def _check_module(", "_RUNNING: list[Any] = []\n\n\ndef _check_module("),
        ),
    ),
    Mutant(
        "what forward registers in the other store stays there",
        ("restore.rebound",),
        _left("other is not store and any(other is one for one in owner.stores[:_MODULES])"),
    ),
    Mutant(
        "what forward set to None stays None",
        ("restore.rebound",),
        _kept("self.now is None and self.given is not None"),
    ),
    Mutant(
        "a parameter that forward made a non-persistent buffer stays listed as such",
        ("restore.rebound",),
        (
            (
                PERSISTENCE,
                "                if key in self.non_persistent:\n                    non_persistent.add(key)\n",
            ),
        ),
    ),
    Mutant(
        "what forward registers in the other store stays there when it raises",
        ("restore.rebound",),
        (
            *_after("swap.failed = True"),
            (
                OWNERS_BACK,
                f"{OWNERS_BACK}            for slot in owner.slots.values() if 'failed' in vars(self) else ():\n"
                "                if slot.home <= _BUFFERS and isinstance(slot.now, Tensor) and slot.now is not slot.given:\n"
                "                    if isinstance(slot.now, nn.Parameter) != (slot.home == _PARAMETERS):\n"
                "                        owner.stores[1 - slot.home][slot.key] = slot.now\n",
            ),
        ),
    ),
    Mutant(
        "a module that forward binds to the name stays a submodule",
        ("restore.rebound-non-tensor",),
        _left("other is owner.stores[_MODULES]"),
    ),
    Mutant(
        "a number that forward binds to the name stays an attribute",
        ("restore.rebound-non-tensor",),
        _left("other is not store and other is owner.stores[_DICT]"),
    ),
    Mutant(
        "where forward bound something that is no tensor, an error ends the putting back",
        ("restore.rebound-non-tensor",),
        _with_old(
            "_ = 0 if self.home > _BUFFERS or self.now in (None, _Absent) or isinstance(self.now, Tensor) else len(self.now)"
        ),
    ),
    Mutant(
        "a non-persistent buffer that forward deleted comes back persistent",
        ("restore.deleted",),
        ((PERSISTENCE, f"                if self.slots[key].now is not _Absent:\n    {PERSISTENCE}"),),
    ),
    Mutant(
        "a parameter that forward deleted comes back as a new Parameter",
        ("restore.deleted",),
        _with_old(
            "store[key] = nn.Parameter(self.old) if self.home == _PARAMETERS and self.now is _Absent else store[key]"
        ),
    ),
    Mutant(
        "what forward deleted stays deleted",
        ("restore.deleted", "restore.order"),
        _kept("self.home <= _BUFFERS and self.now is _Absent"),
    ),
    Mutant(
        "a submodule that is not in the module any more is not put back",
        ("restore.detached-owner",),
        _owners_back("any(owner.module is one for one in self.module.modules())"),
    ),
    Mutant(
        "values are put back where their names lead when forward has ended",
        ("restore.detached-owner",),
        (
            (IN, f"        self.paths = {{id(one): path for path, one in self.module.named_modules()}}\n{IN}"),
            (
                OWNERS_BACK,
                "            now = dict(self.module.named_modules()).get(self.paths.get(id(owner.module)), None)\n"
                "            if now is not None and id(owner.module) in self.paths:\n"
                "                owner.stores = (now._parameters, now._buffers, now._modules, now.__dict__)\n"
                f"{OWNERS_BACK}",
            ),
        ),
    ),
    Mutant(
        "a Parameter given under a new name stays registered",
        ("restore.no-leftovers",),
        _left("other is store and self.home == _PARAMETERS"),
    ),
    Mutant(
        "a tensor given under a new name stays an attribute",
        ("restore.no-leftovers",),
        _left(
            "other is store is owner.stores[_DICT] and isinstance(self.given, Tensor)"
            " and not hasattr(type(owner.module), key)"
        ),
    ),
    Mutant(
        "a new name stays, with None",
        ("restore.no-leftovers",),
        (
            (
                REMOVES,
                f"{REMOVES}                if other is store and not hasattr(type(owner.module), key):\n"
                "                    store[key] = None\n",
            ),
        ),
    ),
]
