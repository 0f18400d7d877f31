"""Ways to call a module with other values. Each takes a module, values and options, and returns a call without arguments."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from typing import Any

import torch
from cases import Values
from fcspec_reference import functional_call
from torch import Tensor, nn

Call = Callable[[], object]


def plain(module: nn.Module, values: Values, options: dict[str, Any]) -> Call:
    """The module's own call: what it costs is no overhead."""
    return module


def reference(module: nn.Module, values: Values, options: dict[str, Any]) -> Call:
    return lambda: functional_call(module, values, **options)


def of_torch(module: nn.Module, values: Values, options: dict[str, Any]) -> Call:
    return lambda: torch.func.functional_call(module, values, **options)


def of_torch_untied(module: nn.Module, values: Values, options: dict[str, Any]) -> Call:
    return of_torch(module, values, {**options, "tie_weights": False})


def floor(module: nn.Module, values: Values, options: dict[str, Any]) -> Call:
    """Store the entries and put them back, and nothing else: places are looked up beforehand, nothing is checked."""
    places = []
    for name, value in united(values).items():
        owner = module.get_submodule(name.rpartition(".")[0])
        key = name.rpartition(".")[2]
        store = owner._parameters if key in owner._parameters else owner._buffers
        places.append((store, key, store[key], value))

    def call() -> object:
        for store, key, _, value in places:
            store[key] = value
        try:
            return module()
        finally:
            for store, key, own, _ in places:
                store[key] = own

    return call


def of_tensordict(module: nn.Module, values: Values, options: dict[str, Any]) -> Call:
    from tensordict import TensorDict

    nested = TensorDict(united(values)).unflatten_keys(".")

    def call() -> object:
        with nested.to_module(module):
            return module()

    return call


def of_torchopt(module: nn.Module, values: Values, options: dict[str, Any]) -> Call:
    """torchopt has no call with other values: state is put in, and taken back."""
    import torchopt

    own = torchopt.extract_state_dict(module, by="reference")
    given = torchopt.extract_state_dict(module, by="copy")

    def call() -> object:
        torchopt.recover_state_dict(module, given)
        try:
            return module()
        finally:
            torchopt.recover_state_dict(module, own)

    return call


def united(values: Values) -> dict[str, Tensor]:
    dicts = values if isinstance(values, tuple) else (values,)
    return {name: value for one in dicts for name, value in one.items()}


IMPLEMENTATIONS = {
    "plain": plain,
    "reference": reference,
    "torch.func": of_torch,
    "torch.func, tie_weights=False": of_torch_untied,
    "floor": floor,
}
for _library, _call in {"tensordict": of_tensordict, "torchopt": of_torchopt}.items():
    if importlib.util.find_spec(_library):
        IMPLEMENTATIONS[_library] = _call
