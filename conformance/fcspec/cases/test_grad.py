"""grad: gradients flow to the tensors that were given."""

import torch
from torch import nn

from fcspec.cases.support.comparing import close, equal
from fcspec.plugin import Needs, clause, needs
from fcspec.specimens import oracle
from fcspec.specimens.base import fresh_values, with_group, with_site
from fcspec.specimens.groups import PAIRS
from fcspec.specimens.sites import FLAT, NESTED, PARAMETERS, SITES, flat_parameter, nested_parameter


def _requiring_grad(module):
    return {name: value.requires_grad_() for name, value in fresh_values(module).items()}


@clause("grad.given")
@with_site(SITES)
def test_given_tensors_get_the_gradients_of_a_module_that_holds_them(functional_call, site):
    values, held = _requiring_grad(site.module), _requiring_grad(site.module)
    oracle.result(site.module, held, site.x).sum().backward()

    functional_call(site.module, values, site.x).sum().backward()

    assert [name for name in values if not torch.equal(values[name].grad, held[name].grad)] == []


@clause("grad.given")
@with_site(FLAT)
def test_given_results_of_other_operations_pass_the_gradient_on(functional_call, site):
    leaf = site.value().requires_grad_()
    held = site.value().requires_grad_()
    oracle.result(site.module, {site.name: held * 3}, site.x).sum().backward()

    functional_call(site.module, {site.name: leaf * 3}, site.x).sum().backward()

    assert equal(leaf.grad, held.grad)


@clause("grad.given")
@with_site(FLAT)
def test_gradients_of_several_calls_add_up(functional_call, site):
    value, held = site.value().requires_grad_(), site.value().requires_grad_()
    for _ in range(2):
        oracle.result(site.module, {site.name: held}, site.x).sum().backward()

        functional_call(site.module, {site.name: value}, site.x).sum().backward()

    assert equal(value.grad, held.grad)


@clause("grad.own")
@with_site(PARAMETERS)
def test_replaced_parameters_get_no_gradient_and_the_others_collect_theirs(functional_call, site):
    value = site.value().requires_grad_()
    module = oracle.holding(site.module, {site.name: site.value()})
    module(site.x).sum().backward()

    functional_call(site.module, {site.name: value}, site.x).sum().backward()

    assert site.own.grad is None
    for name, own in site.module.named_parameters():
        if name != site.name:
            assert torch.equal(own.grad, module.get_parameter(name).grad), name


@clause("grad.own")
@with_group(PAIRS)
def test_a_replaced_tied_parameter_gets_no_gradient(functional_call, group):
    values = {group.names[1]: group.value().requires_grad_()}

    functional_call(group.module, values, group.x, tie_weights=True).sum().backward()

    assert group.own.grad is None


@clause("grad.own-given")
@with_site(PARAMETERS)
def test_own_parameters_given_collect_their_gradients(functional_call, site):
    site.module(site.x).sum().backward()
    plain = {name: own.grad.clone() for name, own in site.module.named_parameters()}
    site.module.zero_grad()

    functional_call(site.module, dict(site.module.named_parameters()), site.x).sum().backward()

    assert [name for name, own in site.module.named_parameters() if not torch.equal(own.grad, plain[name])] == []


@clause("grad.transform")
@needs(Needs.TRANSFORMS)
@with_site(PARAMETERS)
def test_grad_over_a_loss(functional_call, site):
    values, held = fresh_values(site.module), _requiring_grad(site.module)
    oracle.result(site.module, held, site.x).square().sum().backward()

    def loss(values):
        return functional_call(site.module, values, site.x).square().sum()

    gradients = torch.func.grad(loss)(values)

    assert gradients.keys() == values.keys()
    assert [name for name in values if not torch.equal(gradients[name], held[name].grad)] == []


@clause("grad.transform")
@needs(Needs.TRANSFORMS)
def test_the_documented_example(functional_call):
    model, x, t = nn.Linear(3, 3), torch.randn(4, 3), torch.randn(4, 3)
    nn.functional.mse_loss(model(x), t).backward()

    def compute_loss(params, x, t):
        return nn.functional.mse_loss(functional_call(model, params, x), t)

    gradients = torch.func.grad(compute_loss)(dict(model.named_parameters()), x, t)

    assert close(gradients["weight"], model.weight.grad)
    assert close(gradients["bias"], model.bias.grad)


@clause("grad.detached")
@needs(Needs.TRANSFORMS)
@with_site(SITES)
def test_with_detached_values_nothing_has_a_grad_fn(functional_call, site):
    values = fresh_values(site.module)

    def loss(values):
        return functional_call(site.module, values, site.x).sum()

    assert loss(values).grad_fn is None
    assert not loss(values).requires_grad
    assert [name for name, gradient in torch.func.grad(loss)(values).items() if gradient.requires_grad] == []


@clause("grad.attached")
@needs(Needs.TRANSFORMS)
@with_site(PARAMETERS)
def test_with_values_that_require_grad_gradients_track_gradients(functional_call, site):
    values, held = _requiring_grad(site.module), _requiring_grad(site.module)
    expected = oracle.result(site.module, held, site.x).square().sum()
    torch.autograd.grad(expected, held[site.name], create_graph=True)[0].sum().backward()

    def loss(values):
        return functional_call(site.module, values, site.x).square().sum()

    gradients = torch.func.grad(loss)(values)
    assert gradients[site.name].grad_fn is not None
    gradients[site.name].sum().backward()

    assert close(values[site.name].grad, held[site.name].grad)


@clause("grad.twice")
@with_site((*FLAT, *NESTED[:2]))
def test_a_tensor_given_under_two_names_sums_both_gradients(functional_call, site):
    value = site.value().requires_grad_()
    apart = [site.value().requires_grad_() for _ in range(2)]
    oracle.result(site.module, dict(zip((site.name, site.other), apart, strict=True)), site.x).sum().backward()

    functional_call(site.module, {site.name: value, site.other: value}, site.x).sum().backward()

    assert close(value.grad, apart[0].grad + apart[1].grad)


@clause("grad.second-order")
@with_site((*FLAT, nested_parameter))
def test_gradients_of_gradients(functional_call, site):
    def second(call, value):
        loss = call({site.name: value}).square().sum()
        (first,) = torch.autograd.grad(loss, value, create_graph=True)
        return torch.autograd.grad(first.square().sum(), value)[0]

    value, held = site.value().requires_grad_(), site.value().requires_grad_()

    found = second(lambda values: functional_call(site.module, values, site.x), value)

    assert equal(found, second(lambda values: oracle.result(site.module, values, site.x), held))


@clause("grad.second-order")
@with_site((flat_parameter, nested_parameter))
def test_an_inner_step_as_in_maml(functional_call, site):
    def outer(call):
        """The gradient, with respect to the start values, of the loss after one inner step."""
        start = _requiring_grad(site.module)
        inner = torch.autograd.grad(call(start).square().sum(), list(start.values()), create_graph=True)
        stepped = {name: value - 0.1 * gradient for (name, value), gradient in zip(start.items(), inner, strict=True)}
        call(stepped).square().sum().backward()
        return [value.grad for value in start.values()]

    found = outer(lambda values: functional_call(site.module, values, site.x))
    expected = outer(lambda values: oracle.result(site.module, values, site.x))

    assert close(found, expected)


@clause("grad.saves-nothing")
@with_site((*SITES,))
def test_with_detached_values_nothing_is_saved(functional_call, site):
    saved = []
    with torch.autograd.graph.saved_tensors_hooks(saved.append, lambda tensor: tensor):
        functional_call(site.module, fresh_values(site.module), site.x)

    assert saved == []
