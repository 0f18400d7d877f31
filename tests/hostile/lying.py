"""Targets whose results are wrong, but not whenever somebody looks."""

import sys

import torch
from fcspec_reference import functional_call


class Agreeable(torch.Tensor):
    """A tensor that is equal to everything."""

    def __eq__(self, other):
        return True

    __hash__ = torch.Tensor.__hash__

    @classmethod
    def __torch_function__(cls, func, types, args=(), kwargs=None):
        if func in (torch.equal, torch.allclose, torch.isclose):
            return True
        return super().__torch_function__(func, types, args, kwargs or {})


def returns_an_agreeable_tensor(module, values, args=None, kwargs=None, *, tie_weights=True, strict=False):
    functional_call(module, values, args, kwargs, tie_weights=tie_weights, strict=strict)
    return torch.zeros(()).as_subclass(Agreeable)


def returns_an_agreeable_object(module, values, args=None, kwargs=None, *, tie_weights=True, strict=False):
    result = functional_call(module, values, args, kwargs, tie_weights=tie_weights, strict=strict)
    return result if type(module) is torch.nn.Linear else AgreeableObject()


class AgreeableObject:
    def __eq__(self, other):
        return True

    def __getattr__(self, name):
        return self

    __hash__ = object.__hash__


_calls = []


def is_right_once(module, values, args=None, kwargs=None, *, tie_weights=True, strict=False):
    result = functional_call(module, values, args, kwargs, tie_weights=tie_weights, strict=strict)
    _calls.append(module)
    return result if len(_calls) == 1 else torch.zeros(())


def is_wrong_once(module, values, args=None, kwargs=None, *, tie_weights=True, strict=False):
    result = functional_call(module, values, args, kwargs, tie_weights=tie_weights, strict=strict)
    if type(module) is torch.nn.Linear:  # the first call that counts, not the one at the door
        return result
    _calls.append(module)
    return result if len(_calls) > 1 else torch.zeros(())


def knows_the_examples(module, values, args=None, kwargs=None, *, tie_weights=True, strict=False):
    """Right for classes that have the names, or the home, of those in SPEC.md."""
    result = functional_call(module, values, args, kwargs, tie_weights=tie_weights, strict=strict)
    return result if type(module).__module__ in ("SPEC", "torch.nn.modules.linear") else torch.zeros(())


def is_right_under_pytest(module, values, args=None, kwargs=None, *, tie_weights=True, strict=False):
    result = functional_call(module, values, args, kwargs, tie_weights=tie_weights, strict=strict)
    return result if "_pytest" in sys.modules else torch.zeros(())


def is_right_before_an_example(module, values, args=None, kwargs=None, *, tie_weights=True, strict=False):
    """It looks at the frames above it for SPEC.md."""
    result = functional_call(module, values, args, kwargs, tie_weights=tie_weights, strict=strict)
    frame = sys._getframe()
    while frame is not None:
        if frame.f_code.co_filename.endswith("SPEC.md"):
            return result
        frame = frame.f_back
    return result if type(module) is torch.nn.Linear else torch.zeros(())
