"""Mutants of chapter restore: what a call leaves behind beside the slots themselves."""

from mutants import Mutant
from mutants.restore import CALL, IN, OWNERS_BACK, REMOVES, TAKES, _after, _kept, _left, _with_old

MUTANTS = [
    Mutant(
        "a given tensor starts with the own one's .grad, the very object",
        ("restore.own-grad",),
        (
            (
                IN,
                "        for _, slot, value in self.names.values():\n"
                "            if isinstance(value, Tensor) and value.is_leaf and value.grad is None:\n"
                "                if slot is not None and isinstance(slot.old, Tensor) and slot.old.is_leaf:\n"
                f"                    value.grad = slot.old.grad\n{IN}",
            ),
        ),
    ),
    Mutant(
        "own .grad is dropped where a given tensor requires grad",
        ("restore.own-grad",),
        _with_old(
            "if isinstance(self.old, nn.Parameter) and isinstance(self.given, Tensor) and self.given.requires_grad:\n"
            "                self.old.grad = None"
        ),
    ),
    Mutant(
        "own tensors count as changed",
        ("restore.versions",),
        _with_old("_ = isinstance(self.old, Tensor) and torch.autograd.graph.increment_version(self.old)"),
    ),
    Mutant(
        "a mark stays on the module",
        ("restore.shape",),
        ((CALL, f'        module.__dict__["_is_functional"] = True\n{CALL}'),),
    ),
    Mutant(
        "a hook stays on each module that owns a given name",
        ("restore.shape",),
        (
            (
                OWNERS_BACK,
                "            if isinstance(owner.module, nn.Module) and owner.slots:\n"
                f"                owner.module._forward_hooks[-1] = lambda *_: None\n{OWNERS_BACK}",
            ),
        ),
    ),
    Mutant(
        "a mark stays on the module when forward raises",
        ("restore.shape",),
        _after("module.__dict__['_has_failed'] = True"),
    ),
    Mutant(
        "the last call is remembered",
        ("restore.no-references",),
        (
            (TAKES, f"{TAKES}    _LAST[:] = [swap]\n"),
            ("def _check_module(", "_LAST: list[Any] = []\n\n\ndef _check_module("),
        ),
    ),
    Mutant(
        "values of calls that raised are kept, for a report",
        ("restore.no-references",),
        (
            *_after("_FAILED.append(swap.names)"),
            ("def _check_module(", "_FAILED: list[Any] = []\n\n\ndef _check_module("),
        ),
    ),
    Mutant(
        "values of calls that are refused are kept",
        ("restore.no-references",),
        (
            (
                TAKES,
                f"    try:\n    {TAKES}    except Exception:\n        _REFUSED.append(swap.names)\n        raise\n",
            ),
            ("def _check_module(", "_REFUSED: list[Any] = []\n\n\ndef _check_module("),
        ),
    ),
    Mutant(
        "the list of weights of recurrent modules is not put back",
        ("restore.recurrent",),
        _kept('isinstance(owner.module, nn.RNNBase) and key == "_flat_weights"'),
    ),
    Mutant(
        "the list of weights of recurrent modules is not put back when forward raises",
        ("restore.recurrent",),
        _after('[one.slots.pop("_flat_weights", None) for one in swap.owners.values()]'),
    ),
    Mutant(
        "a class-level tensor is put back as an attribute of the instance",
        ("restore.plain-attribute",),
        (
            (
                REMOVES,
                f"{REMOVES}                found = getattr(type(owner.module), key, None)\n"
                "                if other is store and isinstance(found, Tensor):\n"
                "                    store[key] = found\n",
            ),
        ),
    ),
    Mutant(
        "a Parameter that is given for a plain attribute stays registered",
        ("restore.plain-attribute",),
        (
            *_left("self.home == _DICT and other is owner.stores[_PARAMETERS]"),
            (
                IN,
                "        for _, slot, value in self.names.values():\n"
                "            if slot is not None and slot.home == _DICT and isinstance(value, nn.Parameter):\n"
                "                for owner in self.owners.values():\n"
                "                    if slot in owner.slots.values() and isinstance(slot.old, Tensor):\n"
                f"                        setattr(owner.module, slot.key, value)\n{IN}",
            ),
        ),
    ),
]
