"""What a call does wherever it is made: in a backward pass, in a hook, in a call of another module, while an error is handled."""

import pytest
import torch
from torch import nn

from fcspec.cases.support.refusal import refused
from fcspec.cases.support.surroundings import surroundings
from fcspec.plugin import clause
from fcspec.specimens.base import fresh_values, parameter, probe
from fcspec.specimens.groups import tied_across_modules
from fcspec.specimens.parametrized import nested_doubled
from fcspec.specimens.sites import flat_buffer, flat_parameter, nested_buffer, nested_parameter
from fcspec.state.module_state import slots


def _sees_what_is_given(functional_call, names):
    site, seen = nested_parameter(names), []
    value = site.value()
    site.in_forward(lambda owner: seen.append(site.current()))
    functional_call(site.module, {site.name: value}, site.x)
    assert [one is value for one in seen] == [True]
    assert site.current() is site.own


def _sees_the_value_of_a_regular_name(functional_call, names):
    site, seen = nested_doubled(names), []
    value = site.value()
    site.in_forward(lambda owner: seen.append(site.current()))
    functional_call(site.module, {site.name: value}, site.x)
    assert [one is value for one in seen] == [True]
    assert torch.equal(site.current(), 2 * site.module.get_parameter(site.originals[0]))


def _writes_back(functional_call, names):
    for site in (flat_buffer(names), nested_parameter(names)):
        new, values = site.bindable(), {site.name: site.value()}
        site.in_forward(lambda owner, site=site, new=new: site.rebind(new))
        functional_call(site.module, values, site.x)
        assert values[site.name] is new
        assert site.current() is site.own


def _puts_keys_back(functional_call, names):
    for site in (flat_buffer(names), nested_buffer(names), flat_parameter(names)):
        before = [name for name, *_ in slots(site.module)]
        site.in_forward(lambda owner, site=site: delattr(owner, site.key) or torch.zeros(3))
        functional_call(site.module, {site.name: site.value()}, site.x)
        assert [name for name, *_ in slots(site.module)] == before
        assert site.current() is site.own


def _puts_lists_back(functional_call, names):
    module = nn.GRU(2, 2)
    functional_call(module, fresh_values(module), torch.rand(3, 2))
    assert all(map(lambda one, other: one is other, module._flat_weights, module.parameters()))


def _refuses_different_values(functional_call, names):
    group = tied_across_modules(names)
    functional_call(group.module, {group.names[0]: group.value()}, group.x)
    with refused(group.module):
        functional_call(group.module, {name: group.value(n) for n, name in enumerate(group.names)}, group.x)


def _refuses_what_is_missing(functional_call, names):
    module = probe(names, lambda self, x: x)
    keys = [names.attribute(), names.attribute()]
    for key in keys:
        module.register_parameter(key, parameter())
    functional_call(module, dict.fromkeys(keys, torch.ones(3)), torch.ones(3), strict=True)
    with refused(module):
        functional_call(module, {keys[0]: torch.ones(3)}, torch.ones(3), strict=True)


def _puts_back_what_stands_where_forward_raised(functional_call, names):
    site = nested_parameter(names)
    site.in_forward(lambda owner: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        functional_call(site.module, {site.name: site.value()}, site.x)
    assert site.current() is site.own


LAWS = {
    "restore.objects": _sees_what_is_given,
    "restore.order": _puts_keys_back,
    "restore.recurrent": _puts_lists_back,
    "restore.exception": _puts_back_what_stands_where_forward_raised,
    "parametrize.regular-name": _sees_the_value_of_a_regular_name,
    "inplace.rebinding": _writes_back,
    "tie.conflict": _refuses_different_values,
    "strict.missing": _refuses_what_is_missing,
}


@pytest.mark.parametrize("where", surroundings(None))
@pytest.mark.parametrize("law", [pytest.param(law, marks=clause(slug), id=slug) for slug, law in LAWS.items()])
def test_a_call_keeps_the_law_wherever_it_is_made(functional_call, names, law, where):
    made, broken = [], []

    def keep():
        """What says that it is broken is raised outside: a target could be around it here."""
        made.append(True)
        try:
            law(functional_call, names)
        except BaseException as error:
            broken.append(error)

    surroundings(functional_call)[where](keep)

    assert made == [True]
    for error in broken:
        raise error
