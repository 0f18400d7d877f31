"""Processes: their signals, descriptors, limits, and what they leave behind. Linux only, as forked children are."""

from __future__ import annotations

import ctypes
import os
import signal
import sys
from collections.abc import Callable, Iterable
from typing import NoReturn

AVAILABLE = sys.platform == "linux" and hasattr(os, "pidfd_open")

_PR_SET_PDEATHSIG, _PR_SET_CHILD_SUBREAPER = 1, 36
_libc = ctypes.CDLL(None, use_errno=True) if AVAILABLE else None

MEMORY = 2 << 30
"""Bytes that a child may allocate beyond what it inherits."""

_LARGEST_FILE = 256 << 20


def signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def kill(pid: int) -> None:
    """A child and its process group; it may have left the group, so both."""
    for send in (os.killpg, os.kill):
        try:
            send(pid, signal.SIGKILL)
        except (ProcessLookupError, PermissionError):
            pass


def channels() -> frozenset[int]:
    """Open pipes, sockets and terminals of this process beyond the standard streams: the code under test must not have them."""
    found = set()
    for name in os.listdir("/proc/self/fd"):
        try:
            leads_to = os.readlink(f"/proc/self/fd/{name}")
        except OSError:
            continue
        if leads_to.startswith(("pipe:", "socket:", "/dev/pts/", "/dev/tty")) and int(name) > 2:
            found.add(int(name))
    return frozenset(found)


def adopt_strays() -> None:
    """Make this process the parent of every descendant whose own parent dies, so that it can be killed."""
    assert _libc is not None
    _libc.prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def children() -> set[int]:
    """Processes of which this one is the parent now."""
    with open(f"/proc/self/task/{os.getpid()}/children") as file:
        return {int(pid) for pid in file.read().split()}


def kill_strays(keep: set[int]) -> None:
    """Kill processes that children started and left behind."""
    while strays := children() - keep:
        for pid in strays:
            try:
                os.kill(pid, signal.SIGKILL)
                os.waitpid(pid, 0)
            except (ProcessLookupError, ChildProcessError):
                pass


def deny(descriptors: Iterable[int]) -> None:
    nowhere = os.open(os.devnull, os.O_RDWR)
    for descriptor in descriptors:
        os.dup2(nowhere, descriptor)
    os.close(nowhere)


def limit_resources() -> None:
    """No core files; memory and files that end before the machine's do."""
    import resource  # not on Windows, where nothing forks

    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    with open("/proc/self/statm") as file:
        data = int(file.read().split()[5]) * resource.getpagesize()
    for kind, most in ((resource.RLIMIT_DATA, data + MEMORY), (resource.RLIMIT_FSIZE, _LARGEST_FILE)):
        _, hard = resource.getrlimit(kind)
        if hard == resource.RLIM_INFINITY or most < hard:
            resource.setrlimit(kind, (most, hard))


def die_with_parent() -> None:
    """Have the kernel kill this process when its parent dies."""
    assert _libc is not None
    _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)


def open_schedstat(pid: int) -> int:
    try:
        return os.open(f"/proc/{pid}/schedstat", os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return -1


def end_if_not(pid: int, _getpid: Callable[[], int] = os.getpid, _exit: Callable[[int], NoReturn] = os._exit) -> None:
    """End this process where it is another one: the code under test forked, and returned in both."""
    if _getpid() != pid:
        _exit(0)
