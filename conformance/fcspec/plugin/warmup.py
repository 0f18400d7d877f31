"""What cases import lazily, and when it is paid for.

torch.func.grad imports torch._dynamo, which takes nearly as long as torch itself, and every later fork longer. Cases that need it say so
by the mark `needs`; they form units of their own. One such unit imports it in its child, while other children run cases;
for several it is imported once, before any fork.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from enum import IntEnum

import pytest

from fcspec.plugin.items import clause_of


class Needs(IntEnum):
    """Each includes those before."""

    TORCH = 0
    TRANSFORMS = 1  # torch.func.grad and its like, torch.utils.checkpoint
    COMPILER = 2  # torch.compile, torch.export, make_fx


_done = Needs.TORCH


def preload(needs: Needs) -> None:
    """Import here and now what cases need, and be single-threaded: torch's thread pool does not survive a fork."""
    global _done
    import torch

    if torch.get_num_threads() != 1:
        torch.set_num_threads(1)
    weight = torch.ones(2, 2, requires_grad=True)
    if needs >= Needs.TRANSFORMS > _done:
        torch.func.grad(lambda x: x.sum())(weight)
    if needs >= Needs.COMPILER > _done and tuple(map(int, torch.__version__.split(".")[:2])) >= (2, 5):
        torch.compile(lambda x: x.sum(), backend="aot_eager", fullgraph=True)(weight).backward()
    _done = max(_done, needs)


def warm_up() -> None:
    """Pay for what the first use of torch costs in every case, before any fork."""
    import torch

    preload(Needs.TORCH)
    weight = torch.ones(2, 2, requires_grad=True)
    torch.nn.functional.linear(torch.ones(1, 2), weight).sum().backward()  # type: ignore[no-untyped-call]
    torch.testing.assert_close(weight, weight)  # its first use changes the filters of warnings


Cases = list[pytest.Item]


def by_unit(items: Iterable[pytest.Item]) -> list[tuple[Needs, Cases]]:
    """The cases that share a child: those of a chapter that need the same; of a clause, where they compile. The longest first."""
    units: dict[tuple[Needs, str], Cases] = {}
    for item in items:
        mark = item.get_closest_marker("needs")
        needs: Needs = mark.args[0] if mark is not None else Needs.TORCH
        slug = clause_of(item)
        units.setdefault((needs, slug if needs is Needs.COMPILER else slug.partition(".")[0]), []).append(item)
    ordered = sorted(units.items(), key=lambda one: (-one[0][0], -len(one[1]), one[0][1]))
    return [(needs, cases) for (needs, _), cases in ordered]


def preload_for(units: Sequence[tuple[Needs, Cases]]) -> None:
    """Import before any fork what more than one unit needs."""
    needs = sorted((needs for needs, _ in units), reverse=True)
    preload(needs[1] if len(needs) > 1 else Needs.TORCH)
