"""transforms: a call inside the transforms of torch.func."""

import contextlib
import copy

import pytest
import torch
from torch import nn
from torch.func import grad, hessian, jacfwd, jacrev, jvp, vjp, vmap

from fcspec.plugin import clause, unsupported
from fcspec.specimens import oracle
from fcspec.specimens.base import with_site, fresh_values, values_like
from fcspec.specimens.sites import BUFFERS, FLAT, NESTED
from fcspec.state.module_state import snapshot

SOME = (*FLAT, *NESTED)


def both(functional_call, module):
    """The call as a function of (values, x), and the oracle's."""
    return (lambda values, x: functional_call(module, values, x)), (lambda values, x: oracle.result(module, values, x))


def stacked(values):
    """Two of each, one for each call."""
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


def agrees(functional_call, site, transform):
    """Assert that a transform of the call gives what it gives of the oracle."""
    if not hasattr(torch.func, transform):
        unsupported(f"this torch has no torch.func.{transform}")
    call, expected = both(functional_call, site.module)
    values = fresh_values(site.module)

    found = TRANSFORMS[transform](call, values, site.x)

    # linearize traces, and the oracle's copy of the module can't be traced; jvp gives the same.
    oracles = TRANSFORMS["jvp" if transform == "linearize" else transform]
    torch.testing.assert_close(found, oracles(expected, values, site.x))


def small_net():
    return nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 1))


@clause("transforms.vmap-ensemble")
@pytest.mark.parametrize("own_data", [False, True], ids=["same data", "data of its own"])
def test_stacked_modules_give_what_each_gives(functional_call, own_data):
    models = [nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4)).eval() for _ in range(3)]
    x = torch.rand(3, 5, 3) if own_data else torch.rand(5, 3).expand(3, 5, 3)
    parameters, buffers = torch.func.stack_module_state(models)
    expected = torch.stack([model(one) for model, one in zip(models, x, strict=True)])

    def call(parameters, buffers, x):
        return functional_call(models[0], (parameters, buffers), (x,))

    found = vmap(call, (0, 0, 0 if own_data else None))(parameters, buffers, x if own_data else x[0])

    torch.testing.assert_close(found, expected)


@clause("transforms.vmap-ensemble")
@with_site(SOME)
def test_stacked_values_give_what_each_gives(functional_call, site):
    values = stacked(fresh_values(site.module))
    each = [{name: value[i] for name, value in values.items()} for i in range(2)]
    expected = torch.stack([oracle.result(site.module, one, site.x) for one in each])

    found = vmap(lambda values: functional_call(site.module, values, site.x))(values)

    torch.testing.assert_close(found, expected)


@clause("transforms.vmap-ensemble")
def test_stacked_tensors_get_gradients(functional_call):
    models, x = [small_net() for _ in range(3)], torch.rand(5, 3)
    parameters, buffers = torch.func.stack_module_state(models)
    expected = [torch.autograd.grad(model(x).sum(), list(model.parameters())) for model in models]

    vmap(lambda *values: functional_call(models[0], values, (x,)))(parameters, buffers).sum().backward()

    gradients = [value.grad for value in parameters.values()]
    torch.testing.assert_close(gradients, [torch.stack(each) for each in zip(*expected, strict=True)])


@clause("transforms.vmap-per-sample")
@with_site(SOME)
def test_each_sample_has_its_gradients(functional_call, site):
    call, expected = both(functional_call, site.module)
    values, xs = fresh_values(site.module), torch.rand(4, 3)

    def gradients(call, values, x):
        return grad(lambda values: call(values, x).square().sum())(values)

    found = vmap(lambda values, x: gradients(call, values, x), (None, 0))(values, xs)

    for i, x in enumerate(xs):
        of_one = {name: gradient[i] for name, gradient in found.items()}
        torch.testing.assert_close(of_one, gradients(expected, values, x))


@clause("transforms.vmap-per-sample")
def test_the_tutorial_on_per_sample_gradients(functional_call):
    model, xs, targets = small_net(), torch.rand(4, 3), torch.rand(4, 1)
    values = {name: value.detach() for name, value in model.named_parameters()}

    def compute_loss(params, buffers, sample, target):
        prediction = functional_call(model, (params, buffers), (sample.unsqueeze(0),))
        return nn.functional.mse_loss(prediction, target.unsqueeze(0))

    found = vmap(grad(compute_loss), in_dims=(None, None, 0, 0))(values, {}, xs, targets)

    for i, (x, target) in enumerate(zip(xs, targets, strict=True)):
        model.zero_grad()
        nn.functional.mse_loss(model(x), target).backward()
        for name, own in model.named_parameters():
            torch.testing.assert_close(found[name][i], own.grad)


@clause("transforms.vmap-inplace")
@with_site(BUFFERS)
def test_a_mapped_buffer_is_changed_slice_by_slice(functional_call, site):
    values = {site.name: torch.stack([site.value(), site.value(2)])}
    xs, before = torch.rand(2, 3), values[site.name].clone()
    site.in_forward(lambda owner: site.current().add_(current[0]))
    current = []

    def call(values, x):
        current[:] = [x]
        return functional_call(site.module, values, x)

    vmap(call)(values, xs)

    torch.testing.assert_close(values[site.name], before + xs)


@clause("transforms.vmap-inplace")
def test_running_statistics_of_an_ensemble(functional_call):
    models, xs = [nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4)) for _ in range(2)], torch.rand(2, 5, 3)
    parameters, buffers = torch.func.stack_module_state(models)

    twins = copy.deepcopy(models)

    vmap(lambda parameters, buffers, x: functional_call(models[0], (parameters, buffers), (x,)))(
        parameters, buffers, xs
    )

    for twin, x in zip(twins, xs, strict=True):
        twin(x)
    torch.testing.assert_close(buffers, torch.func.stack_module_state(twins)[1])


@clause("transforms.vjp")
@with_site(SOME)
def test_vjp(functional_call, site):
    agrees(functional_call, site, "vjp")


@clause("transforms.jvp")
@with_site(SOME)
def test_jvp(functional_call, site):
    agrees(functional_call, site, "jvp")


@clause("transforms.jacrev")
@with_site(SOME)
def test_jacrev(functional_call, site):
    agrees(functional_call, site, "jacrev")


@clause("transforms.jacfwd")
@with_site(SOME)
def test_jacfwd(functional_call, site):
    agrees(functional_call, site, "jacfwd")


@clause("transforms.hessian")
@with_site(SOME)
def test_hessian(functional_call, site):
    agrees(functional_call, site, "hessian")


def _linearize_works():
    """torch 2.0's own does not, for a product that is scaled, whoever calls what."""
    try:
        torch.func.linearize(lambda value: value + 2 * value * value, torch.ones(3))
    except Exception:
        return False
    return True


@clause("transforms.linearize")
@with_site(SOME)
def test_linearize(functional_call, site):
    if not _linearize_works():
        unsupported("this torch's linearize fails on plain arithmetic")
    agrees(functional_call, site, "linearize")


@clause("transforms.functionalize")
@with_site(SOME)
def test_functionalize(functional_call, site):
    agrees(functional_call, site, "functionalize")


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
    call, expected = both(functional_call, site.module)
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
    if not hasattr(torch.func, transform):
        unsupported(f"this torch has no torch.func.{transform}")
    values, before, plain = fresh_values(site.module), snapshot(site.module), site.module(site.x)

    with contextlib.suppress(Exception):  # whether the transform works is the law of its own clause
        TRANSFORMS[transform](lambda values, x: functional_call(site.module, values, x), values, site.x)

    assert snapshot(site.module).slots == before.slots
    assert torch.equal(site.module(site.x), plain)


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
