"""state: what forward itself changes of the process stays changed, as after a plain call."""

import contextvars
import gc
import logging
import os
import signal
import sys
import warnings

import pytest
import torch
from torch.overrides import TorchFunctionMode

from fcspec.cases.support.outcomes import raises_if, returns_or_raises
from fcspec.plugin import clause
from fcspec.specimens.base import with_site
from fcspec.specimens.sites import flat_parameter, nested_buffer
from fcspec.state import process_state
from fcspec.state.restoring import put_back


def _set_defaults(_):
    torch.set_default_dtype(torch.float64)
    torch.set_float32_matmul_precision("medium")
    torch.set_num_threads(torch.get_num_threads() + 1)
    torch.set_printoptions(precision=3)


_VARIABLE = contextvars.ContextVar("_VARIABLE", default=0)


def _set_the_interpreter(key):
    sys.setrecursionlimit(sys.getrecursionlimit() + 7)
    sys.setswitchinterval(sys.getswitchinterval() * 2)
    sys.path.append(key)
    os.environ[key] = "set by forward"
    os.chdir("/")
    warnings.simplefilter("ignore", ResourceWarning)
    logging.root.setLevel(logging.root.level + 1)
    _VARIABLE.set(_VARIABLE.get() + 1)
    (gc.disable if gc.isenabled() else gc.enable)()
    sys.excepthook, sys.displayhook, sys.unraisablehook = (lambda *_: None for _ in range(3))


def _set_handlers(_):
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGUSR1):
        signal.signal(number, lambda *_: None)


SETTINGS = {
    "state.defaults": (_set_defaults, ("defaults",), 4),
    "state.interpreter": (_set_the_interpreter, ("interpreter", "warnings"), 10),
    "state.processes": (_set_handlers, ("processes",), 1),
}


@returns_or_raises
@pytest.mark.parametrize(
    ("act", "groups", "number"), [pytest.param(*row, marks=clause(slug), id=slug) for slug, row in SETTINGS.items()]
)
@with_site((flat_parameter, nested_buffer))
def test_what_forward_sets_stays_set(functional_call, names, site, act, groups, number, fails):
    key, level, seen = names.attribute(), logging.root.level, []

    def forward(owner):
        act(key)
        seen.append(process_state.snapshot(*groups))
        return 1 / 0 if fails else torch.zeros(())

    site.in_forward(forward)
    _VARIABLE.set(0)  # what has a value already is compared
    before = process_state.snapshot(*groups)
    try:
        with raises_if(fails):
            functional_call(site.module, {site.name: site.value()}, site.x)
        after = process_state.snapshot(*groups)
    finally:
        logging.root.setLevel(level)
        put_back(before)

    assert len(process_state.difference(before, seen[0])) >= number
    assert process_state.difference(seen[0], after) == {}


class _Passing(TorchFunctionMode):
    def __torch_function__(self, function, types, args=(), kwargs=None):
        return function(*args, **(kwargs or {}))


@clause("state.modes")
@returns_or_raises
@with_site((flat_parameter,))
def test_a_mode_that_forward_entered_stays_entered(functional_call, site, fails):
    """As a default device is one. The boundary takes it out again, and says so."""
    site.in_forward(lambda owner: _Passing().__enter__() and (1 / 0 if fails else torch.zeros(())))
    with raises_if(fails):
        functional_call(site.module, {site.name: site.value()}, site.x)

    assert "modes.function modes" in functional_call.undone
