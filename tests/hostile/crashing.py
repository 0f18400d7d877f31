"""Targets that bring the process down, or another one with it."""

import ctypes
import os
import signal

import torch
from fcspec_reference import functional_call


def reads_address_0(module, values, args=None, kwargs=None, *, tie_weights=True, strict=False):
    ctypes.string_at(0)


def aborts(module, values, args=None, kwargs=None, *, tie_weights=True, strict=False):
    os.abort()


def kills_itself(module, values, args=None, kwargs=None, *, tie_weights=True, strict=False):
    os.kill(os.getpid(), signal.SIGKILL)


def kills_its_group(module, values, args=None, kwargs=None, *, tie_weights=True, strict=False):
    os.kill(0, signal.SIGKILL)


def kills_its_parent(module, values, args=None, kwargs=None, *, tie_weights=True, strict=False):
    if strict:
        os.kill(os.getppid(), signal.SIGKILL)
    return functional_call(module, values, args, kwargs, tie_weights=tie_weights, strict=strict)


def takes_all_memory(module, values, args=None, kwargs=None, *, tie_weights=True, strict=False):
    if type(module) is torch.nn.Linear:
        return functional_call(module, values, args, kwargs, tie_weights=tie_weights, strict=strict)
    kept = []
    while True:
        kept.append(bytes(64 << 20))
