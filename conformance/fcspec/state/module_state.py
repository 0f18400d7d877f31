"""The state of a module, read without the API under test.

`snapshot(module)` has one part for each thing that a clause can name, so that a test compares what its clause names
and nothing else:

    before = snapshot(module)
    ...
    assert snapshot(module).slots == before.slots

A part is a dict by dotted name that says in words how it differs from another one.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from fcspec.state.identity import ById

STORES = ("_parameters", "_buffers")


class Part(dict[str, Any]):
    """One part of a snapshot, by dotted name."""

    def differences(self, before: Part) -> list[str]:
        """A line for each name that is not as it was before."""
        return [
            f"{name or 'the module'}: {_difference(self.get(name, _ABSENT), before.get(name, _ABSENT))}"
            for name in dict.fromkeys([*before, *self])
            if self.get(name, _ABSENT) != before.get(name, _ABSENT)
        ]


class _Absent:
    def __repr__(self) -> str:
        return "absent"


_ABSENT = _Absent()


def _difference(now: Any, before: Any) -> str:
    if isinstance(now, Slot) and isinstance(before, Slot):
        names = [name for name in Slot.__dataclass_fields__ if getattr(now, name) != getattr(before, name)]
        if "object" in names:
            other = "another " if repr(now.object) == repr(before.object) else ""
            return f"is {other}{now.object}, was {before.object}"
        looks = [(name, _shown(getattr(now, name)), _shown(getattr(before, name))) for name in names]
        return ", ".join(f"{'content' if name == 'bits' else name} is {one}, was {other}" for name, one, other in looks)
    return f"is {_shown(now)}, was {_shown(before)}"


def _shown(value: Any) -> str:
    """A value in words; of numbers what fits a line."""
    if isinstance(value, Slot):
        return f"{value.object} in {value.store}"
    if isinstance(value, tuple) and value and isinstance(value[-1], bytes):
        dtype = getattr(torch, value[0].removeprefix("torch."))
        numbers = torch.frombuffer(bytearray(value[-1]), dtype=dtype).tolist() if value[-1] else []
        return f"{numbers[:4]}{'...' if len(numbers) > 4 else ''} ({value[0].removeprefix('torch.')})"
    return f"{value}" if isinstance(value, (ById, str, bool)) else repr(value)


@dataclass(frozen=True)
class Slot:
    """What stands in one place: the object, its bits, and how it is registered."""

    object: ById
    store: str
    bits: tuple[Any, ...] | None
    requires_grad: bool | None
    persistent: bool

    def difference(self, before: Slot) -> str:
        """How it differs from what it was before, in words."""
        return _difference(self, before)


@dataclass(frozen=True)
class Snapshot:
    """The parts of a module's state, each by dotted name.

    Attributes:
        slots: every parameter and buffer: object, store, bits, requires_grad, persistence ("as before" of chapter restore).
        plain: every tensor that stands in an instance's `__dict__`, by object.
        order: the keys of each module's stores, in order.
        grads: `.grad` of every parameter and buffer, object and bits.
        versions: version counters of every parameter and buffer.
        shape: class, `__dict__` keys, children, hooks, training flag, keys and metadata of state_dict().
    """

    slots: Part
    plain: Part
    order: Part
    grads: Part
    versions: Part
    shape: Part

    def parts(self, *names: str) -> Part:
        """Several parts as one."""
        return Part({f"{part} {name}": value for part in names for name, value in getattr(self, part).items()})


def paths(module: nn.Module, prefix: str = "", above: tuple[nn.Module, ...] = ()) -> Iterator[tuple[str, nn.Module]]:
    """Every (dotted path, module) that enters no module twice on its way."""
    yield prefix, module
    for name, child in module._modules.items():
        if child is not None and not any(child is one for one in (*above, module)):
            yield from paths(child, f"{prefix}.{name}" if prefix else name, (*above, module))


def slots(module: nn.Module) -> Iterator[tuple[str, nn.Module, str, str]]:
    """(dotted name, owner, store, key) of every parameter and buffer, by every one of its names."""
    for path, owner in paths(module):
        for store in STORES:
            for key in vars(owner)[store]:
                yield f"{path}.{key}" if path else key, owner, store, key


def snapshot(module: nn.Module) -> Snapshot:
    found, grads, versions = Part(), Part(), Part()
    for name, owner, store, key in slots(module):
        tensor = vars(owner)[store][key]
        found[name] = Slot(
            object=ById(tensor),
            store=store,
            bits=bits(tensor),
            requires_grad=None if tensor is None else tensor.requires_grad,
            persistent=key not in owner._non_persistent_buffers_set,
        )
        if tensor is not None:
            grad = tensor.grad if tensor.is_leaf else None
            grads[name] = ById(grad), bits(grad)
            versions[name] = tensor._version if not tensor.is_inference() else 0
    plain, order, shape = Part(), Part(), Part()
    for path, owner in paths(module):
        own = vars(owner)
        plain.update(
            {f"{path}.{key}" if path else key: ById(value) for key, value in own.items() if isinstance(value, Tensor)}
        )
        order.update({f"{path}:{store}": list(own[store]) for store in STORES})
        shape[f"{path}:class"] = type(owner)
        shape[f"{path}:keys"] = sorted(own)
        shape[f"{path}:children"] = {name: ById(child) for name, child in owner._modules.items()}
        shape[f"{path}:training"] = owner.training
        shape[f"{path}:hooks"] = {
            key: {number: ById(hook) for number, hook in value.items()}
            for key, value in own.items()
            if key.endswith("_hooks") and isinstance(value, dict)
        }
    shape["state_dict"], shape["metadata"] = _state_dict_shape(module)
    return Snapshot(found, plain, order, grads, versions, shape)


def bits(tensor: Tensor | None) -> tuple[Any, ...] | None:
    """dtype, shape, device and every byte, so that NaN equals NaN and 0.0 differs from -0.0."""
    if tensor is None:
        return None
    what = (str(tensor.dtype), tuple(tensor.shape), str(tensor.device))
    if tensor.layout is not torch.strided or tensor.is_meta or type(tensor) not in (Tensor, nn.Parameter):
        return what
    with torch.no_grad():
        flat = tensor.detach().cpu().contiguous().reshape(-1)
        return (*what, bytes(flat.view(torch.uint8).tolist()) if flat.numel() else b"")


def _state_dict_shape(module: nn.Module) -> tuple[list[str], Any]:
    try:
        state = module.state_dict()
    except RecursionError:  # a module that contains itself
        return [], None
    metadata = {path: dict(data) for path, data in getattr(state, "_metadata", {}).items()}
    return list(state), metadata
