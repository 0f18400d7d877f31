"""What the cases of chapter transforms share: the transforms of torch.func, each as a function of a call."""

import torch
from torch.func import grad, hessian, jacfwd, jacrev, jvp, vjp, vmap

from fcspec.plugin import unsupported
from fcspec.specimens import oracle
from fcspec.specimens.base import fresh_values, values_like
from fcspec.specimens.sites import FLAT, NESTED

SOME = (*FLAT, *NESTED)


def call_and_expected(functional_call, module):
    """Two functions of (values, x): the call, and the result that the oracle expects."""
    return (lambda values, x: functional_call(module, values, x)), (lambda values, x: oracle.result(module, values, x))


def stacked(values):
    """Two values for each name, stacked, for vmap over two calls."""
    return {name: torch.stack([value, value_of(value)]) for name, value in values.items()}


def value_of(tensor):
    return values_like(tensor, 77)


def tangents(values):
    return {name: value_of(value) for name, value in values.items()}


def _linear(call, values, x):
    result, derivative = torch.func.linearize(call, values, x)
    return result, derivative(tangents(values), value_of(x))


def _pulled(call, values, x):
    result, pullback = vjp(call, values, x)
    return result, pullback(value_of(result)), pullback(torch.ones_like(result))


TRANSFORMS = {
    "vjp": _pulled,
    "jvp": lambda call, values, x: jvp(call, (values, x), (tangents(values), value_of(x))),
    "jacrev": lambda call, values, x: jacrev(call)(values, x),
    "jacfwd": lambda call, values, x: jacfwd(call)(values, x),
    "hessian": lambda call, values, x: hessian(lambda values, x: call(values, x).square())(values, x),
    "linearize": _linear,
    "functionalize": lambda call, values, x: torch.func.functionalize(call)(values, x),
    "vmap": lambda call, values, x: vmap(call)(stacked(values), torch.stack([x, value_of(x)])),
    "grad": lambda call, values, x: grad(lambda values, x: call(values, x).sum())(values, x),
}


INSIDE = {
    "grad": lambda run, value: grad(lambda value: run(value).sum())(value),
    "vmap": lambda run, value: vmap(run)(torch.stack([value, value])),
    "functionalize": lambda run, value: torch.func.functionalize(run)(value),
}
"""Runs a function of one tensor, which returns one, inside a transform. The first jvp of a process would take long."""


def assert_transform_agrees(functional_call, site, transform):
    """Assert that a transform of the call gives what the transform of the oracle gives."""
    call, expected = call_and_expected(functional_call, site.module)
    values = fresh_values(site.module)

    found = TRANSFORMS[transform](call, values, site.x)

    # linearize traces, and the oracle's copy of the module can't be traced; jvp gives the same.
    oracles = TRANSFORMS["jvp" if transform == "linearize" else transform]
    torch.testing.assert_close(found, oracles(expected, values, site.x))


def require(transform):
    """End the case where this torch has no such transform."""
    if not hasattr(torch.func, transform):
        unsupported(f"this torch has no torch.func.{transform}")


def linearize_works():
    """Not in torch 2.0, for a product that is scaled, with no functional_call in it."""
    try:
        torch.func.linearize(lambda value: value + 2 * value * value, torch.ones(3))
    except Exception:
        return False
    return True
