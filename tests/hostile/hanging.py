"""Targets that never return."""

import ctypes
import os
import signal
import time


def sleeps(module, values, args=None, kwargs=None, *, tie_weights=True, strict=False):
    while True:
        time.sleep(3600)


def holds_the_lock(module, values, args=None, kwargs=None, *, tie_weights=True, strict=False):
    """In C, with the interpreter's lock: no thread, signal handler or alarm of Python's gets a turn."""
    ctypes.PyDLL(None).sleep(3600)


def stops_itself(module, values, args=None, kwargs=None, *, tie_weights=True, strict=False):
    os.kill(os.getpid(), signal.SIGSTOP)


def hangs_in_another_group(module, values, args=None, kwargs=None, *, tie_weights=True, strict=False):
    """Where no signal to the group of the test finds it."""
    os.setpgid(0, os.getpgid(os.getppid()))
    while True:
        time.sleep(3600)
