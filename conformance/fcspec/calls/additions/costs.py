"""What a call costs: deep modules, many dicts, many tensors, operations."""

from __future__ import annotations

from collections.abc import Iterator

from fcspec.calls.addition import Addition, afterwards, code
from fcspec.calls.assertion import Assertion

_DEEP = Addition(
    "a chain of two thousand modules",
    "call.deep",
    model=code("""
        model.deep = deepest = nn.Module()
        for _ in range(2000):
            deepest.below = nn.Module()
            deepest = deepest.below
        """),
    defaults=("prior", "calls_inside", "circular", "shared"),
)


_MANY_DICTS = Addition(
    "a tuple of two thousand dicts",
    "call.deep",
    dicts="(*{dicts}, *2000 * ({},))",
    defaults=("prior", "alike"),
)

_NO_OPERATIONS = Addition(
    "operations are counted",
    "call.no-operations",
    model='model.first = nn.Parameter(torch.ones(2))\nmodel.register_buffer("second", torch.ones(2))',
    before=code("""
        from torch.overrides import TorchFunctionMode


        class Operations(TorchFunctionMode):
            def __torch_function__(self, function, types, args=(), kwargs=None):
                result = function(*args, **(kwargs or {}))
                if isinstance(result, torch.Tensor) and function.__name__ not in ("__get__", "detach"):
                    made.append(function.__name__)
                return result


        made, bounds = [], []
        model.register_forward_pre_hook(lambda module, args: bounds.append(len(made)))
        model.register_forward_hook(lambda module, args, output: bounds.append(len(made)))
        """),
    entries=(("first", "torch.zeros(2)"),),
    contexts=("Operations()",),
    assertions=(
        Assertion(
            "call.no-operations", "assert len(bounds) != 2 or bounds == [bounds[0], len(made)] and bounds[0] < 2"
        ),
    ),
    defaults=("prior", "in_cached", "alike", "calls_inside", "circular", "act", "strict"),
)

_WIDE = """
import time


def wide(size):
    root = nn.Module()
    root.forward = lambda x: x
    for number in range(size // 2):
        tensor = torch.zeros(())
        root.register_buffer(f"one{number}", tensor)
        root.register_buffer(f"other{number}", tensor if number % 2 else torch.zeros(()))
    return root


def seconds(module):
    names = [name for name in module._buffers if not (ONES and "other" in name and int(name[5:]) % 2)]
    mine = dict.fromkeys(names, torch.ones(()))
    start = time.process_time()
    functional_call(module, mine, torch.ones(())FLAGS)
    return time.process_time() - start


few, many = wide(100), wide(2500)
"""


def _wide() -> Iterator[Addition]:
    for flags in ("", ", tie_weights=False", ", strict=True"):
        yield Addition(
            f"a call with 2500 tensors{flags}",
            "call.linear",
            before=_WIDE.replace("FLAGS", flags).replace("ONES", str("strict" in flags)).strip(),
            assertions=(
                afterwards(
                    "call.linear",
                    """
                    least = max(1e-4, min(seconds(few) for _ in range(3)))
                    assert any(seconds(many) < 80 * least for _ in range(3))
                    """,
                ),
            ),
        )


ADDITIONS = (_DEEP, _MANY_DICTS, _NO_OPERATIONS, *_wide())
