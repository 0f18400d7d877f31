"""state: what many calls amount to: memory, and warnings of forward that are shown once."""

import contextlib
import gc
import itertools
import sys
import warnings
import weakref

import pytest
import torch
from torch import nn

from fcspec.plugin import clause
from fcspec.specimens.base import with_site
from fcspec.specimens.parametrized import doubled, nested_doubled
from fcspec.specimens.sites import flat_parameter, nested_parameter


@clause("state.growth")
@with_site((flat_parameter,))
def test_nothing_grows_with_the_number_of_calls(functional_call, site):
    def blocks_after(times):
        for _ in range(times):
            functional_call(site.module, {site.name: site.value()}, site.x)
            with contextlib.suppress(ZeroDivisionError), site.module.register_forward_hook(lambda *_: 1 / 0):
                functional_call(site.module, {site.name: site.value()}, site.x)
            with contextlib.suppress(Exception):
                functional_call(site.module, {site.name: site.value()}, site.x, strict=True)
        gc.collect()
        return sys.getallocatedblocks()

    def grows():
        before = blocks_after(4)
        return blocks_after(30) - before >= 30

    assert not all(grows() for _ in range(5)), "each call leaves memory behind"


@clause("state.growth")
@pytest.mark.parametrize("accepted", [True, False], ids=["accepted", "refused"])
@with_site((flat_parameter,))
def test_nothing_grows_with_the_number_of_names(functional_call, names, site, accepted):
    value = site.value()
    prefix, numbers = (
        names.attribute() * 20,
        itertools.count(),
    )  # too long for the cache that CPython has for attributes

    def blocks_after(times):
        for number in itertools.islice(numbers, times):
            new = site.sibling_name(f"{prefix}{number}")
            with contextlib.suppress(Exception):  # whether a new name is accepted is no law of the core
                functional_call(site.module, {site.name: value, new: value}, site.x, strict=not accepted)
        gc.collect()
        return sys.getallocatedblocks()

    def grows():
        before = blocks_after(4)
        return blocks_after(90) - before >= 180  # Python 3.12 keeps each name that is set

    assert not all(grows() for _ in range(5)), "each name leaves memory behind"


def _layer():
    """A layer of its own for each call: a weight under two names, a buffer, a plain tensor."""
    module = nn.Module()
    module.weight = module.tied = nn.Parameter(torch.zeros(1, 1))
    module.register_buffer("shift", torch.zeros(1))
    module.plain = torch.zeros(1)
    module.forward = lambda x: x
    return module


def _one():
    return torch.ones(1, 1)


REFUSED = {
    "no module": (lambda: {"nowhere.weight": _one()}, {}),
    "a number": (lambda: {"weight": 3.0}, {}),
    "a flag": (lambda: {"training": _one()}, {}),
    "tied": (lambda: {"weight": _one(), "tied": _one() + 1}, {}),
    "unexpected": (lambda: {"other": _one()}, {"strict": True}),
}


CALLS, OLD = 20, (1, 1, 1, 2, 2, 2)
"""How many calls are compared with one; which generations of the collector are asked: the oldest costs most."""


@clause("state.growth")
def test_nothing_grows_with_the_number_of_modules_and_of_refused_calls(functional_call):
    def blocks_after(generation, times, give, flags):
        for _ in range(times):
            with contextlib.suppress(Exception):
                functional_call(_layer(), give(), torch.ones(1, 1), **flags)
        gc.collect(generation)
        return sys.getallocatedblocks()

    def grows(generation, kind):
        before = blocks_after(generation, 1, *kind)
        return blocks_after(generation, CALLS, *kind) - before >= CALLS

    enabled = gc.isenabled()
    gc.disable()  # so that all that the calls leave is young
    try:
        growing = [name for name, kind in REFUSED.items() if all(grows(old, kind) for old in OLD)]
    finally:
        (gc.enable if enabled else gc.disable)()

    assert growing == [], "each call leaves memory behind"


@clause("state.warnings")
@with_site((flat_parameter,))
def test_a_warning_of_forward_that_is_shown_once_is_shown_once(functional_call, site):
    site.in_forward(lambda owner: warnings.warn("said by forward", UserWarning, stacklevel=1))
    with warnings.catch_warnings(record=True) as shown:
        warnings.simplefilter("default")
        for _ in range(3):
            functional_call(site.module, {site.name: site.value()}, site.x)

    assert [str(one.message) for one in shown] == ["said by forward"]


@clause("state.growth")
def test_classes_of_modules_and_values_are_freed_with_them(functional_call, names):
    """torch makes a class for each parametrized module."""
    alive = []
    for make in (flat_parameter, nested_parameter, doubled, nested_doubled):
        for _ in range(3):
            site = make(names)
            for key in (site.name, site.sibling_name(names.attribute())):
                value = site.value().as_subclass(type(names.type(), (torch.Tensor,), {}))
                with contextlib.suppress(Exception):
                    functional_call(site.module, {key: value}, site.x)
                alive.append(weakref.ref(type(value)))
            alive += map(weakref.ref, (type(site.module), type(site.owner)))
    del site, value
    gc.collect()

    assert [kind() for kind in alive if kind() is not None] == []
