"""transforms: a call inside the transforms of torch.func."""

import contextlib

import pytest
import torch
from torch.func import grad, jacfwd, jacrev, vmap

from fcspec.cases.support import closeness  # noqa: F401
from fcspec.cases.support.comparing import equal
from fcspec.cases.support.transforms import (
    SOME,
    TRANSFORMS,
    assert_transform_agrees,
    call_and_expected,
    linearize_works,
    require,
)
from fcspec.plugin import Needs, clause, needs, unsupported
from fcspec.specimens.base import fresh_values, with_site
from fcspec.specimens.sites import BUFFERS, FLAT, NESTED
from fcspec.state.module_state import snapshot

pytestmark = needs(Needs.TRANSFORMS)

AGREEING = {
    "transforms.vjp": "vjp",
    "transforms.jvp": "jvp",
    "transforms.jacrev": "jacrev",
    "transforms.jacfwd": "jacfwd",
    "transforms.hessian": "hessian",
    "transforms.linearize": "linearize",
    "transforms.functionalize": "functionalize",
}


@pytest.mark.parametrize(
    "transform", [pytest.param(transform, marks=clause(slug)) for slug, transform in AGREEING.items()]
)
@with_site(SOME)
def test_a_transform_agrees_with_that_of_a_module_that_holds_the_values(functional_call, site, transform):
    require(transform)
    if transform == "linearize" and not linearize_works():
        unsupported("this torch's linearize fails on plain arithmetic")
    assert_transform_agrees(functional_call, site, transform)


@clause("transforms.functionalize")
@with_site(BUFFERS)
def test_functionalize_hands_on_what_forward_does_in_place(functional_call, site):
    value = site.value()
    before = value.clone()
    site.in_forward(lambda owner: (site.current().add_(1), site.current() * 2)[1])

    found = torch.func.functionalize(lambda value: functional_call(site.module, {site.name: value}, site.x))(value)

    torch.testing.assert_close(value, before + 1)
    torch.testing.assert_close(found, (before + 1) * 2)


def _grad_of_grad(call, values, x):
    first = grad(lambda values: call(values, x).square().sum())
    return grad(lambda values: sum(one.square().sum() for one in first(values).values()))(values)


def _step_in_grad(call, values, x):
    def loss(values):
        return call(values, x).square().sum()

    def after_one_step(values):
        gradients = grad(loss)(values)
        return loss({name: value - 0.1 * gradients[name] for name, value in values.items()})

    return grad(after_one_step)(values)


def _jacfwd_of_jacrev(call, values, x):
    return jacfwd(jacrev(lambda values: call(values, x).square()))(values)


NESTINGS = {
    "grad of grad": (_grad_of_grad, False),
    "step in grad": (_step_in_grad, False),
    "vmap of grad of grad": (_grad_of_grad, True),
    "vmap of jacfwd of jacrev": (_jacfwd_of_jacrev, True),
}


@clause("transforms.nested")
@pytest.mark.parametrize(("nesting", "mapped"), NESTINGS.values(), ids=NESTINGS)
@with_site((*FLAT, NESTED[0]))
def test_transforms_in_one_another(functional_call, site, nesting, mapped):
    call, expected = call_and_expected(functional_call, site.module)
    values, xs = fresh_values(site.module), torch.rand(2, 3)

    def run(call):
        if mapped:
            return vmap(lambda x: nesting(call, values, x))(xs)
        return nesting(call, values, xs[0])

    torch.testing.assert_close(run(call), run(expected))


@clause("transforms.clean")
@pytest.mark.parametrize("transform", TRANSFORMS)
@with_site((FLAT[0], NESTED[1]))
def test_no_wrapped_tensor_is_left(functional_call, site, transform):
    require(transform)
    values, before, plain = fresh_values(site.module), snapshot(site.module), site.module(site.x)

    with contextlib.suppress(Exception):  # whether the transform works is the law of its own clause
        TRANSFORMS[transform](lambda values, x: functional_call(site.module, values, x), values, site.x)

    assert snapshot(site.module).slots == before.slots
    assert equal(site.module(site.x), plain)


@clause("transforms.clean")
@pytest.mark.parametrize("transform", [name for name in TRANSFORMS if name != "linearize"])
@with_site((FLAT[0], NESTED[1]))
def test_no_wrapped_tensor_is_left_when_forward_raises(functional_call, site, transform):
    class Raised(Exception):
        pass

    def fail(owner):
        raise Raised

    values, before = fresh_values(site.module), snapshot(site.module)
    site.in_forward(fail)

    with pytest.raises(Raised):
        TRANSFORMS[transform](lambda values, x: functional_call(site.module, values, x), values, site.x)

    assert snapshot(site.module).slots == before.slots
