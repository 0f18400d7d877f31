"""What cases import lazily, and when it is paid for.

torch.func.grad imports torch._dynamo, which takes nearly as long as torch itself and makes every later fork slower. Cases that
need it say so by the mark `needs`, and share a child. That child imports it while others run; where several children need it, it
is imported once, before any fork.
"""

from __future__ import annotations

from collections.abc import Sequence

from fcspec.plugin.items import Needs

_done: set[Needs] = set()


def preload(needs: Needs) -> None:
    """Import here and now what cases need."""
    import torch

    if needs in _done:
        return
    _done.add(needs)
    weight = torch.ones(2, 2, requires_grad=True)
    if needs is Needs.DRAWING:
        from fcspec.calls import shrinking

        shrinking.preload()
    elif needs is Needs.TRANSFORMS:
        torch.func.grad(lambda x: x.sum())(weight)
    elif needs is Needs.COMPILER:
        preload(Needs.TRANSFORMS)
        if tuple(map(int, torch.__version__.split(".")[:2])) >= (2, 5):  # before, no case compiles
            torch.compile(lambda x: x.sum(), backend="aot_eager", fullgraph=True)(weight).backward()


def warm_up() -> None:
    """Before any fork: use what every case uses, and be single-threaded, for torch's thread pool does not survive a fork."""
    import torch

    if torch.get_num_threads() != 1:
        torch.set_num_threads(1)
    weight = torch.ones(2, 2, requires_grad=True)
    torch.nn.functional.linear(torch.ones(1, 2), weight).sum().backward()  # type: ignore[no-untyped-call]


def preload_for(wanted: Sequence[Needs]) -> None:
    """Import before any fork what more than one child needs.

    Args:
        wanted: what each child needs.
    """
    if wanted.count(Needs.COMPILER) > 1:
        preload(Needs.COMPILER)
    elif wanted.count(Needs.TRANSFORMS) + wanted.count(Needs.COMPILER) > 1:
        preload(Needs.TRANSFORMS)
