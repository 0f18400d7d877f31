"""Tensors of every kind that torch has, each small: views that compute when they are read, layouts without memory, odd dtypes."""

from __future__ import annotations

import contextlib
import functools
import warnings
from collections.abc import Callable

import torch
from torch import Tensor, nn


def _complex() -> Tensor:
    return torch.tensor([1 + 2j, 3 - 1j], device="cpu")


def _inference() -> Tensor:
    with torch.inference_mode():
        return torch.ones(3) * 2


def _not_a_leaf() -> Tensor:
    return torch.ones(3, requires_grad=True) * 2


def _quantized() -> Tensor:
    return torch.quantize_per_tensor(torch.ones(3, device="cpu"), 0.5, 0, torch.qint8)


Make = Callable[[], Tensor]

MAKERS: dict[str, Make] = {
    "conjugate": lambda: _complex().conj(),
    "negative": lambda: _complex().conj().imag,
    "quantized": _quantized,
    "mkldnn": lambda: torch.ones(3, device="cpu").to_mkldnn(),
    "sparse rows": lambda: torch.eye(2).to_sparse_csr(),
    "nested": lambda: torch.nested.nested_tensor([torch.ones(2), torch.ones(3)]),
    "meta": lambda: torch.ones(3, device="meta"),
    "bool": lambda: torch.tensor([True, False]),
    "eight bits": lambda: torch.ones(3).to(torch.float8_e5m2),
    "no elements": lambda: torch.ones(0, 3),
    "not contiguous": lambda: torch.ones(2, 3).T,
    "expanded": lambda: torch.ones(1).expand(3),
    "requires grad": lambda: torch.ones(3, requires_grad=True),
    "not a leaf": _not_a_leaf,
    "inference": _inference,
    "parameter": lambda: nn.Parameter(torch.ones(3)),
}

NOT_INITIALISED: dict[str, Make] = {"not initialised": nn.UninitializedBuffer, "parameter": nn.UninitializedParameter}


@functools.cache
def kinds_of_tensor() -> tuple[tuple[str, Make], ...]:
    """The name of each kind that this torch has, and what makes one."""
    found = []
    for name, make in MAKERS.items():
        quiet = functools.partial(_quietly, make)
        with contextlib.suppress(Exception):
            quiet()
            found.append((name, quiet))
    return tuple(found)


def kinds_of_own_tensor() -> tuple[tuple[str, Make], ...]:
    """Those that a module can own, and nobody would give: a lazy module has them before its first call."""
    return (*kinds_of_tensor(), *NOT_INITIALISED.items())


def _quietly(make: Make) -> Tensor:
    """A tensor; torch warns when it makes the first one of a prototype."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return make()
