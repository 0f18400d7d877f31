"""The state of a module, read without the API under test.

`snapshot(module)` has one part for each thing that a clause can name, so that a test compares what its clause names
and nothing else:

    before = snapshot(module)
    ...
    assert snapshot(module).slots == before.slots

Parts are plain dicts by dotted name, so pytest's own comparison names the slot and the difference.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

STORES = ("_parameters", "_buffers")


class Same:
    """An object, equal to itself alone, kept alive so that its identity can't be taken over by another one."""

    def __init__(self, what: Any) -> None:
        self.what = what

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Same) and self.what is other.what

    def __hash__(self) -> int:
        return id(self.what)

    def __repr__(self) -> str:
        what = self.what
        shape = f"{tuple(what.shape)}" if isinstance(what, Tensor) else ""
        return f"<{type(what).__name__}{shape} at {id(what):#x}>"


@dataclass(frozen=True)
class Slot:
    """What stands in one place: the object, its bits, and how it is registered."""

    object: Same
    store: str
    bits: tuple[Any, ...] | None
    requires_grad: bool | None
    persistent: bool


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

    slots: dict[str, Slot]
    plain: dict[str, Same]
    order: dict[str, list[str]]
    grads: dict[str, tuple[Same, Any]]
    versions: dict[str, int]
    shape: dict[str, Any]


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
    found: dict[str, Slot] = {}
    grads: dict[str, tuple[Same, Any]] = {}
    versions: dict[str, int] = {}
    for name, owner, store, key in slots(module):
        tensor = vars(owner)[store][key]
        found[name] = Slot(
            object=Same(tensor),
            store=store,
            bits=bits(tensor),
            requires_grad=None if tensor is None else tensor.requires_grad,
            persistent=key not in owner._non_persistent_buffers_set,
        )
        if tensor is not None:
            grad = tensor.grad if tensor.is_leaf else None
            grads[name] = Same(grad), bits(grad)
            versions[name] = tensor._version if not tensor.is_inference() else 0
    plain: dict[str, Same] = {}
    order: dict[str, list[str]] = {}
    shape: dict[str, Any] = {}
    for path, owner in paths(module):
        own = vars(owner)
        plain |= {
            f"{path}.{key}" if path else key: Same(value) for key, value in own.items() if isinstance(value, Tensor)
        }
        order |= {f"{path}:{store}": list(own[store]) for store in STORES}
        shape[f"{path}:class"] = type(owner)
        shape[f"{path}:keys"] = sorted(own)
        shape[f"{path}:children"] = {name: Same(child) for name, child in owner._modules.items()}
        shape[f"{path}:training"] = owner.training
        shape[f"{path}:hooks"] = {
            key: {number: Same(hook) for number, hook in value.items()}
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
