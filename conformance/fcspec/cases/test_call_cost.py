"""call: what a call costs: no operation of its own, and time that grows with the number of tensors."""

import contextlib
import gc
import time
from typing import Any

import pytest
import torch
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode

from fcspec.cases.support.growth import lines_of
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


@clause("call.no-operations")
@needs(Needs.TRANSFORMS)
@pytest.mark.parametrize("given", ["weight", "bias"])
def test_nor_does_autocast_cast_own_tensors_anew(functional_call, given):
    linear, x = nn.Linear(2, 2), torch.ones(1, 2)
    values = {given: torch.ones_like(getattr(linear, given), dtype=torch.bfloat16)}
    with torch.autocast("cpu", dtype=torch.bfloat16):
        linear(x)  # what is cast once stays so until autocast ends
        with Operations() as plain:
            linear(x)
        with Operations() as of_call:
            functional_call(linear, values, x)

    assert of_call.names == plain.names


def _names(module):
    of_each_kind = module.named_parameters(remove_duplicate=False), module.named_buffers(remove_duplicate=False)
    return [name for found in of_each_kind for name, _ in found]


def _in_pairs(modules_of):
    """Buffers in pairs of modules, of which every other one is tied to that of the other module."""

    def make(names, size):
        root = probe(names, _bind_nothing)
        modules = modules_of(size)
        for number in range(modules // 2):
            one, other = probe(names), probe(names)
            for key in range(size // modules):
                tensor = torch.zeros(())
                one.register_buffer(f"buffer{key}", tensor)
                other.register_buffer(f"buffer{key}", tensor if key % 2 else torch.zeros(()))
            root.add_module(f"one{number}", one)
            root.add_module(f"other{number}", other)
        return root

    return make


def _one_tensor(names, size):
    """One buffer under half as many names: where they cost their square, it is dear."""
    root, tensor = probe(names, _bind_nothing), torch.zeros(())
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


def _a_module_for_each(names, size):
    root = probe(names, _bind_nothing)
    for number in range(size):
        child = nn.Module()
        child.register_buffer("buffer", torch.zeros(()))
        root.add_module(f"child{number}", child)
    return root


def _a_recurrent_module(names, size):
    root = probe(names, _bind_nothing)
    root.add_module("recurrent", nn.GRU(1, 1, num_layers=size // 4))
    return root


def _recurrent_modules(names, size):
    root = probe(names, _bind_nothing)
    for number in range(size // 4):
        root.add_module(f"recurrent{number}", nn.RNN(1, 1))
    return root


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


def _one_of_each_pair(values):
    return {name: value for name, value in values.items() if "one" in name or name[-1] in "02468"}


def _first(values):
    return dict([*values.items()][:1])


def _as_new_names(values):
    return {f"new_{name}": value for name, value in values.items()}


def _with_as_many_new_names(values):
    return values | _as_new_names(values)


def _a_dict_for_each(values):
    return tuple({name: value} for name, value in values.items())


def _beside_empty_dicts(values):
    return (values, *({} for _ in [*values] * 5))


OF_TEN, TWO = _in_pairs(lambda size: size // 10), _in_pairs(lambda size: 2)
UNTIED, STRICT = {"tie_weights": False}, {"strict": True}
SHAPES: dict[str, Any] = {  # a module of so many tensors, what is given of all its buffers, flags
    "modules of ten": (OF_TEN, dict, {}),
    "modules of ten, untied": (OF_TEN, dict, UNTIED),
    "modules of ten, one of each pair, strict": (OF_TEN, _one_of_each_pair, STRICT),
    "modules of ten, one": (OF_TEN, _first, {}),
    "two modules": (TWO, dict, {}),
    "two modules, untied": (TWO, dict, UNTIED),
    "two modules, one of each pair, strict": (TWO, _one_of_each_pair, STRICT),
    "two modules, one": (TWO, _first, {}),
    "a module for each": (_a_module_for_each, dict, {}),
    "a module for each, untied": (_a_module_for_each, dict, UNTIED),
    "a recurrent module": (_a_recurrent_module, dict, {}),
    "recurrent modules, untied": (_recurrent_modules, dict, UNTIED),
    "one of a large group": (_one_tensor, _first, {}),
    "of a large group all": (_one_tensor, dict, {}),
    "bound by forward": (_with_buffers(_bind_all), dict, {}),
    "one deleted by forward": (_with_buffers(_delete_one), dict, {}),
    "not persistent, one deleted by forward": (_with_buffers(_delete_one, persistent=False), dict, {}),
    "another order": (_with_buffers(_reverse), dict, {}),
    "attributes instead of buffers": (_with_buffers(_register_elsewhere), dict, {}),
    "new names": (_with_buffers(_bind_nothing), _with_as_many_new_names, {}),
    "all missing": (_with_buffers(_bind_all), _as_new_names, STRICT),
    "a dict for each": (_with_buffers(_bind_all), _a_dict_for_each, {}),
    "empty dicts": (_with_buffers(_bind_nothing), _beside_empty_dicts, {}),
}


def _call(functional_call, module, give, flags):
    """A call without arguments: what is refused takes its time, too."""
    given = give(dict.fromkeys(_names(module), torch.ones(())))

    def call():
        with contextlib.suppress(Exception):
            functional_call(module, given, torch.ones(()), **flags)

    return call


@clause("call.linear")
@pytest.mark.parametrize(("make", "give", "flags"), SHAPES.values(), ids=SHAPES)
def test_lines_that_run_grow_with_the_number_of_tensors(functional_call, names, make, give, flags):
    sizes = 40, 40, 80, 160  # the first call can import something
    _, few, more, many = (lines_of(_call(functional_call, make(names, size), give, flags)) for size in sizes)

    # Twice as many tensors: twice as many lines more, and four times as many where it is the square.
    assert many - more <= 2.5 * (more - few) + 200


# Where what costs the square can be no line of Python, as `name in list`: on the way to a slot, and on the way back.
TIMED = (
    "modules of ten, one of each pair, strict",
    "a module for each",
    "a module for each, untied",
    "a recurrent module",
    "not persistent, one deleted by forward",
    "new names",
    "all missing",
    "a dict for each",
)


@clause("call.linear")
@pytest.mark.parametrize(("make", "give", "flags"), [SHAPES[shape] for shape in TIMED], ids=TIMED)
def test_so_does_time(functional_call, names, make, give, flags):
    def seconds(call):
        enable = gc.enable if gc.isenabled() else gc.disable
        gc.disable()  # its time grows with all that the process holds
        try:
            start = time.process_time()
            call()
            return time.process_time() - start
        finally:
            enable()

    def ratio():
        """Of many to few before and after them: a machine that others use is slow for all three."""
        before, took, after = least_of_few(), seconds(many), least_of_few()
        return took / max(1e-4, before, after)

    def least_of_few():
        return min(seconds(few) for _ in range(7))

    few, many = (_call(functional_call, make(names, size), give, flags) for size in (100, 4000))

    # 40 times as many tensors; a square would take 1600 times as long.
    assert any(ratio() < 70 for _ in range(4))
