"""Names of no parameter or buffer, and what forward does to them."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn

VALUES: dict[str, Callable[[], torch.Tensor]] = {
    "tensor": lambda: torch.ones(3),
    "parameter": lambda: nn.Parameter(torch.ones(3)),
}

every_value = pytest.mark.parametrize("make", VALUES.values(), ids=VALUES)
plain_or_new = pytest.mark.parametrize("plain", [True, False], ids=["a plain tensor", "a new name"])


def key_of(names: Any, site: Any, plain: bool) -> str:
    """The key of a plain tensor of the site's module, or of nothing yet."""
    key: str = names.attribute()
    if plain:
        setattr(site.owner, key, torch.zeros(3))
    return key


def result_is_forwards_own(
    functional_call: Any, site: Any, key: str, act: Callable[[Any, str], object], make: Callable[[], torch.Tensor]
) -> bool:
    """Whether the call returns what forward does; also true where the name is refused whatever forward does."""
    name, result = site.sibling_name(key), object()

    def change(owner: Any) -> object:
        with contextlib.suppress(AttributeError, KeyError, TypeError):  # what nn.Module refuses is forward's own affair
            act(owner, key)
        return result

    try:
        functional_call(site.module, {name: make()}, site.x)
    except Exception:
        return True
    site.in_forward(change)
    return functional_call(site.module, {site.name: site.value(), name: make()}, site.x) is result
