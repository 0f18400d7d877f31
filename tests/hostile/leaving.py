"""Targets that leave the process, so that no test comes to its asserts."""

import os
import sys


def exits_with_0(module, values, args=None, kwargs=None, *, tie_weights=True, strict=False):
    os._exit(0)


def exits_with_3(module, values, args=None, kwargs=None, *, tie_weights=True, strict=False):
    os._exit(3)


def raises_system_exit(module, values, args=None, kwargs=None, *, tie_weights=True, strict=False):
    sys.exit()


def leaves_a_twin_behind(module, values, args=None, kwargs=None, *, tie_weights=True, strict=False):
    """The test goes on in a copy of the process, in which every comparison may have been replaced."""
    if os.fork() != 0:
        os._exit(0)
