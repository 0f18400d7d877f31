"""Process-wide state: what a call must leave as it found it (chapter `state` of SPEC.md).

`snapshot()` reads it, in groups named for the clauses about them; `difference(before, after)` says what changed. Reading
changes nothing, takes well below a millisecond, and no active function mode intercepts it.

| group | what |
|---|---|
| rng | torch's, Python's and, where it is imported, NumPy's generator |
| defaults | dtype, device, deterministic algorithms, matmul precision, thread counts, print options ... |
| modes | grad, inference, autocast, anomaly; stacks of function modes, dispatch modes, functorch, saved-tensor hooks |
| torch | attributes of torch, its modules and classes; global module hooks |
| warnings | filters, and what shows a warning |
| processes | threads, child processes, signal handlers, timers, exit functions |
| interpreter | working folder, environment, settings of sys, streams, hooks, traces, locale, loggers, gc, context variables |
"""

from __future__ import annotations

import atexit
import contextvars
import ctypes
import functools
import gc
import locale
import logging
import os
import random
import signal
import sys
import threading
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch.nn.modules import module as torch_module
from torch.nn.utils import parametrize

from fcspec.state.attributes import ABSENT, Attributes, Change, of_torch
from fcspec.state.identity import ById
from fcspec.workers.processes import children

State = dict[str, dict[str, Any]]
"""group -> part -> value; values compare with `==`."""

SET_BY_OTHERS = frozenset(("PYTEST_CURRENT_TEST", "TORCHINDUCTOR_CACHE_DIR"))
"""Variables of the environment that pytest sets, and torch when one of its operations imports its compiler."""


def snapshot(*groups: str) -> State:
    """Process-wide state as it is now.

    Args:
        groups: "rng", "defaults", "modes", "torch", "warnings", "processes", "interpreter"; none: all of them.
    """
    with torch._C.DisableTorchFunction():
        return {group: _GROUPS[group]() for group in groups or _GROUPS}


def difference(before: State, after: State) -> dict[str, Change]:
    """What differs, by the name of its part ("rng.torch", "torch.nn.Module.zero_grad"): (before, after)."""
    found: dict[str, Change] = {}
    for group in (*before, *(group for group in after if group not in before)):
        then, now = before.get(group, {}), after.get(group, {})
        for part in (*then, *(part for part in now if part not in then)):
            old, new = then.get(part, ABSENT), now.get(part, ABSENT)
            if isinstance(old, Attributes) and isinstance(new, Attributes):
                found.update(old.changes(new))
            elif old is not new and old != new:
                found[f"{group}.{part}"] = old, new
    return found


def _rng() -> dict[str, Any]:
    state = torch.default_generator.get_state()
    found: dict[str, Any] = {
        "torch": ctypes.string_at(state.data_ptr(), state.numel()),
        "python": random.getstate(),
    }
    if torch.cuda.is_initialized():  # type: ignore[no-untyped-call]
        found["cuda"] = tuple(bytes(one.get_state().tolist()) for one in torch.cuda.default_generators)
    if "numpy.random" in sys.modules:
        kind, keys, *rest = sys.modules["numpy.random"].get_state()
        found["numpy"] = (kind, keys.tobytes(), *rest)
    return found


def _defaults() -> dict[str, Any]:
    context = getattr(getattr(torch, "_GLOBAL_DEVICE_CONTEXT", None), "device_context", None)
    options: Any = torch._tensor_str.PRINT_OPTS
    return {
        "dtype": torch.get_default_dtype(),
        "device": str(context.device) if context is not None else None,
        "deterministic algorithms": (
            torch.are_deterministic_algorithms_enabled(),
            torch.is_deterministic_algorithms_warn_only_enabled(),
        ),
        "float32 matmul precision": torch.get_float32_matmul_precision(),
        "threads": torch.get_num_threads(),
        "interop threads": torch.get_num_interop_threads(),
        "warn always": torch.is_warn_always_enabled(),
        "print options": dict(vars(options)),
        "cudnn": (torch._C._get_cudnn_enabled(), torch._C._get_cudnn_benchmark(), torch._C._get_cudnn_deterministic()),
    }


def _modes() -> dict[str, Any]:
    core, functorch = torch._C, torch._C._functorch
    stack = functorch.get_interpreter_stack() or [] if hasattr(functorch, "get_interpreter_stack") else []
    hooks = getattr(core._autograd, "_top_saved_tensors_default_hooks", None)
    return {
        "grad": torch.is_grad_enabled(),
        "inference": torch.is_inference_mode_enabled(),
        "autocast": (*_autocast(), torch.is_autocast_cache_enabled()),
        "anomaly": (torch.is_anomaly_enabled(), torch.is_anomaly_check_nan_enabled()),
        "function modes": [ById(mode) for mode in function_modes()],
        "dispatch modes": [ById(mode) for mode in dispatch_modes()],
        "functorch": [(str(level.key()), level.level()) for level in stack],
        "saved tensor hooks": ById(hooks(True) if hooks is not None else None),
        "parametrization cache": parametrize._cache_enabled,
    }


def _autocast() -> tuple[Any, ...]:
    try:
        return torch.is_autocast_enabled("cpu"), torch.get_autocast_dtype("cpu")
    except (TypeError, AttributeError):  # torch before 2.4
        return torch.is_autocast_cpu_enabled(), torch.get_autocast_cpu_dtype()


def function_modes() -> list[Any]:
    """The active TorchFunctionModes, outermost first."""
    return [torch._C._get_function_stack_at(i) for i in range(torch._C._len_torch_function_stack())]


def dispatch_modes() -> list[Any]:
    """The active TorchDispatchModes, outermost first."""
    return [torch._C._get_dispatch_stack_at(i) for i in range(torch._C._len_torch_dispatch_stack())]


def _torch() -> dict[str, Any]:
    hooks = {key: value for key, value in vars(torch_module).items() if key.startswith("_global_")}
    return {
        "attributes": Attributes(_owners()),
        "global hooks": {
            key: {number: ById(hook) for number, hook in value.items()} if isinstance(value, dict) else value
            for key, value in hooks.items()
        },
    }


@functools.cache
def _owners() -> dict[str, Any]:
    return of_torch()


def _warnings() -> dict[str, Any]:
    return {
        "filters": list(warnings.filters),
        "shown by": (ById(warnings.showwarning), ById(warnings.formatwarning)),
    }


def _processes() -> dict[str, Any]:
    return {
        "threads": {ById(thread) for thread in threading.enumerate()},
        "children": _children(),
        "signal handlers": {number: _handler(number) for number in _SIGNALS},
        "timers": tuple(signal.getitimer(timer)[1] for timer in _TIMERS)
        + tuple(signal.getitimer(timer)[0] > 0 for timer in _TIMERS),
        "exit functions": _ExitFunctions(atexit._ncallbacks(), len(sys.modules)),
    }


@dataclass(frozen=True, eq=False)
class _ExitFunctions:
    """How many there are. More may be there when more modules are imported, which register their own."""

    number: int
    modules: int

    def __eq__(self, other: object) -> bool:
        same = isinstance(other, _ExitFunctions) and self.number == other.number
        return same or (isinstance(other, _ExitFunctions) and self.modules != other.modules)

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return repr(self.number)


_SIGNALS = tuple(signal.valid_signals())
_TIMERS = tuple(
    getattr(signal, name) for name in ("ITIMER_REAL", "ITIMER_VIRTUAL", "ITIMER_PROF") if hasattr(signal, name)
)


def _children() -> frozenset[int]:
    try:
        return frozenset(children())
    except OSError:
        return frozenset()  # the system does not say


def _handler(number: int) -> Any:
    handler = signal.getsignal(number)
    return ById(handler) if callable(handler) and not isinstance(handler, int) else handler


def _interpreter() -> dict[str, Any]:
    return {
        "working folder": _working_folder(),
        "environment": {key: value for key, value in os.environ.items() if key not in SET_BY_OTHERS},
        "sys.path": list(sys.path),
        "sys.meta_path": list(map(ById, sys.meta_path)),
        "streams": tuple(map(ById, (sys.stdin, sys.stdout, sys.stderr))),
        "hooks": tuple(map(ById, (sys.excepthook, sys.unraisablehook, sys.displayhook, threading.excepthook))),
        "trace": ById(sys.gettrace()),
        "profile": ById(sys.getprofile()),
        "recursion limit": sys.getrecursionlimit(),
        "switch interval": sys.getswitchinterval(),
        "settings": {name: getattr(sys, f"get{name}")() for name in _SETTINGS},
        "traceback limit": getattr(sys, "tracebacklimit", None),
        "breakpoint hook": ById(sys.breakpointhook),
        "bytecode": sys.dont_write_bytecode,
        "traces of threads": (ById(threading.gettrace()), ById(threading.getprofile())),
        "locale": locale.setlocale(locale.LC_ALL),
        "logging": Levels(),
        "context": Context(),
        "gc": (gc.isenabled(), gc.get_threshold(), gc.get_debug(), list(map(ById, gc.callbacks))),
    }


_SETTINGS = [
    name
    for name in ("_int_max_str_digits", "_coroutine_origin_tracking_depth", "dlopenflags")
    if hasattr(sys, f"get{name}")
]
"""sys.set... and sys.get... of these."""


class Levels:
    """What loggers let pass. Two are equal where the loggers that both know have equal levels: an import may bring new ones."""

    def __init__(self) -> None:
        loggers = logging.root.manager.loggerDict
        self._disabled = logging.root.manager.disable
        self._levels = {name: one.level for name, one in loggers.items() if isinstance(one, logging.Logger)}
        self._levels["root"] = logging.root.level

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Levels):
            return NotImplemented
        names = self._levels.keys() & other._levels.keys()
        return self._disabled == other._disabled and all(self._levels[n] == other._levels[n] for n in names)

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"<levels of {len(self._levels)} loggers>"


class Context:
    """What context variables hold. Two are equal where those that both know do: an import may bring new ones."""

    def __init__(self) -> None:
        self.values: dict[Any, Any] = dict(contextvars.copy_context())

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Context):
            return NotImplemented
        return all(other.values[one] is self.values[one] for one in self.values.keys() & other.values.keys())

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"<values of {len(self.values)} context variables>"


def _working_folder() -> str | None:
    try:
        return os.getcwd()
    except OSError:
        return None  # it was removed


_GROUPS: dict[str, Callable[[], dict[str, Any]]] = {
    "rng": _rng,
    "defaults": _defaults,
    "modes": _modes,
    "torch": _torch,
    "warnings": _warnings,
    "processes": _processes,
    "interpreter": _interpreter,
}
