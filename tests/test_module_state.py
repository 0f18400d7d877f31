"""A module's state is read without the API under test, and each change shows in the part that is about it."""

import pytest
import torch
from fcspec.state.module_state import bits, slots, snapshot
from torch import nn


class Inner(nn.Module):
    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(2))
        self.register_buffer("count", torch.zeros(()), persistent=False)
        self.register_parameter("nothing", None)


def a_module():
    module = nn.Module()
    module.inner = Inner()
    module.plain = torch.ones(1)
    return module


def test_slots_are_named_by_every_path_and_a_module_may_contain_itself():
    module = a_module()
    module.again, module.inner.me = module.inner, module.inner

    assert [name for name, *_ in slots(module)] == [
        *("inner.weight", "inner.nothing", "inner.count"),
        *("again.weight", "again.nothing", "again.count"),
    ]


def _set_bits(module):
    module.inner.weight.data[0] = 2.0


def _to_a_plain_attribute(module):
    weight = module.inner._parameters.pop("weight")
    vars(module.inner)["weight"] = weight


MODULE_CHANGES = [
    (lambda module: setattr(module.inner, "weight", nn.Parameter(torch.ones(2))), {"slots"}),
    (lambda module: module.inner.weight.requires_grad_(False), {"slots"}),
    (lambda module: module.inner._non_persistent_buffers_set.clear(), {"slots", "shape"}),
    (lambda module: setattr(module, "plain", torch.ones(1)), {"plain"}),
    (lambda module: setattr(module.inner.weight, "grad", torch.ones(2)), {"grads"}),
    (lambda module: module.inner.count.add_(0), {"versions"}),
    (lambda module: module.eval(), {"shape"}),
    (lambda module: module.register_forward_hook(print), {"shape"}),
    (lambda module: setattr(module, "inner", Inner()), {"slots", "shape"}),
    (_set_bits, {"slots"}),
    (_to_a_plain_attribute, {"slots", "plain", "order", "grads", "versions", "shape"}),
    (lambda module: module.inner._parameters.update(weight=module.inner._parameters.pop("weight")), {"order"}),
]


@pytest.mark.parametrize(("change", "parts"), MODULE_CHANGES)
def test_a_change_of_a_module_is_seen_in_its_part(change, parts):
    module = a_module()
    before = snapshot(module)
    change(module)
    after = snapshot(module)

    assert {part for part in vars(before) if getattr(before, part) != getattr(after, part)} == parts


def test_a_module_that_was_read_is_as_before():
    module = a_module()

    assert snapshot(module) == snapshot(module)


def test_a_difference_says_what_is_and_what_was():
    module = a_module()
    before = snapshot(module)
    module.inner.weight.requires_grad_(False)
    module.inner.count = torch.zeros(3)

    assert snapshot(module).slots.differences(before.slots) == [
        "inner.weight: requires_grad is False, was True",
        "inner.count: is Tensor(3,), was Tensor()",
    ]


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [(float("nan"), float("nan"), True), (0.0, -0.0, False), (1.0, 1.0, True)],
)
def test_bits_tell_what_equality_does_not(one, other, same):
    assert (bits(torch.tensor(one)) == bits(torch.tensor(other))) is same
