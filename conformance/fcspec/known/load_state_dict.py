"""By hand: values loaded into the own tensors, and a copy loaded back.

Tried: torch==2.13.0
"""

from __future__ import annotations

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
    own = {name: value.clone() for name, value in module.state_dict().items()}
    try:
        module.load_state_dict(one_dict(parameter_and_buffer_dicts), strict=strict)
        return module(*positional(args), **keywords(kwargs))
    finally:
        module.load_state_dict(own)
