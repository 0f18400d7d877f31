"""Targets that do what is asked, and leave something running. They break one clause, and disturb no other."""

import os
import threading
import time

from fcspec_reference import functional_call


def leaves_a_thread(module, values, args=None, kwargs=None, *, tie_weights=True, strict=False):
    threading.Thread(target=time.sleep, args=(3600,), daemon=True).start()
    return functional_call(module, values, args, kwargs, tie_weights=tie_weights, strict=strict)


def leaves_a_child(module, values, args=None, kwargs=None, *, tie_weights=True, strict=False):
    if os.fork() == 0:
        time.sleep(3600)
    return functional_call(module, values, args, kwargs, tie_weights=tie_weights, strict=strict)


def leaves_a_daemon(module, values, args=None, kwargs=None, *, tie_weights=True, strict=False):
    """In a session of its own, with the suite's descriptors open; its parent is gone."""
    if (child := os.fork()) == 0:
        os.setsid()
        if os.fork() == 0:
            time.sleep(3600)
        os._exit(0)
    os.waitpid(child, 0)
    return functional_call(module, values, args, kwargs, tie_weights=tie_weights, strict=strict)


def forks_a_twin(module, values, args=None, kwargs=None, *, tie_weights=True, strict=False):
    """Both return, and both run the rest of the test."""
    os.fork()
    return functional_call(module, values, args, kwargs, tie_weights=tie_weights, strict=strict)
