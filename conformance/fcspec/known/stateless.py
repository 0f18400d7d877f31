"""torch.nn.utils.stateless.functional_call, deprecated: one dict.

Tried: torch==2.13.0
"""

from __future__ import annotations

from typing import Any

from torch import nn
from torch.nn.utils import stateless

from fcspec.known._common import Dicts


def functional_call(
    module: nn.Module,
    parameter_and_buffer_dicts: Dicts,
    args: Any = None,
    kwargs: dict[str, Any] | None = None,
    *,
    tie_weights: bool = True,
    strict: bool = False,
) -> Any:
    return stateless.functional_call(
        module,
        parameter_and_buffer_dicts,  # type: ignore[arg-type]  # several dicts are not its user's to give
        args,
        kwargs,
        tie_weights=tie_weights,
        strict=strict,
    )
