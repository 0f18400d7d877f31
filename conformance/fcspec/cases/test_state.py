"""state: what belongs to the process is as before the call."""

import contextlib
import gc
import itertools
import logging
import random
import sys
import warnings
import weakref

import pytest
import torch
from torch import nn

from fcspec.cases.support.comparing import equal
from fcspec.cases.support.odd_dicts import Refusing
from fcspec.plugin import Needs, clause, needs
from fcspec.specimens.base import fresh_values, probe, with_group, with_site
from fcspec.specimens.groups import PAIRS, SHARED
from fcspec.specimens.parametrized import PARAMETRIZED, squared
from fcspec.specimens.sites import SITES, flat_buffer, flat_parameter, nested_parameter
from fcspec.state import process_state

DRAWS = [lambda: torch.rand(1), random.random]
with contextlib.suppress(ImportError):
    import numpy.random  # so that its generator is among those compared

    DRAWS.append(numpy.random.rand)


def _returns(functional_call, site):
    functional_call(site.module, {site.name: site.value()}, site.x)


def _takes_everything(functional_call, site):
    functional_call(site.module, fresh_values(site.module), (site.x,), {}, tie_weights=False, strict=True)


def _gives_a_double(functional_call, site):
    functional_call(site.module, {site.name: site.value().double()}, site.x)


def _raises(functional_call, site):
    with site.module.register_forward_hook(lambda *_: 1 / 0), contextlib.suppress(ZeroDivisionError):
        functional_call(site.module, {site.name: site.value()}, site.x)


def _is_refused(functional_call, site):
    with contextlib.suppress(Exception):
        functional_call(site.module, {site.name: site.value()}, site.x, strict=True)


def _is_refused_by_a_dict(functional_call, site):
    site.in_forward(lambda owner: site.rebind(site.bindable()) or site.x)
    with contextlib.suppress(Exception):  # whether that is an error is open: inplace.read-only-dict
        functional_call(site.module, Refusing({site.name: site.value()}), site.x)


def _is_differentiated(functional_call, site):
    torch.func.grad(lambda value: functional_call(site.module, {site.name: value}, site.x).sum())(site.value())


CALLS = (
    *(_returns, _takes_everything, _gives_a_double, _raises, _is_refused, _is_refused_by_a_dict),
    pytest.param(_is_differentiated, marks=needs(Needs.TRANSFORMS)),
)

every_kind_of_call = pytest.mark.parametrize("call", CALLS, ids=lambda call: call.__name__.strip("_").replace("_", " "))


def _changed(functional_call, site, call, *groups):
    before = process_state.snapshot(*groups)
    call(functional_call, site)
    put_back = {name: change for name, change in functional_call.undone.items() if name.partition(".")[0] in groups}
    return put_back | process_state.difference(before, process_state.snapshot(*groups))


@clause("state.rng")
@every_kind_of_call
@with_site((nested_parameter,))
def test_no_random_numbers_are_drawn(functional_call, site, call):
    for draw in DRAWS:  # a fresh seed is what the suite has set: then seeding again in the call would not show
        draw()

    assert _changed(functional_call, site, call, "rng") == {}


@clause("state.rng")
def test_with_the_same_seed_forward_draws_what_it_draws_in_a_plain_call(functional_call):
    module, x = nn.Sequential(nn.Dropout(), nn.Linear(9, 9), nn.Dropout()), torch.ones(9, 9)
    torch.manual_seed(3)
    plain = module(x)
    torch.manual_seed(3)

    assert equal(functional_call(module, dict(module.named_parameters()), x), plain)


@clause("state.rng")
@with_site((flat_parameter,))
def test_random_numbers_that_forward_draws_are_gone(functional_call, site):
    def act(owner):
        torch.rand(3, device="cpu")
        random.random()

    before = process_state.snapshot("rng")
    site.in_forward(act)
    functional_call(site.module, {site.name: site.value()}, site.x)

    assert {"rng.torch", "rng.python"} <= set(process_state.difference(before, process_state.snapshot("rng")))


@clause("state.defaults")
@needs(Needs.TRANSFORMS)
@every_kind_of_call
@with_site((nested_parameter,))
def test_defaults_are_as_before(functional_call, site, call):
    with _other_defaults():
        assert _changed(functional_call, site, call, "defaults") == {}


@contextlib.contextmanager
def _other_defaults():
    """Defaults that differ from those of a new process, so that a call that resets one is seen."""
    precision, threads = torch.get_float32_matmul_precision(), torch.get_num_threads()
    torch.set_default_dtype(torch.float64)
    torch.set_float32_matmul_precision("high")
    torch.set_num_threads(threads + 1)
    torch.use_deterministic_algorithms(True, warn_only=True)
    try:
        yield
    finally:
        torch.use_deterministic_algorithms(False)
        torch.set_num_threads(threads)
        torch.set_float32_matmul_precision(precision)
        torch.set_default_dtype(torch.float32)


@clause("state.modes")
@every_kind_of_call
@with_site((nested_parameter,))
def test_modes_are_as_before(functional_call, site, call):
    assert _changed(functional_call, site, call, "modes") == {}


@clause("state.torch")
@every_kind_of_call
@with_site((nested_parameter,))
def test_torch_is_as_before(functional_call, site, call):
    """Except torch.Storage, which changes with the default dtype: that is the law of state.defaults."""
    changed = _changed(functional_call, site, call, "torch")

    assert {name: change for name, change in changed.items() if name != "torch.Storage"} == {}


@contextlib.contextmanager
def _no_warnings():
    with warnings.catch_warnings(record=True) as issued:
        warnings.simplefilter("always")
        yield
    assert [str(one.message) for one in issued] == []


@clause("state.warnings")
@with_site((*SITES, squared))
def test_no_warning_is_issued(functional_call, site):
    with _no_warnings():
        functional_call(site.module, {}, site.x)
        _takes_everything(functional_call, site)
        functional_call(site.module, {name: one.double() for name, one in fresh_values(site.module).items()}, site.x)


@clause("state.warnings")
@with_site(PARAMETRIZED)
def test_no_warning_is_issued_for_a_regular_name(functional_call, site):
    with _no_warnings(), contextlib.suppress(Exception):  # that it is accepted is the law of parametrize.regular-name
        functional_call(site.module, {site.name: site.value()}, site.x)


@clause("state.warnings")
@with_site((flat_parameter,))
def test_no_warning_is_issued_for_a_plain_tensor(functional_call, names, site):
    key = names.attribute()
    setattr(site.module, key, torch.ones(3))
    with _no_warnings(), contextlib.suppress(Exception):  # it may be refused
        functional_call(site.module, {key: torch.ones(3)}, site.x)


@clause("state.warnings")
@with_group(PAIRS)
def test_no_warning_is_issued_for_tied_names(functional_call, group):
    value = group.value()
    with _no_warnings():
        functional_call(group.module, {group.names[0]: value}, group.x)
        functional_call(group.module, dict.fromkeys(group.names, value), group.x)
        functional_call(group.module, {group.names[0]: value}, group.x, tie_weights=False)


@clause("state.warnings")
@with_site((flat_parameter,))
def test_a_warning_of_forward_is_issued(functional_call, site):
    site.in_forward(lambda owner: warnings.warn("forward's own", stacklevel=1))

    with pytest.warns(UserWarning, match="forward's own"):
        functional_call(site.module, {site.name: site.value()}, site.x)


@clause("state.silent")
@every_kind_of_call
@with_site((flat_buffer,))
def test_nothing_is_printed(functional_call, site, call, capfd):
    call(functional_call, site)

    assert tuple(capfd.readouterr()) == ("", "")


@clause("state.silent")
@with_group((PAIRS[1], SHARED[0]))
def test_nothing_is_printed_for_equal_or_different_tied_values(functional_call, group, capfd):
    for tie_weights, seed in itertools.product((True, False), (1, 2)):
        values = {group.names[0]: group.value(1), group.names[1]: group.value(seed)}
        with contextlib.suppress(Exception):  # which of them are accepted is the law of chapter tie
            functional_call(group.module, values, group.x, tie_weights=tie_weights)

    assert tuple(capfd.readouterr()) == ("", "")


@clause("state.interpreter")
@every_kind_of_call
@with_site((nested_parameter,))
def test_the_interpreter_is_as_before(functional_call, site, call):
    for collects in (True, False):
        with _other_interpreter(collects):
            assert _changed(functional_call, site, call, "interpreter", "warnings") == {}


@clause("state.interpreter")
@with_site((flat_parameter,))
def test_the_collector_looks_at_what_it_looked_at_before(functional_call, site):
    """What is frozen it does not find, and nobody is told of that."""
    circle = [torch.nn.Identity()]
    circle.append(circle)
    found = weakref.ref(circle[0])
    functional_call(site.module, {site.name: site.value()}, site.x)
    del circle
    gc.collect()

    assert found() is None


@clause("state.interpreter")
@pytest.mark.parametrize("given", [True, False], ids=["given", "nothing given"])
def test_the_interpreter_is_as_before_a_call_of_many_or_deep_modules(functional_call, names, given):
    many, deep = (probe(names, lambda self, x: x) for _ in range(2))
    for number in range(1200):
        many.add_module(f"child{number}", nn.Module())
    owner = deep
    for _ in range(900):
        owner.child = nn.Module()
        owner = owner.child
    for module in (many, deep):
        module.register_buffer("own", torch.zeros(3))
        before = process_state.snapshot("interpreter")
        with contextlib.suppress(Exception):  # that it can be called is the law of call.deep
            functional_call(module, {"own": torch.ones(3)} if given else {}, torch.ones(3))
        undone = {name for name in functional_call.undone if name.startswith("interpreter")}

        assert (undone, process_state.difference(before, process_state.snapshot("interpreter"))) == (set(), {})


@contextlib.contextmanager
def _other_interpreter(collects):
    """An interpreter that differs from a new one, and from what an earlier call may have left, so that a change is seen."""
    limit, enabled, hook, level = sys.getrecursionlimit(), gc.isenabled(), sys.unraisablehook, logging.root.level
    disabled = logging.root.manager.disable
    with warnings.catch_warnings():
        warnings.resetwarnings()
        (gc.enable if collects else gc.disable)()
        sys.setrecursionlimit(limit + 1)
        sys.unraisablehook = lambda unraisable: hook(unraisable)
        logging.root.setLevel(level + 1)
        logging.disable(logging.DEBUG)
        try:
            yield
        finally:
            logging.disable(disabled)
            logging.root.setLevel(level)
            sys.unraisablehook = hook
            sys.setrecursionlimit(limit)
            (gc.enable if enabled else gc.disable)()


@clause("state.processes")
@every_kind_of_call
@with_site((nested_parameter,))
def test_no_thread_process_or_signal_handler_is_left(functional_call, site, call):
    assert _changed(functional_call, site, call, "processes") == {}
