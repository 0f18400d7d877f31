"""call: what a call costs: no operation of its own, and time that grows with the number of tensors."""

import contextlib
import time
from typing import Any

import pytest
import torch
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode

from fcspec.plugin import Needs, clause, needs
from fcspec.specimens.base import fresh_values, probe, with_site
from fcspec.specimens.sites import flat_parameter, nested_buffer


class Operations(TorchDispatchMode):
    """Counts the operations of torch."""

    def __init__(self):
        super().__init__()
        self.names = []

    def __torch_dispatch__(self, operation, types, args=(), kwargs=None):
        self.names.append(str(operation))
        return operation(*args, **(kwargs or {}))


@clause("call.no-operations")
@needs(Needs.TRANSFORMS)  # the first mode imports torch._dynamo
@pytest.mark.parametrize("given", ["all", "one", "none"])
@pytest.mark.parametrize("flags", [{}, {"tie_weights": False}], ids=["default", "untied"])
@with_site((flat_parameter, nested_buffer))
def test_no_operations_run_but_those_of_forward(functional_call, site, given, flags):
    values = {"all": fresh_values(site.module), "one": {site.name: site.value()}, "none": {}}[given]
    with Operations() as plain:
        site.module(site.x)

    with Operations() as of_call:
        functional_call(site.module, values, site.x, **flags)

    assert of_call.names == plain.names


FEW, MANY = 100, 2500


def _wide(names, size, modules):
    """Buffers in pairs of modules, of which every other one is tied to that of the other module."""
    root = probe(names, lambda self, x: x)
    for number in range(modules // 2):
        one, other = probe(names), probe(names)
        for key in range(size // modules):
            tensor = torch.zeros(())
            one.register_buffer(f"buffer{key}", tensor)
            other.register_buffer(f"buffer{key}", tensor if key % 2 else torch.zeros(()))
        root.add_module(f"one{number}", one)
        root.add_module(f"other{number}", other)
    return root


SHAPES: tuple[Any, ...] = (
    ("all given", lambda names: names, {}),
    ("all given, untied", lambda names: names, {"tie_weights": False}),
    (
        "one of each pair given, strict",
        lambda names: [n for n in names if "one" in n or n[-1] in "02468"],
        {"strict": True},
    ),
    ("one given", lambda names: names[:1], {}),
)


def _one_tensor(names, size):
    """One buffer under half as many names: where they cost their square, it is dear."""
    root, tensor = probe(names, lambda self, x: x), torch.zeros(())
    for number in range(size // 2):
        root.register_buffer(f"buffer{number}", tensor)
    return root


def _with_buffers(forward, persistent=True):
    def make(names, size):
        root = probe(names, forward)
        for number in range(size):
            root.register_buffer(f"buffer{number}", torch.zeros(()), persistent=persistent)
        return root

    return make


def _bind_all(self, x):
    self._buffers.update(dict.fromkeys(self._buffers, torch.ones(())))
    return x


def _bind_nothing(self, x):
    return x


def _delete_one(self, x):
    del self.buffer1
    return x


def _reverse(self, x):
    for key in reversed([*self._buffers]):
        self._buffers[key] = self._buffers.pop(key)
    return x


def _register_elsewhere(self, x):
    for key in [*self._buffers]:
        delattr(self, key)
        setattr(self, key, x)
    return x


def _a_module_for_each(names, size):
    root = probe(names, _bind_nothing)
    for number in range(size):
        child = nn.Module()
        child.register_buffer("buffer", torch.zeros(()))
        root.add_module(f"child{number}", child)
    return root


ODD: dict[str, Any] = {
    "a module for each": (_a_module_for_each, dict, {}),
    "one of a large group": (_one_tensor, lambda values: dict([*values.items()][:1]), {}),
    "bound by forward": (_with_buffers(_bind_all), dict, {}),
    "one deleted by forward": (_with_buffers(_delete_one), dict, {}),
    "not persistent, one deleted by forward": (_with_buffers(_delete_one, persistent=False), dict, {}),
    "another order": (_with_buffers(_reverse), dict, {}),
    "attributes instead of buffers": (_with_buffers(_register_elsewhere), dict, {}),
    "new names": (
        _with_buffers(_bind_nothing),
        lambda values: {f"new_{name}": value for name, value in values.items()},
        {},
    ),
    "all missing": (
        _with_buffers(_bind_all),
        lambda values: {f"new_{name}": value for name, value in values.items()},
        {"strict": True},
    ),
    "of a large group all": (_one_tensor, dict, {}),
    "a dict for each": (_with_buffers(_bind_all), lambda values: tuple({n: v} for n, v in values.items()), {}),
    "empty dicts": (_with_buffers(_bind_nothing), lambda values: (values, *({} for _ in [*values] * 5)), {}),
}


@clause("call.linear")
@pytest.mark.parametrize(("make", "give", "flags"), ODD.values(), ids=ODD)
def test_nor_where_names_are_tied_bound_new_or_refused(functional_call, names, make, give, flags):
    def seconds(module):
        names = [name for name, _ in module.named_buffers(remove_duplicate=False)]
        given = give(dict.fromkeys(names, torch.ones(())))
        start = time.process_time()
        with contextlib.suppress(Exception):  # what is refused takes its time, too
            functional_call(module, given, torch.ones(()), **flags)
        return time.process_time() - start

    def least_of(module):
        return min(seconds(module) for _ in range(3))

    few, many = make(names, FEW), make(names, 15 * FEW)
    least, most, bound = max(1e-4, least_of(few)), seconds(many), 20  # times: 15 is as many, 225 the square
    if most >= bound * least:
        least, most = max(1e-4, min(least, least_of(few))), min(most, least_of(many))
        if bound * least <= most < 60 * least:  # of more tensors a part that grows with the square is a larger one
            more, bound = make(names, 60 * FEW), 150  # times: 60 is as many, 3600 the square
            most = min(seconds(more), seconds(more))

    assert most < bound * least


@clause("call.linear")
@pytest.mark.parametrize("of_ten", [True, False], ids=["modules of ten", "two modules"])
def test_a_call_does_not_cost_the_square_of_the_number_of_tensors(functional_call, names, of_ten):
    def seconds(module, choose, flags):
        values = dict.fromkeys(
            choose([name for name, _ in module.named_buffers(remove_duplicate=False)]), torch.ones(())
        )
        start = time.process_time()
        functional_call(module, values, torch.ones(()), **flags)
        return time.process_time() - start

    few, many = (_wide(names, size, size // 10 if of_ten else 2) for size in (FEW, MANY))
    for shape, choose, flags in SHAPES:
        least = max(1e-4, min(seconds(few, choose, flags) for _ in range(3)))
        # 25 times as many tensors; a square would take 625 times as long.
        assert any(seconds(many, choose, flags) < 80 * least for _ in range(3)), shape
