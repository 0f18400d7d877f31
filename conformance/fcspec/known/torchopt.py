"""torchopt.nn.stateless.reparametrize: entries swapped by name.

It knows no ties, and a missing name is no error.

Tried: torchopt==0.7.3
"""

from __future__ import annotations

from typing import Any

from torch import nn
from torchopt.nn.stateless import reparametrize

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
    with reparametrize(module, values, allow_missing=not strict):
        return module(*positional(args), **keywords(kwargs))
