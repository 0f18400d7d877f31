"""By hand, as torch 1.12: modules get a class that looks names up in the dict.

Tried: torch==2.13.0
"""

from __future__ import annotations

from typing import Any

from torch import nn

from fcspec.known._common import Dicts, Values, keywords, one_dict, positional


def _with_values(kind: type[nn.Module], mine: dict[str, str], values: Values) -> type[nn.Module]:
    def get(self: nn.Module, name: str) -> Any:
        return values[mine[name]] if name in mine else kind.__getattribute__(self, name)

    def set_(self: nn.Module, name: str, value: Any) -> None:
        if name in mine:
            values[mine[name]] = value
        else:
            kind.__setattr__(self, name, value)

    return type(kind.__name__, (kind,), {"__getattribute__": get, "__setattr__": set_})


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
            mine = {name.removeprefix(dot): name for name in values if name.rpartition(".")[0] == prefix}
            if mine:
                old.append((one, type(one)))
                one.__class__ = _with_values(type(one), mine, values)
        return module(*positional(args), **keywords(kwargs))
    finally:
        for one, kind in old:
            one.__class__ = kind
