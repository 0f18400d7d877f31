"""Mutants of chapter swap."""

from mutants import Mutant

CALL = "return module(*args, **(kwargs or {}))"
PLACE = "                place = self.registered.get(name)\n"
SLOTS = "            for slot in owner.slots.values():\n"
PUT = "                owner.stores[slot.home][slot.key] = slot.given\n"


def _value_becomes(new: str, where: str) -> tuple[tuple[str, str], ...]:
    return ((PLACE, f"{PLACE}                if {where}:\n                    value = {new}\n"),)


def _value_ignored(where: str) -> tuple[tuple[str, str], ...]:
    return ((PLACE, f"{PLACE}                if place and {where}:\n                    continue\n"),)


MUTANTS = [
    Mutant(
        "a frozen parameter keeps its own value",
        ("swap.parameter",),
        _value_ignored("isinstance(place[3], nn.Parameter) and not place[3].requires_grad"),
    ),
    Mutant(
        "a buffer of booleans keeps its own value",
        ("swap.buffer",),
        _value_ignored("place[3] is not None and place[3].dtype is torch.bool"),
    ),
    Mutant(
        "tensors more than six submodules deep keep their own values",
        ("swap.nested",),
        _value_ignored('name.count(".") > 6'),
    ),
    Mutant(
        "a value reaches every name that begins with the given one",
        ("swap.partial",),
        (
            (
                "        for name, (module, home, key, tensor) in self.registered.items():\n            if id",
                "        for given, (_, _, value) in [*self.names.items()]:\n"
                "            for name, (module, home, key, tensor) in self.registered.items():\n"
                "                if name.startswith(given):\n"
                "                    self._slot(module, home, key, value)\n"
                "        for name, (module, home, key, tensor) in self.registered.items():\n            if id",
            ),
        ),
    ),
    Mutant(
        "a value with a history goes in as a view of itself",
        ("swap.identity",),
        _value_becomes("value.view_as(value)", "value is not None and value.grad_fn is not None"),
    ),
    Mutant(
        "a frozen Parameter that is given is made to require grad",
        ("swap.kind",),
        _value_becomes("value.requires_grad_()", "isinstance(value, nn.Parameter) and not value.requires_grad"),
    ),
    Mutant(
        "a value of another dtype is cast to that of the own tensor",
        ("swap.other-shape",),
        _value_becomes("value.to(place[3].dtype)", "place and place[3] is not None and value is not None"),
    ),
    Mutant(
        "a value with another number of dimensions is refused",
        ("swap.other-shape",),
        (
            (
                PLACE,
                PLACE
                + "                both = [tensor for tensor in (value, place and place[3]) if tensor is not None]\n"
                "                if len({tensor.dim() for tensor in both}) > 1:\n"
                '                    raise ValueError(f"{name!r} has another number of dimensions")\n',
            ),
        ),
    ),
    Mutant(
        "the module's own tensors are collected in a set",
        ("swap.subclass",),
        (
            (
                "        values: dict[Any, Any] = {}",
                "        {tensor for *_, tensor in self.registered.values()}\n        values = {}",
            ),
        ),
    ),
    Mutant(
        "under autocast values are written into own parameters",
        ("swap.autocast",),
        (
            (
                CALL,
                'if not torch.is_autocast_enabled("cpu"):\n'
                "            " + CALL + "\n"
                "        filled = []\n"
                "        for owner in swap.owners.values():\n"
                "            for slot in owner.slots.values():\n"
                "                if isinstance(slot.old, nn.Parameter) and isinstance(slot.given, Tensor):\n"
                "                    filled.append((owner.stores[slot.home], slot, slot.old.data))\n"
                "                    owner.stores[slot.home][slot.key] = slot.old\n"
                "                    slot.old.data = slot.given.data\n"
                "        try:\n"
                "            " + CALL + "\n"
                "        finally:\n"
                "            for store, slot, data in filled:\n"
                "                slot.old.data, store[slot.key] = data, slot.given",
            ),
        ),
    ),
    Mutant(
        "an RNN notices its given weights only where all of them are given",
        ("swap.recurrent",),
        (
            (
                SLOTS + PUT,
                SLOTS + PUT + "            refs = '_flat_weight_refs'\n"
                "            if refs in owner.slots and len(owner.slots) - 2 < len(owner.module._flat_weights):\n"
                "                weights = [getattr(owner.module, key) for key in owner.module._flat_weights_names]\n"
                "                vars(owner.module)[refs] = [weakref.ref(weight) for weight in weights]\n",
            ),
            ("from typing import Any\n", "from typing import Any\nimport weakref\n"),
        ),
    ),
    Mutant(
        "forward of an RNN changes the very list of its own weights",
        ("swap.recurrent",),
        (("list(module.__dict__[key])", "module.__dict__[key]"),),
    ),
    Mutant(
        "a Parameter that is given for a buffer is registered as a parameter",
        ("swap.visible",),
        (
            (
                PUT,
                "                home = slot.home\n"
                "                if home == _BUFFERS and isinstance(slot.given, nn.Parameter):\n"
                "                    del owner.stores[home][slot.key]\n"
                "                    home = _PARAMETERS\n"
                "                owner.stores[home][slot.key] = slot.given\n",
            ),
        ),
    ),
    Mutant(
        "named_parameters is called with an argument that an override need not take",
        ("swap.custom-access",),
        (
            (
                '        todo, found = [(""',
                '        self.module.named_parameters(prefix="")\n        todo, found = [(""',
            ),
        ),
    ),
    Mutant(
        "own parameters are put back by setattr, which a locked module refuses",
        ("swap.custom-access",),
        (
            (
                "            store[key] = self.old\n",
                "            if isinstance(self.old, nn.Parameter) and key in owner.stores[_PARAMETERS]:\n"
                "                setattr(owner.module, key, self.old)\n"
                "            store[key] = self.old\n",
            ),
        ),
    ),
    Mutant(
        "a Parameter is registered anew, and stands behind its neighbours",
        ("swap.order",),
        (
            (
                PUT,
                "                if isinstance(slot.given, nn.Parameter):\n"
                "                    owner.stores[slot.home].pop(slot.key, None)\n" + PUT,
            ),
        ),
    ),
]
