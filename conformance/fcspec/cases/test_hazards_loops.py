"""hazards: what comes before and after forward: hooks that load slots, steps of training, recomputation, caches."""

import contextlib

import pytest
import torch
from torch import nn
from torch.nn.utils import prune

from fcspec.plugin import clause
from fcspec.specimens.base import probe, values_like, with_group, with_site
from fcspec.specimens.groups import PAIRS
from fcspec.specimens.sites import SITES, flat_parameter
from fcspec.state.module_state import snapshot


@clause("hazards.loading-hooks")
@with_site(SITES[:2])
def test_a_hook_that_puts_tensors_into_the_slots(functional_call, site, observe):
    loaded, value, seen = site.bindable(), site.value(), []
    site.caller.register_forward_pre_hook(lambda *_: setattr(site.owner, site.key, loaded))
    site.in_forward(lambda owner: seen.append(site.current()))
    values = {site.name: value}
    try:
        functional_call(site.module, values, site.x)
        used = "used" if seen[0] is value else "ignored"
        observe(f"{used}, the entry is {'as before' if values[site.name] is value else 'replaced'}")
    except Exception as error:
        observe(type(error).__name__)
    assert site.current() is site.own


@clause("hazards.loading-hooks")
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("kind", ["weight_norm", "prune"])
def test_the_regular_name_of_old_hooks(functional_call, kind, observe):
    linear = nn.Linear(2, 2, bias=False)
    linear = nn.utils.weight_norm(linear) if kind == "weight_norm" else prune.identity(linear, "weight")
    value = torch.full((2, 2), 3.0)
    values, before = {"weight": value}, snapshot(linear)
    try:
        result = functional_call(linear, values, torch.ones(1, 2))
        used = "used" if torch.equal(result, torch.full((1, 2), 6.0)) else "ignored"
        observe(f"{kind}: {used}, the entry is {'as before' if values['weight'] is value else 'replaced'}")
    except Exception as error:
        observe(f"{kind}: {type(error).__name__}")
    assert snapshot(linear).slots == before.slots


@clause("hazards.equal-clones")
@with_group(PAIRS[1:2])
def test_a_training_loop_over_equal_clones_of_tied_tensors(functional_call, group, observe):
    values = {name: group.value().requires_grad_() for name in group.names}
    before, steps = snapshot(group.module), 0
    try:
        for _ in range(2):
            loss = functional_call(group.module, values, group.x).sum()
            steps += 1
            grads = torch.autograd.grad(loss, [*values.values()], allow_unused=True)
            values = {
                name: (value - (0 if grad is None else (number + 1) * grad)).detach().requires_grad_()
                for number, ((name, value), grad) in enumerate(zip(values.items(), grads, strict=True))
            }
        observe("both steps work")
    except Exception as error:
        observe(f"step {steps + 1}: {type(error).__name__}")
    assert snapshot(group.module).slots == before.slots


class Recomputing(torch.autograd.Function):
    """Multiplies, and calls again in backward."""

    @staticmethod
    def forward(context, current, x):
        context.current = current
        return current() * x

    @staticmethod
    def backward(context, gradient):
        return None, gradient * context.current()


@clause("hazards.recomputation")
@with_site((flat_parameter,))
def test_a_function_that_calls_the_module_again_in_backward(functional_call, site, observe):
    value, x = site.value(), site.x.requires_grad_()
    site.in_forward(lambda owner: Recomputing.apply(site.current, x))
    try:
        functional_call(site.module, {site.name: value}, x).sum().backward()
        observe(f"{'right' if torch.equal(x.grad, value) else 'wrong'} gradient")
    except Exception as error:
        observe(type(error).__name__)
    assert site.current() is site.own


@clause("hazards.described-buffer")
def test_an_attribute_that_describes_a_buffer(functional_call, names, observe):
    module, key = probe(names), names.attribute()
    module.register_buffer(key, torch.zeros(4))
    module.length, own = 4, getattr(module, key)

    def grow(self):
        setattr(self, key, torch.zeros(8))
        self.length = 8
        return torch.zeros(())

    type(module).in_forward = grow
    with contextlib.suppress(Exception):
        functional_call(module, {key: values_like(own)}, torch.ones(4))

    observe("the attribute stays" if module.length == 8 else "the attribute is as before")
    assert getattr(module, key) is own
