"""Targets that do what is asked, and leave process-wide state changed. They break one clause, and disturb no other."""

import torch
from fcspec_reference import functional_call
from torch.overrides import TorchFunctionMode


def leaves_grad_mode_off(module, values, args=None, kwargs=None, *, tie_weights=True, strict=False):
    result = functional_call(module, values, args, kwargs, tie_weights=tie_weights, strict=strict)
    torch.set_grad_enabled(False)
    return result


def changes_the_default_dtype(module, values, args=None, kwargs=None, *, tie_weights=True, strict=False):
    result = functional_call(module, values, args, kwargs, tie_weights=tie_weights, strict=strict)
    torch.set_default_dtype(torch.float64)
    return result


def reseeds(module, values, args=None, kwargs=None, *, tie_weights=True, strict=False):
    torch.manual_seed(1234)
    return functional_call(module, values, args, kwargs, tie_weights=tie_weights, strict=strict)


class Agreeable(TorchFunctionMode):
    """Under it, everything is equal."""

    def __torch_function__(self, func, types, args=(), kwargs=None):
        return True if func is torch.equal else func(*args, **(kwargs or {}))


def leaves_a_function_mode(module, values, args=None, kwargs=None, *, tie_weights=True, strict=False):
    result = functional_call(module, values, args, kwargs, tie_weights=tie_weights, strict=strict)
    Agreeable().__enter__()
    return result


def lies_under_a_function_mode(module, values, args=None, kwargs=None, *, tie_weights=True, strict=False):
    result = functional_call(module, values, args, kwargs, tie_weights=tie_weights, strict=strict)
    Agreeable().__enter__()
    return result if type(module) is torch.nn.Linear else torch.zeros(())


def patches_named_parameters(module, values, args=None, kwargs=None, *, tie_weights=True, strict=False):
    torch.nn.Module.named_parameters = lambda self, *args, **kwargs: iter(())
    return functional_call(module, values, args, kwargs, tie_weights=tie_weights, strict=strict)
