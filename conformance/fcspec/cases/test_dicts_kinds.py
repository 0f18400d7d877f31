"""dicts: dicts that are odd but legal, one that stands twice; names that a property computes."""

import collections
import itertools

import pytest
import torch

from fcspec.cases.support.comparing import equal
from fcspec.cases.support.odd_dicts import Computing, Elsewhere, Moving
from fcspec.cases.support.refusal import refused
from fcspec.plugin import clause
from fcspec.specimens import oracle
from fcspec.specimens.base import fresh_values, with_group, with_site
from fcspec.specimens.computed import COMPUTED
from fcspec.specimens.groups import PAIRS
from fcspec.specimens.sites import FLAT, flat_parameter, nested_parameter


@clause("dicts.distinct")
@with_site((flat_parameter, nested_parameter))
def test_one_dict_twice_in_a_tuple_is_an_error(functional_call, site):
    values, empty = {site.name: site.value()}, {}
    for flags in ({}, {"tie_weights": False}):
        functional_call(site.module, (values, empty, empty), site.x, **flags)

        with refused(site.module):
            functional_call(site.module, (values, empty, values), site.x, **flags)


@clause("dicts.distinct")
@with_site((nested_parameter,))
def test_a_new_name_in_two_dicts_is_an_error(functional_call, names, site):
    new, value = site.sibling_name(names.attribute()), site.value()
    functional_call(site.module, ({site.name: value}, {}), site.x)  # that a new name is no error is strict.off

    with refused(site.module):
        functional_call(site.module, ({site.name: value, new: value}, {new: value}), site.x)


class Falsy(dict[str, torch.Tensor]):
    """A dict that is false, whatever it holds."""

    def __bool__(self):
        return False


class WithoutTruth(collections.OrderedDict[str, torch.Tensor]):
    """A dict that, like a tensor, says nothing about its truth."""

    def __bool__(self):
        raise ValueError("ambiguous")


class Unhashable(dict[str, torch.Tensor]):
    """A dict that equals nothing."""

    def __eq__(self, other):
        raise ValueError("ambiguous")

    __hash__ = None


@clause("dicts.subclass")
@pytest.mark.parametrize("kind", [Falsy, WithoutTruth, Unhashable])
@with_site((nested_parameter,))
def test_the_truth_and_equality_of_a_dict_mean_nothing(functional_call, site, kind):
    values = fresh_values(site.module)
    expected = oracle.result(site.module, values, site.x)
    some = {name: value for name, value in values.items() if name != site.name}

    several = (kind(some), kind({site.name: values[site.name]}), kind())
    for flags in ({}, {"tie_weights": False}, {"strict": True}):
        assert equal(functional_call(site.module, kind(values), site.x, **flags), expected)
        assert equal(functional_call(site.module, several, site.x, **flags), expected)


@clause("dicts.subclass")
@pytest.mark.parametrize("kind", [Elsewhere, Computing, Moving])
@with_site((nested_parameter,))
def test_a_dict_may_keep_its_entries_elsewhere_or_make_them(functional_call, site, kind):
    values = fresh_values(site.module)
    expected = oracle.result(site.module, values, site.x)
    kept = values if kind is not Computing else {name: lambda value=value: value for name, value in values.items()}

    for flags in ({}, {"tie_weights": False}, {"strict": True}):
        assert equal(functional_call(site.module, kind(kept), site.x, **flags), expected)
        assert equal(functional_call(site.module, ({}, kind(kept)), site.x, **flags), expected)


@clause("dicts.subclass")
@pytest.mark.parametrize("position", [0, 1])
@with_site(FLAT)
def test_nothing_is_inserted_into_a_defaultdict_whichever_dict_holds_what_forward_binds(
    functional_call, site, position
):
    dicts = [collections.defaultdict(site.value, {name: site.value()}) for name in (site.name, site.other)]
    site.in_forward(lambda owner: site.rebind(site.bindable()) or site.x)

    functional_call(site.module, tuple(dicts[::-1] if position else dicts), site.x)

    assert [[*one] for one in dicts] == [[site.name], [site.other]]


class Loading(dict[str, torch.Tensor]):
    """A dict that loads a value whenever it is asked for it."""

    def __init__(self, values):
        super().__init__(values)
        self.loaded = []

    def _load(self, name):
        self.loaded.append(name)
        return dict.__getitem__(self, name)

    def __getitem__(self, name):
        return self._load(name)

    def get(self, name, default=None):
        return self._load(name) if name in self else default

    def items(self):
        return [(name, self._load(name)) for name in self]

    def values(self):
        return [self._load(name) for name in self]


@clause("dicts.read-once")
@pytest.mark.parametrize("flags", [{}, {"tie_weights": False}, {"strict": True}], ids=["default", "untied", "strict"])
@with_site((nested_parameter,))
def test_each_value_is_read_once(functional_call, site, flags):
    for several, bound in itertools.product((False, True), repeat=2):
        values = Loading(fresh_values(site.module))
        site.in_forward(lambda owner, bound=bound: site.rebind(site.bindable()) if bound else None)

        functional_call(site.module, (values, {}) if several else values, site.x, **flags)

        assert len(values.loaded) == len(set(values.loaded)), f"read {values.loaded}, expected each name once"


@clause("dicts.read-once")
@with_group(PAIRS[1:2])
def test_each_value_of_a_tied_group_is_read_once(functional_call, group):
    values = Loading(dict.fromkeys(group.names, group.value()))

    functional_call(group.module, values, group.x)

    assert len(values.loaded) == len(set(values.loaded)), f"read {values.loaded}, expected each name once"


@clause("dicts.computed-name")
@with_site(COMPUTED)
def test_the_name_of_a_property_that_returns_a_tensor(functional_call, site, observe):
    value, seen = site.value(), []
    site.in_forward(lambda owner: seen.append(getattr(owner, site.computed)))
    try:
        functional_call(site.module, {site.computed_name: value}, site.x)
        observe("used" if seen[0] is value else "ignored")
    except Exception as error:
        false = ", and is said to be no tensor" if "not an instance" in str(error) else ""
        observe(f"{type(error).__name__} {'after' if seen else 'before'} forward{false}")


class _Noted(dict[str, torch.Tensor]):
    """A dict that has attributes, as that of `state_dict()` has."""


@clause("dicts.unchanged")
@with_site((flat_parameter, nested_parameter))
def test_a_dict_keeps_its_attributes(functional_call, site):
    one, two = _Noted({site.name: site.value()}), _Noted({site.other: site.value(2)})
    one.note, listed = 3, site.module.state_dict()

    functional_call(site.module, (one, two), site.x)
    for flags in ({}, {"tie_weights": False}):
        before = dict(vars(listed))
        functional_call(site.module, listed, site.x, **flags)

        assert vars(listed) == before
    assert (vars(one), vars(two)) == ({"note": 3}, {})
