"""make_functional_with_buffers: a deep copy, and tensors by position.

Tried: torch==2.13.0
"""

from __future__ import annotations

from typing import Any

from functorch import make_functional_with_buffers
from torch import nn

from fcspec.known._common import Dicts, keywords, one_dict, positional


def functional_call(
    module: nn.Module,
    parameter_and_buffer_dicts: Dicts,
    args: Any = None,
    kwargs: dict[str, Any] | None = None,
    *,
    tie_weights: bool = True,
    strict: bool = False,
) -> Any:
    values = one_dict(parameter_and_buffer_dicts)
    function, parameters, buffers = make_functional_with_buffers(module)
    return function(
        [values.get(name, own) for name, own in zip(function.param_names, parameters, strict=True)],
        [values.get(name, own) for name, own in zip(function.buffer_names, buffers, strict=True)],
        *positional(args),
        **keywords(kwargs),
    )
