"""Process-wide state put back as it was: what a target changes at import, or in a call, and Python can set."""

from __future__ import annotations

import gc
import os
import signal
import sys
import threading
import time
import warnings
from collections.abc import Callable
from typing import Any

import torch
from torch.nn.utils import parametrize

from fcspec.state import process_state
from fcspec.state.attributes import ABSENT, Attributes
from fcspec.state.process_state import Context, State
from fcspec.workers.processes import children


def put_back(before: State) -> tuple[list[str], list[str]]:
    """Set what differs from an earlier snapshot.

    Returns:
        The names of what is as before now; of what still differs.
    """
    changed = process_state.difference(before, process_state.snapshot(*before))
    if not changed:
        return [], []
    for name, (then, _) in changed.items():
        if name in _SETTERS and then is not ABSENT:
            try:
                _SETTERS[name](then)
            except Exception:
                pass  # it still differs, then
    for part in before.get("torch", {}).values():
        if isinstance(part, Attributes):
            part.put_back()
    still = process_state.difference(before, process_state.snapshot(*before))
    return [name for name in changed if name not in still], list(still)


def _set_deterministic(then: tuple[bool, bool]) -> None:
    torch.use_deterministic_algorithms(then[0], warn_only=then[1])


def _set_print_options(then: dict[str, Any]) -> None:
    vars(torch._tensor_str.PRINT_OPTS).update(then)


def _set_cudnn(then: tuple[bool, bool, bool]) -> None:
    enabled, benchmark, deterministic = then
    torch._C._set_cudnn_enabled(enabled)
    torch._C._set_cudnn_benchmark(benchmark)
    torch._C._set_cudnn_deterministic(deterministic)


def _set_autocast(then: tuple[Any, ...]) -> None:
    enabled, dtype, cached = then
    torch.set_autocast_enabled("cpu", enabled)
    torch.set_autocast_dtype("cpu", dtype)
    torch.set_autocast_cache_enabled(cached)


def _set_anomaly(then: tuple[bool, bool]) -> None:
    torch.set_anomaly_enabled(*then)


def _set_function_modes(then: list[Any]) -> None:
    for _ in process_state.function_modes():  # as they are now: the default device is one of them
        torch._C._pop_torch_function_stack()
    for mode in then:
        torch._C._push_on_torch_function_stack(mode.what)


def _set_dispatch_modes(then: list[Any]) -> None:
    for _ in process_state.dispatch_modes():
        torch._C._pop_torch_dispatch_stack()
    for mode in then:
        torch._C._push_on_torch_dispatch_stack(mode.what)


def _set_parametrization_cache(then: int) -> None:
    parametrize._cache_enabled = then


def _set_filters(then: list[Any]) -> None:
    warnings.filters[:] = then  # type: ignore[index]
    warnings._filters_mutated()  # type: ignore[attr-defined]


def _set_shown_by(then: tuple[Any, Any]) -> None:
    warnings.showwarning, warnings.formatwarning = (one.what for one in then)


def _set_handlers(then: dict[int, Any]) -> None:
    for number, handler in then.items():
        handler = getattr(handler, "what", handler)
        if handler is not None and signal.getsignal(number) is not handler:  # None: no Python code has set it
            signal.signal(number, handler)


def _reap(then: frozenset[int]) -> None:
    """Those that have ended, or do so soon."""
    deadline = time.monotonic() + _SOON
    for pid in children() - then:
        while not os.waitpid(pid, os.WNOHANG)[0] and time.monotonic() < deadline:
            time.sleep(0.001)


_SOON = 0.1


def _set_environment(then: dict[str, str]) -> None:
    for key in os.environ.keys() - then.keys() - process_state.SET_BY_OTHERS:
        del os.environ[key]
    os.environ.update(then)


def _set_path(then: list[str]) -> None:
    sys.path[:] = then


def _set_streams(then: tuple[Any, ...]) -> None:
    sys.stdin, sys.stdout, sys.stderr = (one.what for one in then)


def _set_hooks(then: tuple[Any, ...]) -> None:
    sys.excepthook, sys.unraisablehook, sys.displayhook, threading.excepthook = (one.what for one in then)


def _set_settings(then: dict[str, Any]) -> None:
    for name, value in then.items():
        getattr(sys, f"set{name}")(value)


def _set_traceback_limit(then: int | None) -> None:
    vars(sys).pop("tracebacklimit", None)
    if then is not None:
        sys.tracebacklimit = then


def _set_breakpoint_hook(then: Any) -> None:
    sys.breakpointhook = then.what


def _set_bytecode(then: bool) -> None:
    sys.dont_write_bytecode = then


def _set_traces_of_threads(then: tuple[Any, Any]) -> None:
    threading.settrace(then[0].what)
    threading.setprofile(then[1].what)


def _set_context(then: Context) -> None:
    for variable, value in then.values.items():
        variable.set(value)


def _set_gc(then: tuple[bool, tuple[int, int, int], int, list[Any]]) -> None:
    enabled, threshold, debug, callbacks = then
    (gc.enable if enabled else gc.disable)()
    gc.set_threshold(*threshold)
    gc.set_debug(debug)
    gc.callbacks[:] = [one.what for one in callbacks]


_SETTERS: dict[str, Callable[[Any], object]] = {
    "defaults.dtype": torch.set_default_dtype,
    "defaults.device": torch.set_default_device,
    "defaults.deterministic algorithms": _set_deterministic,
    "defaults.float32 matmul precision": torch.set_float32_matmul_precision,
    "defaults.threads": torch.set_num_threads,
    "defaults.warn always": torch.set_warn_always,
    "defaults.print options": _set_print_options,
    "defaults.cudnn": _set_cudnn,
    "modes.grad": torch._C._set_grad_enabled,
    "modes.autocast": _set_autocast,
    "modes.anomaly": _set_anomaly,
    "modes.function modes": _set_function_modes,
    "modes.dispatch modes": _set_dispatch_modes,
    "modes.parametrization cache": _set_parametrization_cache,
    "warnings.filters": _set_filters,
    "warnings.shown by": _set_shown_by,
    "processes.signal handlers": _set_handlers,
    "processes.children": _reap,
    "interpreter.working folder": os.chdir,
    "interpreter.environment": _set_environment,
    "interpreter.sys.path": _set_path,
    "interpreter.streams": _set_streams,
    "interpreter.hooks": _set_hooks,
    "interpreter.recursion limit": sys.setrecursionlimit,
    "interpreter.switch interval": sys.setswitchinterval,
    "interpreter.settings": _set_settings,
    "interpreter.traceback limit": _set_traceback_limit,
    "interpreter.breakpoint hook": _set_breakpoint_hook,
    "interpreter.bytecode": _set_bytecode,
    "interpreter.traces of threads": _set_traces_of_threads,
    "interpreter.context": _set_context,
    "interpreter.gc": _set_gc,
}
"""By name of a part: what sets it to its value of before. `device` comes before `function modes`, of which it is one."""
