"""What the reference keeps on any machine: cost that grows with size, no growth with calls, tied values that aren't read."""

from __future__ import annotations

import gc
import sys

import models
import torch
from fcspec_reference import functional_call
from measure import in_turns, median_ratio
from torch import nn

LINEAR = 15.0  # times the cost, for ten times the tensors
GROWTH = 100  # blocks of memory that ten thousand calls may leave
UNREAD = 2.0  # times the cost, for an embedding of 100 MB in place of one of 64 bytes


def growth_with_size(rounds: int) -> float:
    """The cost of a call with 2000 tensors, over that with 200."""
    calls = {}
    for size in (200, 2000):
        module = models.layers(size)
        values = dict(models.own_values(module))
        calls[str(size)] = lambda module=module, values=values: functional_call(module, values)
    return median_ratio(in_turns(calls, rounds), "2000", "200")


def growth_with_calls() -> int:
    """Blocks of memory that are left of ten thousand calls."""
    module = models.layers(20)
    values = dict(models.own_values(module))
    for calls in (100, 10_000):
        gc.collect()
        before = sys.getallocatedblocks()
        for _ in range(calls):
            functional_call(module, values)
    gc.collect()
    return sys.getallocatedblocks() - before


def reading_of_tied_values(rounds: int) -> float:
    """The cost of a call with the state_dict() of a large tied embedding, over that with a small one."""
    calls = {}
    for rows, columns in ((4, 4), (50_000, 512)):
        embedding, head = nn.Embedding(rows, columns), nn.Linear(columns, rows, bias=False)
        head.weight = embedding.weight
        module = models.Idle(embedding=embedding, head=head)
        values = module.state_dict()
        assert values["embedding.weight"] is not values["head.weight"]
        calls[str(rows)] = lambda module=module, values=values: functional_call(module, values)
    with torch.no_grad():
        return median_ratio(in_turns(calls, rounds), "50000", "4")
