"""Unusual, but right: none of these may be refused or fail."""

import functools

from fcspec_reference import functional_call


class Caller:
    """A callable object, and a bound method."""

    def __call__(self, module, values, args=None, kwargs=None, *, tie_weights=True, strict=False):
        return functional_call(module, values, args, kwargs, tie_weights=tie_weights, strict=strict)

    def method(self, module, values, args=None, kwargs=None, *, tie_weights=True, strict=False):
        return functional_call(module, values, args, kwargs, tie_weights=tie_weights, strict=strict)


callable_object = Caller()
bound_method = Caller().method
partial = functools.partial(functional_call)


def takes_anything(*args, **kwargs):
    return functional_call(*args, **kwargs)
