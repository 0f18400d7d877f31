"""Runs source code of plans."""

from __future__ import annotations

import contextlib
import copy
import functools
import gc
import io
import sys
import warnings
import weakref
from collections.abc import Iterator
from types import FrameType
from typing import Any

import torch
from torch import nn
from torch.nn.utils import parametrize

MODULES = (contextlib, copy, gc, io, warnings, weakref, torch, nn, parametrize)
"""What a plan's source code may import."""


def new_namespace() -> dict[str, Any]:
    """The names that a plan's source code may use."""
    return {"__name__": "plan", **{module.__name__.rpartition(".")[2]: module for module in MODULES}}


@contextlib.contextmanager
def few_frames() -> Iterator[None]:
    """Leave 500 frames to what runs inside. What descends without end costs the square of them before it ends."""
    limit, depth = sys.getrecursionlimit(), 0
    frame: FrameType | None = sys._getframe()
    while frame is not None:
        depth, frame = depth + 1, frame.f_back
    sys.setrecursionlimit(min(limit, depth + 500))
    try:
        yield
    finally:
        sys.setrecursionlimit(limit)


def execute(statements: str, namespace: dict[str, Any]) -> None:
    exec(_compiled(statements, "exec"), namespace)


def evaluate(expression: str, namespace: dict[str, Any]) -> Any:
    return eval(_compiled(expression, "eval"), namespace)


@functools.lru_cache(maxsize=8192)
def _compiled(text: str, mode: str) -> Any:
    return compile(text, "<plan>", mode)
