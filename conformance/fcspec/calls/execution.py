"""Runs source code of plans."""

from __future__ import annotations

import functools
from typing import Any

import torch
from torch import nn
from torch.nn.utils import parametrize


def new_namespace() -> dict[str, Any]:
    """The names that a plan's source code may use."""
    return {"__name__": "plan", "torch": torch, "nn": nn, "parametrize": parametrize}


def execute(statements: str, namespace: dict[str, Any]) -> None:
    exec(_compiled(statements, "exec"), namespace)


def evaluate(expression: str, namespace: dict[str, Any]) -> Any:
    return eval(_compiled(expression, "eval"), namespace)


@functools.lru_cache(maxsize=8192)
def _compiled(text: str, mode: str) -> Any:
    return compile(text, "<plan>", mode)
