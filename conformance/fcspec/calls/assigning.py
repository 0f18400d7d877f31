"""What a call inside forward amounts to, computed without any functional_call: assign the values, call, assign back."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from typing import Any

from torch import Tensor, nn

from fcspec.state.module_state import slots


def call_with_assigned(module: nn.Module, values: Mapping[str, Tensor], x: Tensor) -> Any:
    with contextlib.ExitStack() as stack:
        for name, value in values.items():
            for store, key, assigned in _assignments(module, name, value):
                stack.enter_context(_assigned(store, key, assigned))
        return module(x)


def _assignments(module: nn.Module, name: str, value: Tensor) -> Iterator[tuple[dict[str, Any], str, Any]]:
    """The stores and keys that a name leads to, those tied to it included, and what to put there."""
    registered = {its: (vars(owner)[store], key) for its, owner, store, key in slots(module)}
    if name not in registered:  # the regular name of a parametrized tensor
        path, _, key = name.rpartition(".")
        yield vars(module.get_submodule(path).parametrizations[key]), "forward", lambda: value  # type: ignore[index]
        return
    store, key = registered[name]
    own = store[key]
    for store, key in registered.values():
        if store[key] is own:
            yield store, key, value


@contextlib.contextmanager
def _assigned(store: dict[str, Any], key: str, value: Any) -> Iterator[None]:
    before = store.get(key, ...)
    store[key] = value
    try:
        yield
    finally:
        if before is ...:
            del store[key]
        else:
            store[key] = before
