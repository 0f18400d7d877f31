"""dicts: what can be passed as parameter_and_buffer_dicts, and what happens to it."""

import collections
import contextlib
import enum
import types
from typing import Any

import pytest
import torch
from torch import nn

from fcspec.cases.support.comparing import equal, identical
from fcspec.cases.support.refusal import refused
from fcspec.plugin import clause
from fcspec.specimens import oracle
from fcspec.specimens.base import fresh_values, with_group, with_site
from fcspec.specimens.groups import ALL_PAIRS, ONE_STORE, PAIRS, SHARED
from fcspec.specimens.parametrized import PARAMETRIZED
from fcspec.specimens.sites import FLAT, NESTED, SITES, flat_parameter, nested_parameter


@clause("dicts.one")
@with_site(SITES)
def test_one_dict_is_enough(functional_call, site):
    values = fresh_values(site.module)

    assert equal(functional_call(site.module, values, site.x), oracle.result(site.module, values, site.x))


@clause("dicts.one")
@with_site((flat_parameter, nested_parameter))
def test_a_name_may_be_of_a_subclass_of_str(functional_call, names, site):
    values = fresh_values(site.module)
    other_text = {method: lambda self, *_: "another text" for method in ("__str__", "__repr__", "__format__")}
    kinds = type(names.type(), (str,), {}), type(names.type(), (str,), other_text)
    members = enum.Enum(names.type(), {f"NAME{number}": name for number, name in enumerate(values)}, type=str)

    for kind in (*kinds, members):
        given = {kind(name): value for name, value in values.items()}
        for flags in ({}, {"tie_weights": False}, {"strict": True}):
            assert equal(
                functional_call(site.module, given, site.x, **flags), oracle.result(site.module, values, site.x)
            )


@clause("dicts.one")
@with_site(SITES)
def test_the_order_of_one_dict_means_nothing(functional_call, site):
    values = dict(reversed(fresh_values(site.module).items()))

    assert equal(functional_call(site.module, values, site.x), oracle.result(site.module, values, site.x))


@clause("dicts.one")
def test_one_dict_is_enough_for_a_large_module(functional_call, names):
    module, x = nn.Sequential(*(flat_parameter(names).module for _ in range(40))), torch.ones(3)
    values = fresh_values(module)

    assert equal(functional_call(module, values, x), oracle.result(module, values, x))


SPLITS = {
    "one": lambda items: (dict(items),),
    "two": lambda items: (dict(items[:1]), dict(items[1:])),
    "two, backwards": lambda items: (dict(items[1:]), dict(items[:1])),
    "one each": lambda items: tuple({name: value} for name, value in reversed(items)),
    "with empty ones": lambda items: ({}, dict(items[:2]), {}, dict(items[2:]), {}),
}


@clause("dicts.tuple")
@pytest.mark.parametrize("split", SPLITS.values(), ids=SPLITS)
@with_site((flat_parameter, nested_parameter))
def test_a_tuple_of_dicts_acts_as_their_union(functional_call, site, split):
    values = fresh_values(site.module)

    result = functional_call(site.module, split(list(values.items())), site.x)

    assert equal(result, oracle.result(site.module, values, site.x))


@clause("dicts.tuple")
@pytest.mark.parametrize("nothing", [(), ({},), ({}, {})], ids=str)
@with_site(FLAT)
def test_a_tuple_of_nothing_gives_nothing(functional_call, site, nothing):
    assert equal(functional_call(site.module, nothing, site.x), site.module(site.x))


@clause("dicts.distinct")
@with_site((flat_parameter, nested_parameter))
def test_a_name_in_two_dicts_is_an_error_where_one_value_is_none(functional_call, site):
    functional_call(site.module, ({site.name: site.value()}, {}), site.x)

    for one, other in ((None, site.value()), (site.value(), None), (None, None)):
        with refused(site.module):
            functional_call(site.module, ({site.name: one}, {site.name: other}), site.x)


@clause("dicts.distinct")
@pytest.mark.parametrize("same", [True, False], ids=["same tensor", "other tensor"])
@pytest.mark.parametrize("flags", [{}, {"tie_weights": False}], ids=["default", "untied"])
@with_site((flat_parameter, *NESTED))
def test_a_name_in_two_dicts_is_an_error(functional_call, site, same, flags):
    value = site.value()
    again = value if same else site.value(2)
    functional_call(site.module, ({site.name: value}, {}, {site.other: again}), site.x, **flags)

    with refused(site.module):
        functional_call(site.module, ({site.name: value}, {}, {site.name: again}), site.x, **flags)


@clause("dicts.distinct")
@with_site(PARAMETRIZED)
def test_a_regular_name_in_two_dicts_is_an_error(functional_call, site):
    value = site.value()
    functional_call(site.module, ({site.name: value}, {}), site.x)

    with refused(site.module):
        functional_call(site.module, ({site.name: value}, {site.name: value}), site.x)


@clause("dicts.distinct")
@pytest.mark.parametrize("flags", [{}, {"tie_weights": False}], ids=["default", "untied"])
@with_site((flat_parameter, *NESTED[:2]))
def test_a_name_that_is_no_slots_in_two_dicts_is_an_error(functional_call, names, site, flags):
    new, value = site.sibling_name(names.attribute()), site.value()
    functional_call(site.module, ({}, {site.name: value}), site.x, **flags)  # that a new name is no error is strict.off

    with refused(site.module):
        functional_call(site.module, ({new: value}, {new: value}), site.x, **flags)


@clause("dicts.distinct-says-which")
@with_site((flat_parameter, nested_parameter))
def test_that_error_names_the_key(functional_call, site):
    values = {site.name: site.value()}
    functional_call(site.module, (values, {}), site.x)

    with refused(site.module) as error:
        functional_call(site.module, (values, {site.name: site.value(2)}), site.x)

    assert site.name in str(error.value)


class Inventive(dict[str, torch.Tensor]):
    """A dict that gives a value for keys that it does not hold, as defaultdict does."""

    def __missing__(self, key):
        return torch.zeros(3)


SUBCLASSES = {
    "OrderedDict": collections.OrderedDict,
    "defaultdict": lambda values: collections.defaultdict(lambda: torch.zeros(3), values),
    "own": Inventive,
}


@clause("dicts.subclass")
@pytest.mark.parametrize("subclass", SUBCLASSES.values(), ids=SUBCLASSES)
@pytest.mark.parametrize("flags", [{}, {"tie_weights": False}], ids=["default", "untied"])
@with_site((flat_parameter, nested_parameter))
def test_subclasses_of_dict_are_dicts(functional_call, site, subclass, flags):
    plain = {site.name: site.value()}
    values = subclass(plain)

    result = functional_call(site.module, values, site.x, **flags)

    assert equal(result, oracle.result(site.module, plain, site.x))
    assert list(values) == [site.name]


@clause("dicts.subclass")
@with_group(PAIRS)
def test_nothing_is_inserted_into_a_defaultdict_for_tied_names(functional_call, group):
    values = collections.defaultdict(lambda: torch.zeros(3), {group.names[0]: group.value()})

    functional_call(group.module, values, group.x)

    assert list(values) == [group.names[0]]


@clause("dicts.unchanged")
@with_site(SITES)
def test_a_dict_keeps_its_keys_their_order_and_their_objects(functional_call, site):
    values = dict(reversed(fresh_values(site.module).items()))
    before = list(values.items())

    functional_call(site.module, values, site.x)

    assert list(values) == [name for name, _ in before]
    assert identical([values[name] for name, _ in before], [value for _, value in before])


@clause("dicts.unchanged")
@with_site((flat_parameter, nested_parameter))
def test_each_dict_of_a_tuple_keeps_its_own(functional_call, site):
    one, two = {site.name: site.value()}, {site.other: site.value(2)}
    before = [*one.values(), *two.values()]

    functional_call(site.module, (one, {}, two), site.x)

    assert (list(one), list(two)) == ([site.name], [site.other])
    assert one[site.name] is before[0]
    assert two[site.other] is before[1]


@clause("dicts.unchanged")
@with_group(ALL_PAIRS)
def test_tied_names_are_not_added(functional_call, group):
    value = group.value()
    values = {group.names[-1]: value}

    functional_call(group.module, values, group.x)

    assert list(values) == [group.names[-1]]
    assert values[group.names[-1]] is value


@clause("dicts.unchanged")
@pytest.mark.parametrize("tie_weights", [True, False], ids=["tied", "untied"])
@with_group((*SHARED, *ONE_STORE))
def test_one_value_for_the_names_of_one_slot_stays_at_each(functional_call, group, tie_weights):
    value = group.value()
    values = dict.fromkeys(group.names, value)

    functional_call(group.module, values, group.x, tie_weights=tie_weights)

    assert identical([values[name] for name in group.names], [value] * 2)


@clause("dicts.unchanged")
@with_group((*SHARED, *ONE_STORE))
def test_equal_values_for_the_names_of_one_slot_stay_apart(functional_call, group):
    values = {name: group.value() for name in group.names}
    before = dict(values)

    with contextlib.suppress(Exception):  # untied two values for one slot may be refused: tie.shared-slot-off
        functional_call(group.module, values, group.x, tie_weights=False)

    assert identical([values[name] for name in group.names], [before[name] for name in group.names])


@clause("dicts.unchanged")
@with_site(FLAT)
def test_a_dict_keeps_its_objects_when_forward_raises(functional_call, site):
    values = {site.name: site.value(), site.other: site.value(2)}
    before = dict(values)
    site.in_forward(lambda owner: 1 / 0)

    with pytest.raises(ZeroDivisionError):
        functional_call(site.module, values, site.x)

    assert list(values) == list(before)
    assert identical([values[name] for name in before], [*before.values()])


@clause("dicts.mapping")
@pytest.mark.parametrize("mapping", [types.MappingProxyType, collections.ChainMap, collections.UserDict])
@with_site((flat_parameter,))
def test_a_mapping_that_is_no_dict(functional_call, site, mapping, observe):
    value, seen = site.value(), []
    site.in_forward(lambda owner: seen.append(site.current()))
    try:
        functional_call(site.module, mapping({site.name: value}), site.x)
        observe("accepted" if seen[0] is value else "ignored")
    except Exception as error:
        observe(type(error).__name__)


PAIRS_OF: dict[str, Any] = {
    "list": lambda name, value: [(name, value)],
    "iterator": lambda name, value: iter([(name, value)]),
    "items": lambda name, value: {name: value}.items(),
    "list in a tuple": lambda name, value: ([(name, value)],),
    "list among dicts": lambda name, value: ({}, [(name, value)]),
}


@clause("dicts.mapping")
@pytest.mark.parametrize("pairs", PAIRS_OF.values(), ids=PAIRS_OF)
@with_site((flat_parameter,))
def test_pairs_of_a_name_and_a_value(functional_call, site, pairs, observe):
    value, seen = site.value(), []
    site.in_forward(lambda owner: seen.append(site.current()))
    try:
        functional_call(site.module, pairs(site.name, value), site.x)
        observe("accepted" if seen[0] is value else "ignored")
    except Exception as error:
        observe(type(error).__name__)
