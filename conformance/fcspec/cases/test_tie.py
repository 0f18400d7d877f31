"""tie: whether slots that hold one tensor take given values together.

That they do so by default is the law of tie.default; the others ask for it.
"""

import itertools

import pytest
import torch
from torch import nn

from fcspec.cases.refusal import refused
from fcspec.plugin import clause
from fcspec.snapshot import snapshot
from fcspec.specimens.base import at, fresh_values, get, parameter, probe
from fcspec.specimens.groups import (
    ALL_PAIRS,
    BUFFER_PAIRS,
    LARGE,
    MIXED_PAIRS,
    PAIRS,
    SHARED,
    SHARED_BUFFERS,
    three_across,
    three_within,
    within,
)


def _seen(functional_call, group, values, **flags):
    """What forward sees at each name of the group; no flags: tied."""
    seen = []
    group.inside(lambda module: seen.extend(group.now()))
    functional_call(group.module, values, group.x, **{"tie_weights": True, **flags})
    return seen


def _is(objects, *expected):
    return [one is other for one, other in zip(objects, expected, strict=True)] == [True] * len(expected)


@clause("tie.one-name")
@at(PAIRS, "group")
def test_one_given_name_reaches_every_name_of_the_group(functional_call, group):
    for name in group.names:
        value = group.value()

        assert _is(_seen(functional_call, group, {name: value}), value, value)


@clause("tie.one-name")
@at(PAIRS, "group")
def test_a_parameter_reaches_every_name_of_the_group(functional_call, group):
    value = nn.Parameter(group.value())

    assert _is(_seen(functional_call, group, {group.names[1]: value}), value, value)


@clause("tie.one-name")
@at(PAIRS, "group")
def test_other_groups_keep_their_own(functional_call, names, group):
    """Two groups in one module: only the named one is replaced."""
    first, second, own = names.attribute(), names.attribute(), nn.Parameter(torch.rand(3))
    group.module.register_parameter(first, own)
    group.module.register_parameter(second, own)
    value, seen = group.value(), []
    group.inside(lambda module: seen.extend([*group.now(), get(module, first), get(module, second)]))

    functional_call(group.module, {group.names[0]: value}, group.x, tie_weights=True)

    assert _is(seen, value, value, own, own)


@clause("tie.large-group")
@at(LARGE, "group")
def test_any_names_given_with_one_tensor_reach_the_whole_group(functional_call, group):
    for count in range(1, len(group.names) + 1):
        for names in itertools.combinations(group.names, count):
            value = group.value()

            seen = _seen(functional_call, group, dict.fromkeys(names, value))

            assert _is(seen, *[value] * len(group.names)), f"given: {names}"


GIVEN = pytest.mark.parametrize("kind", [lambda value: value, nn.Parameter], ids=["tensor", "Parameter"])


@clause("tie.buffers")
@GIVEN
@at(BUFFER_PAIRS, "group")
def test_buffers_tie(functional_call, group, kind):
    for name in group.names:
        value = kind(group.value())

        assert _is(_seen(functional_call, group, {name: value}), value, value)


@clause("tie.across-kinds")
@GIVEN
@at(MIXED_PAIRS, "group")
def test_a_parameter_ties_with_a_buffer(functional_call, group, kind):
    for name in group.names:
        value = kind(group.value())

        assert _is(_seen(functional_call, group, {name: value}), value, value)


@clause("tie.same-object")
@at(ALL_PAIRS, "group")
def test_the_same_tensor_for_both_names_is_accepted(functional_call, group):
    value = group.value()

    assert _is(_seen(functional_call, group, dict.fromkeys(group.names, value)), value, value)


@clause("tie.same-object")
@pytest.mark.parametrize("kind", ["nan", "meta", "sparse"])
@at((within,), "group")
def test_the_same_tensor_is_accepted_also_where_it_does_not_equal_itself(functional_call, group, kind):
    values = {
        "nan": group.value() * float("nan"),
        "meta": group.value().to("meta"),
        "sparse": group.value().to_sparse(),
    }
    value, seen = values[kind], []
    group.inside(lambda module: seen.extend(group.now()) or "done")

    functional_call(group.module, dict.fromkeys(group.names, value), group.x, tie_weights=True)

    assert _is(seen, value, value)


@clause("tie.equal-values")
@at(ALL_PAIRS, "group")
def test_tensors_with_equal_values_are_accepted_and_each_is_used(functional_call, group):
    one, other = group.value(), group.value()

    assert _is(_seen(functional_call, group, dict(zip(group.names, (one, other), strict=True))), one, other)


@clause("tie.equal-values")
@at(PAIRS[:1], "group")
def test_a_parameter_and_a_tensor_with_equal_values_are_accepted(functional_call, group):
    one, other = nn.Parameter(group.value()), group.value()

    assert _is(_seen(functional_call, group, dict(zip(group.names, (one, other), strict=True))), one, other)


@clause("tie.equal-values")
@at((three_within, three_across), "group")
def test_the_rest_of_the_group_holds_one_of_them(functional_call, group):
    one, other = group.value(), group.value()

    first, second, third = _seen(functional_call, group, {group.names[0]: one, group.names[2]: other})

    assert _is((first, third), one, other)
    assert second is one or second is other


@clause("tie.default")
@at(PAIRS, "group")
def test_tie_weights_is_on_by_default(functional_call, group):
    value, seen = group.value(), []
    group.inside(lambda module: seen.extend(group.now()))

    functional_call(group.module, {group.names[0]: value}, group.x)
    functional_call(group.module, ({}, {group.names[0]: value}), group.x)
    functional_call(group.module, {group.names[0]: value}, group.x, tie_weights=True)

    assert _is(seen, *[value] * 6)


@clause("tie.default")
@at(PAIRS, "group")
def test_tie_weights_is_on_by_default_with_strict_too(functional_call, group):
    values = fresh_values(group.module)
    value, seen = values[group.names[0]], []
    del values[group.names[1]]
    group.inside(lambda module: seen.extend(group.now()))

    functional_call(group.module, values, group.x, strict=True)

    assert _is(seen, value, value)


@clause("tie.off")
@at(ALL_PAIRS, "group")
def test_untied_names_that_are_not_given_keep_their_own(functional_call, group):
    value = group.value()
    first, second = group.names

    assert _is(_seen(functional_call, group, {first: value}, tie_weights=False), value, group.own)
    assert _is(_seen(functional_call, group, {second: value}, tie_weights=False), group.own, value)


@clause("tie.off-different")
@at(ALL_PAIRS, "group")
def test_untied_names_have_a_value_each(functional_call, group):
    one, other = group.value(1), group.value(2)
    before = snapshot(group.module)

    seen = _seen(functional_call, group, dict(zip(group.names, (one, other), strict=True)), tie_weights=False)

    assert _is(seen, one, other)
    assert snapshot(group.module).slots == before.slots


@clause("tie.off-same")
@at(ALL_PAIRS, "group")
def test_the_same_tensor_for_untied_names_acts_as_tied(functional_call, group):
    value = group.value()

    assert _is(_seen(functional_call, group, dict.fromkeys(group.names, value), tie_weights=False), value, value)


@clause("tie.shared-submodule")
@at((*SHARED, SHARED_BUFFERS[0]), "group")
def test_a_value_for_one_name_of_a_slot_reaches_both(functional_call, group):
    for flags in ({"tie_weights": True}, {"tie_weights": False}):
        for names in ([group.names[0]], [group.names[1]], group.names):
            value = group.value()

            assert _is(_seen(functional_call, group, dict.fromkeys(names, value), **flags), value, value)


@clause("tie.shared-submodule")
@at((*SHARED, SHARED_BUFFERS[0]), "group")
def test_one_value_for_both_names_of_a_slot_is_accepted_under_strict(functional_call, group):
    first, second = (name.rpartition(".")[0] for name in group.names)
    values = fresh_values(group.module)
    for name in [name for name in values if name.startswith(f"{first}.")]:
        values[second + name.removeprefix(first)] = values[name]
    value = values[group.names[0]]

    assert _is(_seen(functional_call, group, values, strict=True), value, value)


@clause("tie.shared-submodule")
@at((*SHARED, SHARED_BUFFERS[0]), "group")
def test_equal_values_for_both_names_of_a_slot_are_accepted(functional_call, group):
    one, other = group.value(), group.value()

    first, second = _seen(functional_call, group, dict(zip(group.names, (one, other), strict=True)))

    assert first is second
    assert first is one or first is other


@clause("tie.shared-submodule")
@at((*SHARED, SHARED_BUFFERS[0]), "group")
def test_different_values_for_both_names_of_a_slot_are_refused(functional_call, group):
    functional_call(group.module, dict.fromkeys(group.names, group.value()), group.x, tie_weights=True)

    with refused(group.module):
        values = dict(zip(group.names, map(group.value, (1, 2)), strict=True))
        functional_call(group.module, values, group.x, tie_weights=True)


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
}


@clause("tie.untied")
@pytest.mark.parametrize("data", UNTIED.values(), ids=UNTIED)
def test_equal_tensors_and_views_of_one_storage_are_not_tied(functional_call, names, data):
    first, second = map(nn.Parameter, data())
    module, keys = _untied(names, first, second)
    one, other, seen = torch.zeros_like(first), torch.full_like(second, 2.0), []
    type(module).act = lambda self: seen.append([get(module, key) for key in keys])

    functional_call(module, {keys[0]: one, keys[1]: other}, torch.ones(3))
    functional_call(module, {keys[0]: one}, torch.ones(3))

    assert _is(seen[0], one, other)
    assert _is(seen[1], one, second)


@clause("tie.untied")
@pytest.mark.parametrize("kind", ["parameters", "buffers"])
def test_names_registered_as_none_are_not_tied(functional_call, names, kind):
    module, keys, seen = probe(names), (names.attribute(), names.attribute()), []
    module.register_parameter(names.attribute(), parameter())
    for key in keys:
        (module.register_parameter if kind == "parameters" else module.register_buffer)(key, None)
    type(module).act = lambda self: seen.append([get(module, key) for key in keys])
    one, other = torch.zeros(3), torch.full((3,), 2.0)

    functional_call(module, {keys[0]: one, keys[1]: other}, torch.ones(3))
    functional_call(module, {keys[0]: one}, torch.ones(3))

    assert _is(seen[0], one, other)
    assert _is(seen[1], one, None)


@clause("tie.exact-alias")
def test_two_parameters_over_one_memory(functional_call, names, observe):
    first = nn.Parameter(torch.rand(3))
    module, keys = _untied(names, first, nn.Parameter(first.data))
    value, seen = torch.zeros(3), []
    type(module).act = lambda self: seen.append(get(module, keys[1]))
    try:
        functional_call(module, {keys[0]: value}, torch.ones(3))
        observe("tied" if seen[0] is value else "not tied")
    except Exception as error:
        observe(type(error).__name__)


@clause("tie.gradient")
@at((*PAIRS, *BUFFER_PAIRS[:1]), "group")
def test_the_gradient_sums_over_all_uses(functional_call, group):
    value = group.value().requires_grad_()
    total = group.value().requires_grad_()
    group.inside(lambda module: sum(scale * tensor**2 for scale, tensor in enumerate(group.now(), 2)))
    sum(scale * total**2 for scale in (2, 3)).sum().backward()

    functional_call(group.module, {group.names[0]: value}, group.x, tie_weights=True).sum().backward()

    assert torch.equal(value.grad, total.grad)


UNDECIDABLE = {
    "meta": lambda: torch.zeros(3, device="meta"),
    "sparse": lambda: torch.ones(3).to_sparse(),
    "nan": lambda: torch.full((3,), float("nan")),
    "signed zero": None,
    "dtype": None,
}


@clause("tie.undecidable")
@pytest.mark.parametrize("kind", UNDECIDABLE)
@at((within,), "group")
def test_values_that_cannot_be_compared(functional_call, group, kind, observe):
    if kind == "signed zero":
        pair = torch.zeros(3), -torch.zeros(3)
    elif kind == "dtype":
        pair = torch.zeros(3), torch.zeros(3, dtype=torch.float64)
    else:
        pair = UNDECIDABLE[kind](), UNDECIDABLE[kind]()
    group.inside(lambda module: "forward ran")
    try:
        functional_call(group.module, dict(zip(group.names, pair, strict=True)), group.x)
        observe(f"{kind}: accepted")
    except Exception as error:
        observe(f"{kind}: {type(error).__name__}")


@clause("tie.undecidable")
@pytest.mark.parametrize("equal", [True, False], ids=["equal", "one tensor"])
@at((within,), "group")
def test_values_under_vmap(functional_call, group, equal, observe):
    group.inside(lambda module: group.now()[0] + group.now()[1])
    batch = torch.rand(4, 3)

    def call(one, other):
        return functional_call(group.module, dict(zip(group.names, (one, other), strict=True)), group.x)

    word = "equal vmapped" if equal else "one tensor, vmapped twice"
    try:
        torch.func.vmap(call)(batch, batch.clone() if equal else batch)
        observe(f"{word}: accepted")
    except Exception as error:
        observe(f"{word}: {type(error).__name__}")


@clause("tie.shared-slot-off")
@at(SHARED, "group")
def test_different_values_for_one_slot_untied(functional_call, group, observe):
    values = [group.value(1), group.value(2)]
    try:
        seen = _seen(functional_call, group, dict(zip(group.names, values, strict=True)), tie_weights=False)[0]
        observe("the first wins" if seen is values[0] else "the last wins" if seen is values[1] else "own value")
    except Exception as error:
        observe(type(error).__name__)


@clause("tie.python-list")
@at((within,), "group")
def test_an_alias_in_a_list(functional_call, names, group, observe):
    key = names.attribute()
    setattr(group.module, key, [group.own])
    value, seen = group.value(), []
    group.inside(lambda module: seen.append(getattr(module, key)[0]))

    functional_call(group.module, {group.names[0]: value}, group.x)

    observe("follows" if seen[0] is value else "keeps its own value")
