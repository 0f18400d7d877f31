"""restore.interrupted: KeyboardInterrupt at each line of the implementation's own files, one call for each."""

import inspect
import sys
from pathlib import Path

import pytest
import torch
from torch import nn

from fcspec.plugin import clause
from fcspec.specimens.base import probe
from fcspec.state.module_state import snapshot


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

    lines, half_swapped = _interrupt_each_line(call, _is_own(functional_call.function), entered, module)

    observe(f"half swapped at {half_swapped} of {lines} lines" if lines else "no lines of Python")


def _is_own(function):
    """A predicate of file names: those of the implementation's package. Not of torch.nn.modules, whose code calls the module."""
    module = inspect.unwrap(getattr(function, "func", function)).__module__
    package = sys.modules[module.partition(".")[0]]
    place = Path(package.__file__)
    own = str(place.parent) if hasattr(package, "__path__") else str(place)
    return lambda file: file.startswith(own) and "modules" not in Path(file).parts


def _interrupt_each_line(call, is_own, entered, module):
    """The number of lines executed before forward, and after how many of them an interruption leaves the module half swapped."""
    before = snapshot(module).slots
    own = {store: dict(vars(module)[store]) for store in ("_parameters", "_buffers")}
    seen = at_event = half_swapped = 0

    def trace(frame, event, arg):
        nonlocal seen
        if entered or not is_own(frame.f_code.co_filename):
            return None
        if event == "line":
            seen += 1
            if seen == at_event:
                raise KeyboardInterrupt
        return trace

    while True:
        seen, at_event = 0, at_event + 1
        tracing = sys.gettrace()
        sys.settrace(trace)
        try:
            call()
        except KeyboardInterrupt:
            pass
        finally:
            sys.settrace(tracing)
        if seen < at_event:
            return at_event - 1, half_swapped
        if snapshot(module).slots != before:
            half_swapped += 1
            for store, held in own.items():
                vars(module)[store].clear()
                vars(module)[store].update(held)
