"""By hand: attributes deleted and set, and set back without finally.

Tried: torch==2.13.0
"""

from __future__ import annotations

from typing import Any

from torch import nn

from fcspec.known._common import Dicts, keywords, one_dict, place, positional


def functional_call(
    module: nn.Module,
    parameter_and_buffer_dicts: Dicts,
    args: Any = None,
    kwargs: dict[str, Any] | None = None,
    *,
    tie_weights: bool = True,
    strict: bool = False,
) -> Any:
    old = {}
    for name, value in one_dict(parameter_and_buffer_dicts).items():
        owner, key = place(module, name)
        old[name] = getattr(owner, key)
        delattr(owner, key)
        setattr(owner, key, value)
    result = module(*positional(args), **keywords(kwargs))
    for name, value in old.items():
        owner, key = place(module, name)
        delattr(owner, key)
        setattr(owner, key, value)
    return result
