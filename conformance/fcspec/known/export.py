"""By hand: torch.export, and a program that has loaded the values.

Tried: torch==2.13.0
"""

from __future__ import annotations

from typing import Any

import torch
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
    inputs = positional(args)
    program = torch.export.export(module, inputs, kwargs)
    exported = program.module()
    exported.load_state_dict({**program.state_dict, **values}, strict=strict, assign=True)
    return exported(*inputs, **keywords(kwargs))
