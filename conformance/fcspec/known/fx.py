"""By hand: torch.fx, and an interpreter that reads from the dict.

Tried: torch==2.13.0
"""

from __future__ import annotations

import inspect
from typing import Any

import torch
import torch.fx
from torch import nn

from fcspec.known._common import Dicts, Values, keywords, one_dict, positional


class _Tracer(torch.fx.Tracer):
    def is_leaf_module(self, m: nn.Module, module_qualified_name: str) -> bool:
        return False


class _Interpreter(torch.fx.Interpreter):
    def __init__(self, module: torch.fx.GraphModule, values: Values) -> None:
        super().__init__(module)
        self._values = values

    def get_attr(self, target: Any, args: Any, kwargs: Any) -> Any:
        return self._values[target] if target in self._values else super().get_attr(target, args, kwargs)


def functional_call(
    module: nn.Module,
    parameter_and_buffer_dicts: Dicts,
    args: Any = None,
    kwargs: dict[str, Any] | None = None,
    *,
    tie_weights: bool = True,
    strict: bool = False,
) -> Any:
    tracer = _Tracer()
    traced = torch.fx.GraphModule(module, tracer.trace(module))
    interpreter = _Interpreter(traced, one_dict(parameter_and_buffer_dicts))
    given = inspect.signature(module.forward).bind(*positional(args), **keywords(kwargs))
    given.apply_defaults()
    return interpreter.run(*given.arguments.values())
