"""By hand: a deep copy that loads the values as its state.

Tried: torch==2.13.0
"""

from __future__ import annotations

import copy
from typing import Any

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
    copied = copy.deepcopy(module)
    copied.load_state_dict(one_dict(parameter_and_buffer_dicts), strict=strict)
    return copied(*positional(args), **keywords(kwargs))
