"""A call under torch.compile with the backend eager: what it takes to compile, and each call after that."""

from __future__ import annotations

import time
from collections.abc import Callable

import models
import torch
from cases import GOAL
from fcspec_reference import functional_call

TENSORS = 20
CALLS = 50
# A compiled call has no line of an implementation in it: both check the guards of the same module, and no goal sets them apart.
GOALS = {"compiling, 20": GOAL, "a compiled call, 20": None}
FUNCTIONS: dict[str, Callable[..., object]] = {"reference": functional_call, "torch.func": torch.func.functional_call}


def compiling(rounds: int) -> dict[str, dict[str, list[float]]]:
    """CPU seconds to compile, and of one call, by implementation, one figure a round."""
    module = models.layers(TENSORS)
    values = dict(models.own_values(module))
    times: dict[str, dict[str, list[float]]] = {name: {one: [] for one in FUNCTIONS} for name in GOALS}
    first, then = times.values()
    for _ in range(rounds):
        for name, function in FUNCTIONS.items():
            torch._dynamo.reset()
            compiled = torch.compile(lambda given, call=function: call(module, given), backend="eager", fullgraph=True)
            started = time.process_time()
            compiled(values)
            first[name].append(time.process_time() - started)
            compiled(values)
            started = time.process_time()
            for _ in range(CALLS):
                compiled(values)
            then[name].append((time.process_time() - started) / CALLS)
    return times
