"""Where a call can be made: `surroundings[where](call)` makes it there."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import nn

Call = Callable[[], Any]


def _in_backward(call: Call) -> None:
    class Function(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: torch.Tensor) -> torch.Tensor:
            return x * 1

        @staticmethod
        def backward(ctx: Any, grad: torch.Tensor) -> torch.Tensor:
            with torch.enable_grad():
                call()
            return grad

    Function.apply(torch.ones(3, requires_grad=True)).sum().backward()


def _in_a_hook_of_a_tensor(call: Call) -> None:
    x = torch.ones(3, requires_grad=True)
    x.register_hook(lambda grad: call() and None)
    (x * 2).sum().backward()


def _where_tensors_are_saved(call: Call) -> None:
    calls = [call]
    with torch.autograd.graph.saved_tensors_hooks(lambda x: (calls.pop()() and None) or x if calls else x, lambda x: x):
        torch.ones(3, requires_grad=True).exp()


def _where_an_error_is_handled(call: Call) -> None:
    try:
        raise ZeroDivisionError
    except ZeroDivisionError:
        call()


def _in_a_plain_call(call: Call) -> None:
    module = nn.Linear(1, 1)
    module.register_forward_pre_hook(lambda *_: call() and None)
    module(torch.ones(1))


def _in_a_call_of(module: nn.Module, name: str) -> Callable[..., None]:
    def make(call: Call, functional_call: Any) -> None:
        module.register_forward_pre_hook(lambda *_: call() and None)
        functional_call(module, {name: torch.ones_like(module.get_parameter(name))}, torch.ones(1, 1))

    return make


WITHIN: dict[str, Callable[[Call], None]] = {
    "backward of a function": _in_backward,
    "a hook of a tensor": _in_a_hook_of_a_tensor,
    "a hook of saved tensors": _where_tensors_are_saved,
    "an except clause": _where_an_error_is_handled,
    "a plain call of another module": _in_a_plain_call,
}


def surroundings(functional_call: Any) -> dict[str, Callable[[Call], None]]:
    """Those of plain code, and calls of other modules."""
    linear, recurrent = _in_a_call_of(nn.Linear(1, 1), "weight"), _in_a_call_of(nn.GRU(1, 1), "weight_ih_l0")
    return {
        **WITHIN,
        "a call of another module": lambda call: linear(call, functional_call),
        "a call of a recurrent module": lambda call: recurrent(call, functional_call),
    }
