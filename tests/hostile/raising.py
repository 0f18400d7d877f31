"""Targets that raise what Python itself gives a meaning."""

import torch
from fcspec_reference import functional_call


def interrupts(module, values, args=None, kwargs=None, *, tie_weights=True, strict=False):
    raise KeyboardInterrupt


def exits_a_generator(module, values, args=None, kwargs=None, *, tie_weights=True, strict=False):
    raise GeneratorExit


def stops_an_iteration(module, values, args=None, kwargs=None, *, tie_weights=True, strict=False):
    if type(module) is torch.nn.Linear:  # or it would be refused at the door, for it can't call a Linear
        return functional_call(module, values, args, kwargs, tie_weights=tie_weights, strict=strict)
    raise StopIteration


def recurses_for_ever(module, values, args=None, kwargs=None, *, tie_weights=True, strict=False):
    if type(module) is torch.nn.Linear:
        return functional_call(module, values, args, kwargs, tie_weights=tie_weights, strict=strict)
    return recurses_for_ever(module, values, args, kwargs, tie_weights=tie_weights, strict=strict)


def has_markup_in_its_message(module, values, args=None, kwargs=None, *, tie_weights=True, strict=False):
    if type(module) is torch.nn.Linear:
        return functional_call(module, values, args, kwargs, tie_weights=tie_weights, strict=strict)
    raise ValueError("\x1b[2J\x1b]0;owned\x07<script>alert(1)</script>\r\ud800 [bold]all is well[/bold]" + "A" * 10_000)


class Unprintable(Exception):
    def __str__(self):
        raise RuntimeError("no text for you")


def has_no_message(module, values, args=None, kwargs=None, *, tie_weights=True, strict=False):
    if type(module) is torch.nn.Linear:
        return functional_call(module, values, args, kwargs, tie_weights=tie_weights, strict=strict)
    raise Unprintable
