"""The suite in a fork of the process that asks for a verdict, for a callable that no import finds.

The fork has what that process has. What could change a verdict is set as in a new process; where that is not possible, the
request is refused.
"""

from __future__ import annotations

import gc
import os
import select
import signal
import subprocess
import sys
import threading
import warnings
from collections.abc import Callable, Iterator
from typing import IO, Any, NoReturn

from fcspec import events, runner
from fcspec.errors import UsageError, in_words
from fcspec.target import implementation
from fcspec.target.address import Address
from fcspec.workers.child import Child
from fcspec.workers.output import Output
from fcspec.workers.processes import channels, deny, die_with_parent


class Fork:
    """A forked process.

    Args:
        work: what it does; its status is what that returns.
    """

    def __init__(self, work: Callable[[], int]) -> None:
        self.returncode: int | None = None
        parent = os.getpid()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # from Python 3.12 on, where threads run
            self._pid = os.fork()
        if self._pid == 0:
            _work_and_exit(work, parent)
        self._pidfd = os.pidfd_open(self._pid)

    def kill(self) -> None:
        if self.returncode is None:
            os.kill(self._pid, signal.SIGKILL)

    def wait(self, timeout: float | None = None) -> int:
        """subprocess.TimeoutExpired where it has not ended by then."""
        if self.returncode is None:
            if not select.select([self._pidfd], [], [], timeout)[0]:
                raise subprocess.TimeoutExpired("fcspec", timeout or 0.0)
            self.returncode = os.waitstatus_to_exitcode(os.waitpid(self._pid, 0)[1])
            os.close(self._pidfd)
        return self.returncode


def _work_and_exit(work: Callable[[], int], parent: int) -> NoReturn:
    status = 1
    try:
        os.setsid()
        die_with_parent()
        if os.getppid() == parent:
            status = work()
    except BaseException as error:
        os.write(2, f"{in_words(error)}\n".encode())
    finally:
        os._exit(status)


def starting(function: Callable[..., Any], address: Address) -> runner.Start:
    """What starts the suite's process for a callable of this one."""

    def start(requests: int, answers: int, output: IO[bytes], environment: dict[str, str]) -> Fork:
        sys.stdout.flush()
        sys.stderr.flush()

        def work() -> int:
            _leave_the_caller(requests, answers, output)
            os.environ.clear()
            os.environ.update(environment)
            return _serve(requests, answers, function, address)

        return Fork(work)

    return start


def _serve(requests: int, answers: int, function: Callable[..., Any], address: Address) -> int:
    from fcspec import serve

    try:
        _reset_torch()
        _try_autograd()
    except UsageError as error:
        events.write(events.Refused(str(error)), answers)
        return 4
    implementation.hold(address, function)
    return serve.main(requests, answers)


def _leave_the_caller(requests: int, answers: int, output: IO[bytes]) -> None:
    """Streams, descriptors, handlers and hooks are as in a new process."""
    sys.settrace(None)
    sys.setprofile(None)
    threading.settrace(None)
    threading.setprofile(None)
    nowhere = os.open(os.devnull, os.O_RDONLY)
    for descriptor, standard in ((nowhere, 0), (output.fileno(), 1), (output.fileno(), 2)):
        os.dup2(descriptor, standard)
    deny(channels() - {requests, answers})
    sys.stdin = sys.__stdin__ = open(0, closefd=False)  # type: ignore[misc]
    sys.stdout = sys.__stdout__ = open(1, "w", closefd=False)  # type: ignore[misc]
    sys.stderr = sys.__stderr__ = open(2, "w", closefd=False)  # type: ignore[misc]
    signal.set_wakeup_fd(-1)
    for number in signal.valid_signals():
        if callable(signal.getsignal(number)):
            signal.signal(number, signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL)
    sys.excepthook, threading.excepthook = sys.__excepthook__, threading.__excepthook__
    sys.unraisablehook, sys.displayhook = sys.__unraisablehook__, sys.__displayhook__
    sys.setrecursionlimit(1000)
    gc.callbacks.clear()
    warnings.resetwarnings()
    if "hypothesis" in sys.modules:
        sys.modules["hypothesis"].settings.load_profile("default")


def _reset_torch() -> None:
    """Defaults and modes of torch are as in a new process. UsageError where one can't be left from here."""
    import torch
    from torch.nn.modules import module

    from fcspec.state import process_state, restoring
    from fcspec.state.identity import ById

    torch.set_num_threads(1)
    torch.set_printoptions(profile="default", sci_mode=None)  # type: ignore[no-untyped-call]
    state = process_state.snapshot("defaults", "modes")
    state["defaults"] |= {
        "dtype": torch.float32,
        "device": None,
        "deterministic algorithms": (False, False),
        "float32 matmul precision": "highest",
        "warn always": False,
    }
    state["modes"] |= {
        "grad": True,
        "inference": False,
        "autocast": (False, torch.bfloat16, True),
        "anomaly": (False, True),
        "function modes": [],
        "dispatch modes": [],
        "functorch": [],
        "saved tensor hooks": ById(None),
        "parametrization cache": 0,
    }
    for name, hooks in vars(module).items():
        if name.startswith("_global_") and isinstance(hooks, dict):
            hooks.clear()
    _, still = restoring.put_back(state)
    if still:
        names = ", ".join(part.replace(".", ": ", 1) for part in still)
        raise UsageError(f"a mode of torch is on that a fork can't leave ({names}); ask for the verdict outside of it")


_LONGEST_BACKWARD = 10.0
"""Seconds after which a backward pass in a fork is given up."""


def _run_backward() -> None:
    import torch

    torch.ones(1, requires_grad=True).sum().backward()  # type: ignore[no-untyped-call]


def _in_fork(_: Output) -> Iterator[bool]:
    _run_backward()
    yield True


def _try_autograd() -> None:
    """UsageError where autograd does not run here, or in a fork of this one, as after the use of an accelerator."""
    found = None
    try:
        _run_backward()
        child = Child(_in_fork)
        found = child.next_answer(_LONGEST_BACKWARD)
        child.end()
    except RuntimeError:
        pass
    if found is None or found.escaped is not None:
        raise UsageError(
            "autograd does not run in a fork of this process, as where an accelerator was used; "
            "put the implementation into a module, and judge its address, package.module:function"
        )
