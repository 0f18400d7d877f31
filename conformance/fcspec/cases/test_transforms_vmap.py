"""transforms: ensembles, gradients per sample and writing in place under vmap."""

import copy

import pytest
import torch
from torch import nn
from torch.func import grad, vmap

from fcspec.cases.support import closeness  # noqa: F401
from fcspec.cases.support.transforms import SOME, call_and_expected, stacked
from fcspec.plugin import Needs, clause, needs
from fcspec.specimens import oracle
from fcspec.specimens.base import fresh_values, with_site
from fcspec.specimens.sites import BUFFERS

pytestmark = needs(Needs.TRANSFORMS)


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
    call, expected = call_and_expected(functional_call, site.module)
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

    copies = copy.deepcopy(models)

    vmap(lambda parameters, buffers, x: functional_call(models[0], (parameters, buffers), (x,)))(
        parameters, buffers, xs
    )

    for one, x in zip(copies, xs, strict=True):
        one(x)
    torch.testing.assert_close(buffers, torch.func.stack_module_state(copies)[1])
