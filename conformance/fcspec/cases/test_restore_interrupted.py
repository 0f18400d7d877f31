"""restore.interrupted: KeyboardInterrupt at lines of the implementation's own files, one call for each."""

import inspect
import sys
from pathlib import Path

import pytest
import torch
from torch import nn

from fcspec.known import known_at
from fcspec.plugin import clause
from fcspec.specimens.base import probe
from fcspec.state.module_state import snapshot

_MOST_EVENTS = 200_000
"""So many lines may be traced in all: of an implementation with thousands of lines some are interrupted, lest it never end."""


@clause("restore.interrupted")
@pytest.mark.parametrize("tie_weights", [True, False], ids=["tied", "untied"])
def test_an_interruption_at_any_line_before_forward(functional_call, names, tie_weights, observe):
    first, second, third = (names.attribute() for _ in range(3))
    module, entered = probe(names, lambda self, x: entered.append("forward") or x), []
    module.register_parameter(first, nn.Parameter(torch.rand(3)))
    module.register_parameter(second, getattr(module, first))
    module.register_buffer(third, torch.rand(3))
    values = {first: torch.ones(3), third: torch.ones(3)}

    def call():
        entered.clear()
        functional_call(module, values, torch.ones(3), tie_weights=tie_weights)

    lines, half_swapped = _interrupt_lines(call, _is_own(functional_call.function), entered, module)

    observe(f"half swapped at {half_swapped} of {lines} lines" if lines else "no lines of Python")


def _is_own(function):
    """A predicate of file names: those of the implementation's package. Not of torch.nn.modules, whose code calls the module."""
    module = inspect.unwrap(getattr(function, "func", function)).__module__
    adapted = known_at(module)
    # an adapter lies in the package that judges, so only its file is its own, and the library
    packages = [module.partition(".")[0]] if adapted is None else [module, adapted.library]
    own = tuple(_place(sys.modules[name]) for name in packages if name in sys.modules)
    return lambda file: file.startswith(own) and "modules" not in Path(file).parts


def _place(package):
    place = Path(package.__file__)
    return str(place.parent) if hasattr(package, "__path__") else str(place)


def _interrupt_lines(call, is_own, entered, module):
    """How many lines executed before forward were interrupted, and after how many of them the module is half swapped."""
    before = snapshot(module).slots
    own = {store: dict(vars(module)[store]) for store in ("_parameters", "_buffers")}
    seen = half_swapped = 0

    def call_and_interrupt(at_event):
        nonlocal seen
        seen, tracing = 0, sys.gettrace()

        def trace(frame, event, arg):
            nonlocal seen
            if entered or not is_own(frame.f_code.co_filename):
                return None
            if event == "line":
                seen += 1
                if seen == at_event:
                    raise KeyboardInterrupt
            return trace

        sys.settrace(trace)
        try:
            call()
        except KeyboardInterrupt:
            pass
        finally:
            sys.settrace(tracing)

    call()  # the first one may do more than others
    call_and_interrupt(None)
    interrupted = range(1, seen + 1, 1 + seen * seen // _MOST_EVENTS)
    for at_event in interrupted:
        call_and_interrupt(at_event)
        if snapshot(module).slots != before:
            half_swapped += 1
            for store, held in own.items():
                vars(module)[store].clear()
                vars(module)[store].update(held)
    return len(interrupted), half_swapped
