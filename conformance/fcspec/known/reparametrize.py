"""_reparametrize_module(stack_weights=True), which is below torch's own.

Tried: torch==2.13.0
"""

from __future__ import annotations

from typing import Any

from torch import nn
from torch.nn.utils.stateless import _reparametrize_module

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
    with _reparametrize_module(module, values, tie_weights=tie_weights, strict=strict, stack_weights=True):
        return module(*positional(args), **keywords(kwargs))
