"""What is called: a module, values for it, and how much of torch's cost a call may cost at most."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import models
from torch import Tensor, nn

SIZES = (2, 20, 200, 2000)
GOAL = 0.8  # of torch's overhead, in every case
GOALS = {2: 0.45, 20: 0.3, 200: 0.3, 2000: 0.3}  # where nothing is tied and every name is given
Values = dict[str, Tensor] | tuple[dict[str, Tensor], ...]


@dataclass(frozen=True)
class Case:
    name: str
    build: Callable[[], nn.Module]
    goal: float = GOAL
    choose: Callable[[dict[str, Tensor]], Values] = dict
    options: dict[str, Any] = field(default_factory=dict)


def halves(values: dict[str, Tensor]) -> tuple[dict[str, Tensor], ...]:
    """The values in two dicts."""
    names = list(values)
    return tuple({name: values[name] for name in part} for part in (names[::2], names[1::2]))


def last(values: dict[str, Tensor]) -> dict[str, Tensor]:
    """One value."""
    name = list(values)[-1]
    return {name: values[name]}


def sized(shape: Callable[[int], nn.Module]) -> list[Case]:
    return [Case(f"{shape.__name__}, {size}", lambda size=size: shape(size), GOALS[size]) for size in SIZES]


def cases() -> list[Case]:
    def some(name: str, shape: Callable[[int], nn.Module], size: int = 200, **options: Any) -> Case:
        return Case(f"{name}, {size}", lambda: shape(size), **options)

    off = {"tie_weights": False}
    return [
        *sized(models.layers),
        *sized(models.flat),
        *sized(models.nested),
        some("tied", models.tied),
        some("strict", models.layers, options={"strict": True}),
        some("tie_weights=False", models.layers, options=off),
        some("tuple of dicts", models.layers, choose=halves),
        some("one name", models.layers, 2000, choose=last),
        some("one name, tie_weights=False", models.layers, 2000, choose=last, options=off),
        some("parametrized", models.parametrized),
        some("batch norms", models.batch_norms),
        some("rebinding", models.rebinding),
        Case("transformer", models.transformer),
        Case("residual network", models.resnet),
        Case("LSTM", models.lstm),
    ]
