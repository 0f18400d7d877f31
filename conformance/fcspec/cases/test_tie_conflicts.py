"""tie: different values for the names of one tied group are refused."""

import contextlib
import itertools

import pytest
import torch

from fcspec.cases.support.refusal import refused, unnamed
from fcspec.plugin import clause
from fcspec.specimens.base import fresh_values, get, parameter, probe, with_group, with_site
from fcspec.specimens.groups import ALL_PAIRS, LARGE, PAIRS, three_across, tied_in_one_module
from fcspec.specimens.parametrized import doubled, nested_doubled

CONFLICTS = {
    "values": lambda value: value + 1,
    "one element": lambda value: value + torch.tensor([0.0, 0.0, 1e-3]),
    "order of elements": lambda value: value.flip(0),
    "shape": lambda value: value[:2],
}


@clause("tie.conflict")
@pytest.mark.parametrize("other", CONFLICTS.values(), ids=CONFLICTS)
@with_group(ALL_PAIRS)
def test_different_values_are_refused(functional_call, group, other):
    value = group.value()
    functional_call(group.module, dict.fromkeys(group.names, value), group.x, tie_weights=True)

    with refused(group.module):
        values = dict(zip(group.names, (value, other(value)), strict=True))
        functional_call(group.module, values, group.x, tie_weights=True)


@clause("tie.conflict")
@with_group(ALL_PAIRS)
def test_values_that_are_equal_only_when_broadcast_are_different(functional_call, group):
    value, other = torch.full((3,), 2.0), torch.full((1,), 2.0)
    functional_call(group.module, dict.fromkeys(group.names, value), group.x, tie_weights=True)

    for values in ((value, other), (other, value)):
        with refused(group.module):
            functional_call(group.module, dict(zip(group.names, values, strict=True)), group.x, tie_weights=True)


@clause("tie.conflict")
@pytest.mark.parametrize("which", [0, 1], ids=["first", "second"])
@with_group((tied_in_one_module,))
def test_one_of_two_groups_is_enough(functional_call, names, group, which):
    second, keys = parameter(), (names.attribute(), names.attribute())
    for key in keys:
        group.module.register_parameter(key, second)
    value = group.value()
    values = dict.fromkeys((*group.names, *keys), value)
    functional_call(group.module, values, group.x, tie_weights=True)

    with refused(group.module):
        values |= {(group.names, keys)[which][1]: value + 1}
        functional_call(group.module, values, group.x, tie_weights=True)


@clause("tie.conflict")
@pytest.mark.parametrize("strict", [False, True], ids=["loose", "strict"])
@with_group(ALL_PAIRS)
def test_different_values_in_two_dicts_are_refused(functional_call, group, strict):
    one, other = fresh_values(group.module), {group.names[1]: group.value(2)}
    one |= dict.fromkeys(group.names, group.value())
    functional_call(group.module, one, group.x, tie_weights=True, strict=strict)

    del one[group.names[1]]
    with refused(group.module):
        functional_call(group.module, (one, other), group.x, tie_weights=True, strict=strict)


@clause("tie.conflict")
@pytest.mark.parametrize("place", [0, 1, 150, 299])
def test_one_different_value_among_many_is_refused(functional_call, names, place):
    module, own, x = probe(names, lambda self, x: x), torch.zeros(3), torch.ones(3)
    for _ in range(300):
        module.register_buffer(names.attribute(), own)
    values = {key: torch.ones(3) for key in module._buffers}
    functional_call(module, dict.fromkeys(values, torch.ones(3)), x, tie_weights=True)

    values[[*values][place]][1] = 2.0
    with refused(module):
        functional_call(module, values, x, tie_weights=True)


@clause("tie.conflict")
@with_group(PAIRS)
def test_values_are_compared_anew_in_each_call(functional_call, group):
    one, other = group.value(), group.value()
    values = dict(zip(group.names, (one, other), strict=True))
    functional_call(group.module, dict.fromkeys(group.names, one), group.x, tie_weights=True)
    with contextlib.suppress(Exception):  # that equal values are accepted is the law of tie.equal-values
        functional_call(group.module, values, group.x, tie_weights=True)

    other.add_(1)
    with refused(group.module):
        functional_call(group.module, values, group.x, tie_weights=True)


@clause("tie.conflict")
@with_site((doubled, nested_doubled))
def test_different_values_for_an_original_and_what_is_tied_to_it_are_refused(functional_call, names, site):
    key = names.attribute()
    site.module.register_parameter(key, get(site.module, site.originals[0]))
    functional_call(site.module, {key: site.value()}, site.x, tie_weights=True)

    with refused(site.module):
        functional_call(site.module, {key: site.value(), site.originals[0]: site.value(2)}, site.x, tie_weights=True)


@clause("tie.conflict-in-part")
@with_group(LARGE)
def test_different_values_are_refused_where_some_names_are_not_given(functional_call, group):
    value = group.value()
    functional_call(group.module, {group.names[0]: value}, group.x, tie_weights=True)

    for one, other in itertools.combinations(group.names, 2):
        with refused(group.module):
            functional_call(group.module, {one: value, other: value + 1}, group.x, tie_weights=True)


@clause("tie.conflict-says-which")
@with_group((*PAIRS, *LARGE[:2]))
def test_the_error_names_those_that_conflict(functional_call, group):
    value, ends = group.value(), (group.names[0], group.names[-1])
    functional_call(group.module, {ends[0]: value}, group.x, tie_weights=True)

    with refused(group.module) as error:
        functional_call(group.module, dict(zip(ends, (value, value + 1), strict=True)), group.x, tie_weights=True)

    assert not (left_out := unnamed(ends, error)), left_out


@clause("tie.conflict-says-which")
@pytest.mark.parametrize("place", [0, 1, 2, 8])
@with_group((tied_in_one_module, three_across))
def test_the_error_names_two_whose_values_differ_among_many(functional_call, names, group, place):
    """All of the group are given, and one of them, or from it on all, have another value."""
    for _ in range(9 - len(group.names)):
        group.module.register_parameter(names.attribute(), group.own)
    untied = parameter()
    for key in (names.attribute(), names.attribute()):  # a group without conflict
        group.module.register_parameter(key, untied)
    keys = [name for name, own in group.module.named_parameters(remove_duplicate=False) if own is group.own]
    values = dict.fromkeys([name for name, _ in group.module.named_parameters(remove_duplicate=False)], group.value())
    functional_call(group.module, values, group.x, tie_weights=True)

    for others in (keys[place : place + 1], keys[place:][: 8 - place] or keys[:3]):
        given = {**values, **dict.fromkeys(others, group.value(2))}
        with refused(group.module) as error:
            functional_call(group.module, given, group.x, tie_weights=True)

        said = [key in others for key in keys if key in str(error.value)]
        assert {*said} == {True, False}, f"the error does not name two that differ: {error.value}"
