"""Mutants of chapter restore."""

from mutants import mutant
from mutants._changes import After, Before, Change, Replace, TopLevel
from mutants._common import left, not_put_back, put_back_after, when_raised, with_old


def _owners_back(where: str) -> Change:
    """Only the owners where this holds are put back."""
    return Replace("_Swap.put_back", "owner.put_back()", f"if {where}:\n    owner.put_back()")


def _twice_saved(where: str) -> Change:
    """A slot that two given names lead to is saved once for each, where this holds; the second time with its value."""
    return Before(
        "_Swap.put_in",
        "self.is_in = True",
        f"""
        seen: list[Any] = []
        for _, slot, _ in self.names.values():
            if slot in seen and {where}:
                slot.old = slot.given
            seen.append(slot)
        """,
    )


MUTANTS = [
    mutant(
        "a buffer that was given an nn.Parameter keeps it",
        ("restore.objects",),
        not_put_back("self.home == _BUFFERS and isinstance(self.given, nn.Parameter)"),
    ),
    mutant(
        "members of a ParameterDict are not put back",
        ("restore.objects",),
        not_put_back("isinstance(owner.module, nn.ParameterDict)"),
    ),
    mutant(
        "a buffer tied to a given one keeps the value",
        ("restore.exception", "restore.objects"),
        Replace(
            "_Swap.tie",
            "self._slot(module, home, key, values[_identity(tensor)])",
            """
            slot = self._slot(module, home, key, values[_identity(tensor)])
            named = any(slot is its for _, its, _ in self.names.values())
            slot.old = slot.given if home == _BUFFERS and not named else slot.old
            """,
        ),
    ),
    mutant(
        "an own buffer requires grad once a tensor that does was given for it",
        ("restore.objects",),
        with_old(
            "_ = self.home == _BUFFERS and self.given is not None and self.given.requires_grad"
            " and self.old.requires_grad_()"
        ),
    ),
    mutant(
        "what forward deleted stands behind its neighbours",
        ("restore.order",),
        Replace(
            "_Owner.put_back",
            "[*self.stores[_PARAMETERS].keys(), *self.stores[_BUFFERS].keys()] != self.order",
            "False and [*self.stores[_PARAMETERS].keys(), *self.stores[_BUFFERS].keys()] != self.order",
        ),
    ),
    mutant(
        "only parameters are put in order again",
        ("restore.order",),
        Replace("_Owner.put_back", "self.stores[:_MODULES]", "self.stores[:_BUFFERS]"),
    ),
    mutant(
        "nothing is put back after a TypeError, which is taken for wrong arguments",
        ("restore.exception",),
        when_raised("swap.owners.clear()", "TypeError"),
    ),
    mutant(
        "members of a ParameterList are not put back when forward raises",
        ("restore.deleted", "restore.exception", "restore.order", "restore.rebound"),
        when_raised(
            "swap.owners = {key: one for key, one in swap.owners.items() if not isinstance(one.module, nn.ParameterList)}"
        ),
    ),
    mutant(
        "tied slots are not put back when forward raises",
        ("restore.exception",),
        when_raised(
            "[one.slots.pop(key) for one in swap.owners.values() for key, slot in [*one.slots.items()]"
            " if all(slot is not its for _, its, _ in swap.names.values()) and slot.home != _DICT]"
        ),
    ),
    mutant(
        "the module is put back for an Exception only",
        ("restore.base-exception",),
        put_back_after("Exception"),
    ),
    mutant(
        "of what is no Exception only KeyboardInterrupt is thought of",
        ("restore.base-exception",),
        put_back_after("(Exception, KeyboardInterrupt)"),
    ),
    mutant(
        "the call is made in a generator, which turns StopIteration into RuntimeError",
        ("restore.base-exception",),
        Replace(
            "functional_call",
            "module(*args, **({} if kwargs is None else kwargs))",
            "next(module(*args, **({} if kwargs is None else kwargs)) for _ in (0,))",
        ),
    ),
    mutant(
        "values are put in while names are still looked up",
        ("restore.rejected",),
        After(
            "_Swap._slot", "slot = owner.slots[key] = _Slot(owner, home, key, value)", "owner.stores[home][key] = value"
        ),
    ),
    mutant(
        "the names are compared with the module's when the values are in",
        ("restore.rejected",),
        Before("functional_call", "swap.check_strict()", "swap.put_in()"),
    ),
    mutant(
        "tied values are compared when they are in",
        ("restore.rejected",),
        Before("functional_call", "swap.tie()", "swap.put_in()"),
    ),
    mutant(
        "new names are put in while others are still looked up",
        ("restore.rejected",),
        After(
            "_Swap._slot",
            "slot = owner.slots[key] = _Slot(owner, home, key, value)",
            """
            if slot.old is _Absent:
                owner.stores[home][key] = value
            """,
        ),
    ),
    mutant(
        "a parameter is saved once for each of its given names",
        ("restore.shared-submodule",),
        _twice_saved("slot.home == _PARAMETERS"),
    ),
    mutant(
        "a buffer is saved once for each of its given names",
        ("restore.shared-buffer-owner",),
        _twice_saved("slot.home == _BUFFERS"),
    ),
    mutant(
        "a parameter, and a buffer, is saved once for each of its given names",
        ("restore.shared-buffer-owner", "restore.shared-submodule"),
        _twice_saved("slot is not None"),
    ),
    mutant(
        "values of a call within a call are put back when the outer one ends",
        ("restore.nested",),
        Replace(
            "functional_call",
            "swap.put_back()",
            """
            if _RUNNING[0] is swap:
                while _RUNNING:
                    _RUNNING.pop().put_back()
            """,
        ),
        Before("functional_call", "swap.put_in()", "_RUNNING.append(swap)"),
        TopLevel("_RUNNING: list[Any] = []"),
    ),
    mutant(
        "what forward registers in the other store stays there",
        ("restore.rebound",),
        left("other is not store and any(other is one for one in owner.stores[:_MODULES])"),
    ),
    mutant(
        "what forward set to None stays None",
        ("restore.rebound",),
        not_put_back("self.now is None and self.given is not None"),
    ),
    mutant(
        "a parameter that forward made a non-persistent buffer stays listed as such",
        ("restore.rebound",),
        Replace(
            "_Owner.put_back",
            "(non_persistent.add if key in self.non_persistent else non_persistent.discard)(key)",
            """
            if key in self.non_persistent:
                non_persistent.add(key)
            """,
        ),
    ),
    mutant(
        "what forward registers in the other store stays there when it raises",
        ("restore.rebound",),
        when_raised("swap.failed = True"),
        After(
            "_Swap.put_back",
            "owner.put_back()",
            """
            for slot in owner.slots.values() if "failed" in vars(self) else ():
                if slot.home <= _BUFFERS and isinstance(slot.now, Tensor) and slot.now is not slot.given:
                    if isinstance(slot.now, nn.Parameter) != (slot.home == _PARAMETERS):
                        owner.stores[1 - slot.home][slot.key] = slot.now
            """,
        ),
    ),
    mutant(
        "a module that forward binds to the name stays a submodule",
        ("restore.rebound-non-tensor",),
        left("other is owner.stores[_MODULES]"),
    ),
    mutant(
        "a number that forward binds to the name stays an attribute",
        ("restore.rebound-non-tensor",),
        left("other is not store and other is owner.stores[_DICT]"),
    ),
    mutant(
        "where forward bound something that is no tensor, an error ends the putting back",
        ("restore.rebound-non-tensor",),
        with_old(
            "_ = 0 if self.home > _BUFFERS or self.now in (None, _Absent) or isinstance(self.now, Tensor) else len(self.now)"
        ),
    ),
    mutant(
        "a non-persistent buffer that forward deleted comes back persistent",
        ("restore.deleted",),
        Replace(
            "_Owner.put_back",
            "(non_persistent.add if key in self.non_persistent else non_persistent.discard)(key)",
            """
            if self.slots[key].now is not _Absent:
                (non_persistent.add if key in self.non_persistent else non_persistent.discard)(key)
            """,
        ),
    ),
    mutant(
        "a parameter that forward deleted comes back as a new Parameter",
        ("restore.deleted",),
        with_old(
            "store[key] = nn.Parameter(self.old) if self.home == _PARAMETERS and self.now is _Absent else store[key]"
        ),
    ),
    mutant(
        "what forward deleted stays deleted",
        ("restore.deleted", "restore.order"),
        not_put_back("self.home <= _BUFFERS and self.now is _Absent"),
    ),
    mutant(
        "a submodule that is not in the module any more is not put back",
        ("restore.detached-owner",),
        _owners_back("any(owner.module is one for one in self.module.modules())"),
    ),
    mutant(
        "values are put back where their names lead when forward has ended",
        ("restore.detached-owner",),
        Before(
            "_Swap.put_in",
            "self.is_in = True",
            "self.paths = {id(one): path for path, one in self.module.named_modules()}",
        ),
        Before(
            "_Swap.put_back",
            "owner.put_back()",
            """
            now = dict(self.module.named_modules()).get(self.paths.get(id(owner.module)), None)
            if now is not None and id(owner.module) in self.paths:
                owner.stores = now._parameters, now._buffers, now._modules, now.__dict__
            """,
        ),
    ),
    mutant(
        "a Parameter given under a new name stays registered",
        ("restore.no-leftovers",),
        left("other is store and self.home == _PARAMETERS"),
    ),
    mutant(
        "a tensor given under a new name stays an attribute",
        ("restore.no-leftovers",),
        left(
            "other is store is owner.stores[_DICT] and isinstance(self.given, Tensor)"
            " and not hasattr(type(owner.module), key)"
        ),
    ),
    mutant(
        "a new name stays, with None",
        ("restore.no-leftovers",),
        After(
            "_Slot.put_back",
            "other.pop(key)",
            """
            if other is store and not hasattr(type(owner.module), key):
                store[key] = None
            """,
        ),
    ),
]
