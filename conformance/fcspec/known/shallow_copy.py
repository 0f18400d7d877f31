"""By hand: copy.copy of each module, with dicts of its own.

Tried: torch==2.13.0
"""

from __future__ import annotations

import copy
from typing import Any

from torch import nn

from fcspec.known._common import Dicts, keywords, one_dict, place, positional


def _copied(module: nn.Module) -> nn.Module:
    copied = copy.copy(module)
    copied._parameters, copied._buffers = dict(module._parameters), dict(module._buffers)
    copied._modules = {name: child and _copied(child) for name, child in module._modules.items()}
    return copied


def functional_call(
    module: nn.Module,
    parameter_and_buffer_dicts: Dicts,
    args: Any = None,
    kwargs: dict[str, Any] | None = None,
    *,
    tie_weights: bool = True,
    strict: bool = False,
) -> Any:
    copied = _copied(module)
    for name, value in one_dict(parameter_and_buffer_dicts).items():
        owner, key = place(copied, name)
        store: dict[str, Any] = owner._parameters if key in owner._parameters else owner._buffers
        store[key] = value
    return copied(*positional(args), **keywords(kwargs))
