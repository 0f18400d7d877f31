"""tie: whether slots that hold one tensor take given values together.

That they do so by default is the law of tie.default; cases of other laws pass tie_weights=True.
"""

import itertools

import pytest
import torch
from torch import nn

from fcspec.cases.support.comparing import equal
from fcspec.cases.support.refusal import refused
from fcspec.cases.support.tied import same_objects, seen_in_forward
from fcspec.plugin import clause
from fcspec.specimens.base import fresh_values, get, with_group
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
    tied_in_one_module,
)


@clause("tie.one-name")
@with_group(PAIRS)
def test_one_given_name_reaches_every_name_of_the_group(functional_call, group):
    for name in group.names:
        value = group.value()

        assert same_objects(seen_in_forward(functional_call, group, {name: value}), value, value)


@clause("tie.one-name")
@with_group(PAIRS)
def test_a_parameter_reaches_every_name_of_the_group(functional_call, group):
    value = nn.Parameter(group.value())

    assert same_objects(seen_in_forward(functional_call, group, {group.names[1]: value}), value, value)


@clause("tie.one-name")
@with_group(PAIRS)
def test_other_groups_keep_their_own(functional_call, names, group):
    """Two groups in one module: only the named one is replaced."""
    first, second, own = names.attribute(), names.attribute(), nn.Parameter(torch.rand(3))
    group.module.register_parameter(first, own)
    group.module.register_parameter(second, own)
    value, seen = group.value(), []
    group.in_forward(lambda module: seen.extend([*group.current(), get(module, first), get(module, second)]))

    functional_call(group.module, {group.names[0]: value}, group.x, tie_weights=True)

    assert same_objects(seen, value, value, own, own)


@clause("tie.large-group")
@with_group(LARGE)
def test_any_names_given_with_one_tensor_reach_the_whole_group(functional_call, group):
    for count in range(1, len(group.names) + 1):
        for names in itertools.combinations(group.names, count):
            value = group.value()

            seen = seen_in_forward(functional_call, group, dict.fromkeys(names, value))

            assert same_objects(seen, *[value] * len(group.names)), f"given: {names}"


GIVEN = pytest.mark.parametrize("kind", [lambda value: value, nn.Parameter], ids=["tensor", "Parameter"])


@clause("tie.buffers")
@GIVEN
@with_group(BUFFER_PAIRS)
def test_buffers_tie(functional_call, group, kind):
    for name in group.names:
        value = kind(group.value())

        assert same_objects(seen_in_forward(functional_call, group, {name: value}), value, value)


@clause("tie.across-kinds")
@GIVEN
@with_group(MIXED_PAIRS)
def test_a_parameter_ties_with_a_buffer(functional_call, group, kind):
    for name in group.names:
        value = kind(group.value())

        assert same_objects(seen_in_forward(functional_call, group, {name: value}), value, value)


@clause("tie.same-object")
@with_group(ALL_PAIRS)
def test_the_same_tensor_for_both_names_is_accepted(functional_call, group):
    value = group.value()

    assert same_objects(seen_in_forward(functional_call, group, dict.fromkeys(group.names, value)), value, value)


@clause("tie.same-object")
@pytest.mark.parametrize("kind", ["nan", "meta", "sparse"])
@with_group((tied_in_one_module,))
def test_the_same_tensor_is_accepted_also_where_it_does_not_equal_itself(functional_call, group, kind):
    values = {
        "nan": group.value() * float("nan"),
        "meta": group.value().to("meta"),
        "sparse": group.value().to_sparse(),
    }
    value, seen = values[kind], []
    group.in_forward(lambda module: seen.extend(group.current()) or "done")

    functional_call(group.module, dict.fromkeys(group.names, value), group.x, tie_weights=True)

    assert same_objects(seen, value, value)


@clause("tie.equal-values")
@with_group(ALL_PAIRS)
def test_tensors_with_equal_values_are_accepted_and_each_is_used(functional_call, group):
    one, other = group.value(), group.value()

    assert same_objects(
        seen_in_forward(functional_call, group, dict(zip(group.names, (one, other), strict=True))), one, other
    )


@clause("tie.equal-values")
@with_group(PAIRS[:1])
def test_a_parameter_and_a_tensor_with_equal_values_are_accepted(functional_call, group):
    one, other = nn.Parameter(group.value()), group.value()

    assert same_objects(
        seen_in_forward(functional_call, group, dict(zip(group.names, (one, other), strict=True))), one, other
    )


@clause("tie.equal-values")
@with_group((three_within, three_across))
def test_the_rest_of_the_group_holds_one_of_them(functional_call, group):
    one, other = group.value(), group.value()

    first, second, third = seen_in_forward(functional_call, group, {group.names[0]: one, group.names[2]: other})

    assert same_objects((first, third), one, other)
    assert second is one or second is other


@clause("tie.default")
@with_group(PAIRS)
def test_tie_weights_is_on_by_default(functional_call, group):
    value, seen = group.value(), []
    group.in_forward(lambda module: seen.extend(group.current()))

    functional_call(group.module, {group.names[0]: value}, group.x)
    functional_call(group.module, ({}, {group.names[0]: value}), group.x)
    functional_call(group.module, {group.names[0]: value}, group.x, tie_weights=True)

    assert same_objects(seen, *[value] * 6)


@clause("tie.default")
@with_group(PAIRS)
def test_tie_weights_is_on_by_default_with_strict_too(functional_call, group):
    values = fresh_values(group.module)
    value, seen = values[group.names[0]], []
    del values[group.names[1]]
    group.in_forward(lambda module: seen.extend(group.current()))

    functional_call(group.module, values, group.x, strict=True)

    assert same_objects(seen, value, value)


@clause("tie.shared-submodule")
@with_group((*SHARED, SHARED_BUFFERS[0]))
def test_a_value_for_one_name_of_a_slot_reaches_both(functional_call, group):
    for flags in ({"tie_weights": True}, {"tie_weights": False}):
        for names in ([group.names[0]], [group.names[1]], group.names):
            value = group.value()

            assert same_objects(
                seen_in_forward(functional_call, group, dict.fromkeys(names, value), **flags), value, value
            )


@clause("tie.shared-submodule")
@with_group((*SHARED, SHARED_BUFFERS[0]))
def test_one_value_for_both_names_of_a_slot_is_accepted_under_strict(functional_call, group):
    first, second = (name.rpartition(".")[0] for name in group.names)
    values = fresh_values(group.module)
    for name in [name for name in values if name.startswith(f"{first}.")]:
        values[second + name.removeprefix(first)] = values[name]
    value = values[group.names[0]]

    assert same_objects(seen_in_forward(functional_call, group, values, strict=True), value, value)


@clause("tie.shared-submodule")
@with_group((*SHARED, SHARED_BUFFERS[0]))
def test_equal_values_for_both_names_of_a_slot_are_accepted(functional_call, group):
    one, other = group.value(), group.value()

    first, second = seen_in_forward(functional_call, group, dict(zip(group.names, (one, other), strict=True)))

    assert first is second
    assert first is one or first is other


@clause("tie.shared-submodule")
@with_group((*SHARED, SHARED_BUFFERS[0]))
def test_different_values_for_both_names_of_a_slot_are_refused(functional_call, group):
    functional_call(group.module, dict.fromkeys(group.names, group.value()), group.x, tie_weights=True)

    with refused(group.module):
        values = dict(zip(group.names, map(group.value, (1, 2)), strict=True))
        functional_call(group.module, values, group.x, tie_weights=True)


@clause("tie.gradient")
@with_group((*PAIRS, *BUFFER_PAIRS[:1]))
def test_the_gradient_sums_over_all_uses(functional_call, group):
    value = group.value().requires_grad_()
    total = group.value().requires_grad_()
    group.in_forward(lambda module: sum(scale * tensor**2 for scale, tensor in enumerate(group.current(), 2)))
    sum(scale * total**2 for scale in (2, 3)).sum().backward()

    functional_call(group.module, {group.names[0]: value}, group.x, tie_weights=True).sum().backward()

    assert equal(value.grad, total.grad)


UNDECIDABLE = {
    "meta": lambda: torch.zeros(3, device="meta"),
    "sparse": lambda: torch.ones(3).to_sparse(),
    "nan": lambda: torch.full((3,), float("nan")),
    "signed zero": None,
    "dtype": None,
}


@clause("tie.undecidable")
@pytest.mark.parametrize("kind", UNDECIDABLE)
@with_group((tied_in_one_module,))
def test_values_that_cannot_be_compared(functional_call, group, kind, observe):
    if kind == "signed zero":
        pair = torch.zeros(3), -torch.zeros(3)
    elif kind == "dtype":
        pair = torch.zeros(3), torch.zeros(3, dtype=torch.float64)
    else:
        pair = UNDECIDABLE[kind](), UNDECIDABLE[kind]()
    group.in_forward(lambda module: "forward ran")
    try:
        functional_call(group.module, dict(zip(group.names, pair, strict=True)), group.x)
        observe(f"{kind}: accepted")
    except Exception as error:
        observe(f"{kind}: {type(error).__name__}")


@clause("tie.undecidable")
@pytest.mark.parametrize("equal", [True, False], ids=["equal", "one tensor"])
@with_group((tied_in_one_module,))
def test_values_under_vmap(functional_call, group, equal, observe):
    group.in_forward(lambda module: group.current()[0] + group.current()[1])
    batch = torch.rand(4, 3)

    def call(one, other):
        return functional_call(group.module, dict(zip(group.names, (one, other), strict=True)), group.x)

    word = "equal vmapped" if equal else "one tensor, vmapped twice"
    try:
        torch.func.vmap(call)(batch, batch.clone() if equal else batch)
        observe(f"{word}: accepted")
    except Exception as error:
        observe(f"{word}: {type(error).__name__}")
