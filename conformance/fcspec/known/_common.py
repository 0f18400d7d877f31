"""The documented arguments, in the form in which adapters use them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from torch import Tensor, nn

Values = dict[str, Tensor]
Dicts = Values | Sequence[Values]


def one_dict(dicts: Dicts) -> Values:
    """A dict as it is, several as a new one."""
    if isinstance(dicts, dict):
        return dicts
    return {name: value for one in dicts for name, value in one.items()}


def positional(args: Any) -> tuple[Any, ...]:
    """What is no tuple is the only argument; None: there is none."""
    if args is None:
        return ()
    return args if isinstance(args, tuple) else (args,)


def keywords(kwargs: dict[str, Any] | None) -> dict[str, Any]:
    """Whatever its truth value is, what is not None is passed on."""
    return {} if kwargs is None else kwargs


def place(module: nn.Module, name: str) -> tuple[nn.Module, str]:
    """The module that has the tensor of this name, and the tensor's name there."""
    prefix, _, key = name.rpartition(".")
    return module.get_submodule(prefix), key
