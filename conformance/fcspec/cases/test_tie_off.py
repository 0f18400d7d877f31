"""tie: names that are not tied, because tie_weights is off or they hold no one tensor object."""

import copy

import pytest
import torch
from torch import nn

from fcspec.cases.support.comparing import identical
from fcspec.cases.support.tied import same_objects, seen_in_forward
from fcspec.plugin import clause
from fcspec.specimens.base import get, parameter, probe, with_group
from fcspec.specimens.groups import ALL_PAIRS, SHARED, tied_in_one_module
from fcspec.state.module_state import snapshot


@clause("tie.off")
@with_group(ALL_PAIRS)
def test_untied_names_that_are_not_given_keep_their_own(functional_call, group):
    value = group.value()
    first, second = group.names

    assert same_objects(seen_in_forward(functional_call, group, {first: value}, tie_weights=False), value, group.own)
    assert same_objects(seen_in_forward(functional_call, group, {second: value}, tie_weights=False), group.own, value)


@clause("tie.off-different")
@with_group(ALL_PAIRS)
def test_untied_names_have_a_value_each(functional_call, group):
    one, other = group.value(1), group.value(2)
    before = snapshot(group.module)

    seen = seen_in_forward(functional_call, group, dict(zip(group.names, (one, other), strict=True)), tie_weights=False)

    assert same_objects(seen, one, other)
    assert snapshot(group.module).slots == before.slots


@clause("tie.off-same")
@with_group(ALL_PAIRS)
def test_the_same_tensor_for_untied_names_acts_as_tied(functional_call, group):
    value = group.value()

    assert same_objects(
        seen_in_forward(functional_call, group, dict.fromkeys(group.names, value), tie_weights=False), value, value
    )


def _untied(names, first, second):
    """A module with these two parameters, one of them in a child."""
    root, child, keys = probe(names), probe(names), (names.attribute(), names.attribute(), names.attribute())
    root.register_parameter(keys[0], first)
    child.register_parameter(keys[1], second)
    root.add_module(keys[2], child)
    return root, (keys[0], f"{keys[2]}.{keys[1]}")


UNTIED = {
    "equal values": lambda: (torch.ones(3), torch.ones(3)),
    "parts of one storage": lambda: torch.ones(6).split(3),
    "overlapping views": lambda: (torch.ones(4)[:3], torch.ones(4)[1:]),
    "views of another length": lambda: (lambda base: (base, base[:1]))(torch.ones(3)),
    "a view with other strides": lambda: (lambda base: (base, base.t()))(torch.ones(3, 3)),
    "a conjugate view": lambda: (lambda base: (base, base.conj()))(torch.ones(3, dtype=torch.complex64)),
    "a negated view": lambda: (lambda base: (base, base._neg_view()))(torch.ones(3)),
    "a view of another dtype": lambda: (lambda base: (base, base.view(torch.bfloat16)))(torch.ones(3).half()),
    "no elements": lambda: (torch.ones(0), torch.ones(0)),
    "no elements in two dimensions": lambda: (torch.ones(3, 0), torch.ones(3, 0)),
    "no memory": lambda: (torch.ones(3, device="meta"), torch.ones(3, device="meta")),
}


@clause("tie.untied")
@pytest.mark.parametrize("data", UNTIED.values(), ids=UNTIED)
def test_equal_tensors_and_views_of_one_storage_are_not_tied(functional_call, names, data):
    first, second = map(nn.Parameter, data())
    module, keys = _untied(names, first, second)
    one, other = (
        torch.ones(one.shape, device=one.device) for one in (first, second)
    )  # like ones_like, which imports sympy
    seen = []
    type(module).in_forward = lambda self: seen.append([get(module, key) for key in keys]) or torch.ones(3)

    functional_call(module, {keys[0]: one, keys[1]: other}, torch.ones(3))
    functional_call(module, {keys[0]: one}, torch.ones(3))

    assert same_objects(seen[0], one, other)
    assert same_objects(seen[1], one, second)


@clause("tie.untied")
@pytest.mark.parametrize("kind", ["parameters", "buffers"])
def test_names_registered_as_none_are_not_tied(functional_call, names, kind):
    module, keys, seen = probe(names), (names.attribute(), names.attribute()), []
    module.register_parameter(names.attribute(), parameter())
    for key in keys:
        (module.register_parameter if kind == "parameters" else module.register_buffer)(key, None)
    type(module).in_forward = lambda self: seen.append([get(module, key) for key in keys])
    one, other = torch.zeros(3), torch.full((3,), 2.0)

    functional_call(module, {keys[0]: one, keys[1]: other}, torch.ones(3))
    functional_call(module, {keys[0]: one}, torch.ones(3))

    assert same_objects(seen[0], one, other)
    assert same_objects(seen[1], one, None)


@clause("tie.exact-alias")
def test_two_parameters_over_one_memory(functional_call, names, observe):
    first = nn.Parameter(torch.rand(3))
    module, keys = _untied(names, first, nn.Parameter(first.data))
    value, seen = torch.zeros(3), []
    type(module).in_forward = lambda self: seen.append(get(module, keys[1]))
    try:
        functional_call(module, {keys[0]: value}, torch.ones(3))
        observe("tied" if seen[0] is value else "not tied")
    except Exception as error:
        observe(type(error).__name__)


@clause("tie.shared-slot-off")
@with_group(SHARED)
def test_different_values_for_one_slot_untied(functional_call, group, observe):
    values = [group.value(1), group.value(2)]
    try:
        seen = seen_in_forward(functional_call, group, dict(zip(group.names, values, strict=True)), tie_weights=False)[
            0
        ]
        observe("the first wins" if seen is values[0] else "the last wins" if seen is values[1] else "own value")
    except Exception as error:
        observe(type(error).__name__)


@clause("tie.python-list")
@with_group((tied_in_one_module,))
def test_an_alias_in_a_list(functional_call, names, group, observe):
    key = names.attribute()
    setattr(group.module, key, [group.own])
    value, seen = group.value(), []
    group.in_forward(lambda module: seen.append(getattr(module, key)[0]))

    functional_call(group.module, {group.names[0]: value}, group.x)

    observe("follows" if seen[0] is value else "keeps its own value")


@clause("tie.untied")
@pytest.mark.parametrize("flags", [{"tie_weights": True}, {"tie_weights": False}], ids=["tied", "untied"])
def test_buffers_of_two_modules_that_share_only_their_parameters_are_not_tied(functional_call, flags):
    """One affine map, and statistics of its own for each of two sources of data."""
    norm = nn.BatchNorm1d(3)
    other = copy.copy(norm)
    vars(other)["_buffers"] = {key: buffer.clone() for key, buffer in norm._buffers.items()}
    module, seen = nn.Sequential(norm, other).eval(), []
    values, before = {"0.running_mean": torch.zeros(3), "1.running_mean": torch.ones(3)}, snapshot(module)
    module.register_forward_pre_hook(lambda *_: seen.extend([norm.running_mean, other.running_mean]))

    functional_call(module, values, torch.rand(2, 3), **flags)
    functional_call(module, {"0.running_mean": torch.ones(3)}, torch.rand(2, 3), **flags)

    assert identical([*seen[:2], seen[3]], [*values.values(), other.running_mean])
    assert snapshot(module).slots == before.slots
