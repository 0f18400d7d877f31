"""drop-in: names and values that a module does not have, in their odder forms."""

import pytest
import torch
from torch import nn

from fcspec.plugin import clause
from fcspec.specimens.base import fresh_values, with_site
from fcspec.specimens.sites import FLAT, flat_parameter, nested_parameter


@clause("drop-in.extra-name")
@pytest.mark.parametrize("key", ["0", "a-b", "a b", "größe", "class", "mro", "weight:0"])
@with_site((flat_parameter, nested_parameter))
def test_a_new_name_may_be_called_anything(functional_call, site, key):
    value, seen = torch.rand(3), []
    site.in_forward(lambda owner: (seen.append(getattr(owner, key)), site.x)[1])

    functional_call(site.module, {site.name: site.value(), site.sibling_name(key): value}, site.x)

    assert seen[0] is value
    assert not hasattr(site.owner, key)


@clause("drop-in.none-value")
@with_site(FLAT)
def test_none_is_a_value_under_strict(functional_call, site):
    values, seen = fresh_values(site.module) | {site.name: None}, []
    site.in_forward(lambda owner: (seen.append(site.current()), site.x)[1])

    functional_call(site.module, values, site.x, strict=True)

    assert seen == [None]


@clause("drop-in.list")
@with_site((flat_parameter, nested_parameter))
def test_the_dicts_of_a_list_hold_what_forward_bound_where_those_of_a_tuple_do(functional_call, site):
    def is_held(kind):
        dicts, new = kind([{site.other: site.value(2)}, {site.name: site.value()}]), site.bindable()
        site.in_forward(lambda owner: (setattr(owner, site.key, new), site.x)[1])
        functional_call(site.module, dicts, site.x)
        return dicts[1][site.name] is new

    assert is_held(list) is is_held(tuple)  # that it is held is the law of inplace.rebinding-tuple


@clause("drop-in.extra-name")
@with_site((flat_parameter, nested_parameter))
def test_a_parameter_of_any_class_is_registered(functional_call, names, site):
    """nn.Parameter makes one of another class of a tensor of a subclass: isinstance says that it is a Parameter."""
    own_class = type(names.type(), (nn.Parameter,), {})
    tensor_class = type(names.type(), (torch.Tensor,), {})
    for value in (own_class(torch.ones(3)), nn.Parameter(torch.ones(3).as_subclass(tensor_class))):
        key, seen = names.attribute(), []
        site.in_forward(lambda owner, seen=seen: seen.extend(owner.parameters()) or site.x)
        functional_call(site.module, {site.sibling_name(key): value}, site.x)

        assert any(one is value for one in seen)
        assert not hasattr(site.owner, key)
