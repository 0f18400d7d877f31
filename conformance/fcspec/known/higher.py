"""monkeypatch: a copy with patched classes, and parameters by position.

It copies the buffers and takes no others, and knows neither ties nor strict.

Tried: higher==0.2.1
"""

from __future__ import annotations

from typing import Any

from higher import monkeypatch
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
    parameters = [values.get(name, own) for name, own in module.named_parameters()]
    functional = monkeypatch(module, copy_initial_weights=False)
    return functional(*positional(args), params=parameters, **keywords(kwargs))
