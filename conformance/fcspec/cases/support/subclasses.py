"""Instances of tensor subclasses, each of a class of its own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from fcspec.specimens.base import Names


def plain_subclass(names: Names, tensor: Tensor) -> Tensor:
    return tensor.as_subclass(type(names.type(), (torch.Tensor,), {}))


def subclass_without_torch_function(names: Names, tensor: Tensor) -> Tensor:
    disabled = {"__torch_function__": torch._C._disabled_torch_function_impl}
    return tensor.as_subclass(type(names.type(), (torch.Tensor,), disabled))


def incomparable_subclass(names: Names, tensor: Tensor) -> Tensor:
    """Hashing and comparing it raise, as with array-like tensors."""

    def refuse(self: Tensor, other: Any) -> Any:
        raise TypeError("not comparable")

    return tensor.as_subclass(type(names.type(), (torch.Tensor,), {"__hash__": None, "__eq__": refuse}))


def refusing_subclass(names: Names, tensor: Tensor) -> Tensor:
    """Every question about it raises: its shape, its device, its requires_grad."""

    def refuse(cls: type, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        raise TypeError("no operation is known")

    return tensor.as_subclass(type(names.type(), (torch.Tensor,), {"__torch_function__": classmethod(refuse)}))


def parameter_subclass(names: Names, tensor: Tensor) -> Tensor:
    parameter: Tensor = type(names.type(), (nn.Parameter,), {})(tensor)
    return parameter


Kinds = tuple[Callable[[Names, Tensor], Tensor], ...]
PLAIN_SUBCLASSES: Kinds = (plain_subclass, subclass_without_torch_function, incomparable_subclass)
KINDS_OF_SUBCLASS: Kinds = (*PLAIN_SUBCLASSES, parameter_subclass)
