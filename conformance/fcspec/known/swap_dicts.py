"""By hand: the dicts _parameters and _buffers replaced whole.

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
    values = one_dict(parameter_and_buffer_dicts)
    old = []
    try:
        for prefix, one in module.named_modules():
            dot = prefix and f"{prefix}."
            for attribute in ("_parameters", "_buffers"):
                store = one.__dict__[attribute]
                old.append((one, attribute, store))
                one.__dict__[attribute] = {key: values.get(f"{dot}{key}", own) for key, own in store.items()}
        return module(*positional(args), **keywords(kwargs))
    finally:
        for one, attribute, store in old:
            one.__dict__[attribute] = store
