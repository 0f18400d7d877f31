"""TensorDict.to_module: a nested dict put in, and taken out again.

It knows neither ties nor strict.

Tried: tensordict==0.15.3
"""

from __future__ import annotations

from typing import Any

from tensordict import TensorDict
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
    nested = TensorDict(one_dict(parameter_and_buffer_dicts)).unflatten_keys(".")
    with nested.to_module(module):
        return module(*positional(args), **keywords(kwargs))
