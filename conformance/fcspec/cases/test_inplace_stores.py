"""inplace: forward binds a given name to what the module keeps in another of its stores."""

import pytest
import torch
from torch import nn

from fcspec.plugin import clause
from fcspec.specimens.base import probe, with_site
from fcspec.specimens.sites import FLAT, NESTED


def _assign_a_parameter(owner, key, new):
    setattr(owner, key, nn.Parameter(new))


def _register_a_parameter(owner, key, new):
    delattr(owner, key)
    owner.register_parameter(key, nn.Parameter(new))


def _register_a_buffer(owner, key, new):
    delattr(owner, key)
    owner.register_buffer(key, new)


def _register_a_buffer_that_is_not_persistent(owner, key, new):
    delattr(owner, key)
    owner.register_buffer(key, new, persistent=False)


def _assign_an_attribute(owner, key, new):
    delattr(owner, key)
    setattr(owner, key, new)


BINDINGS = (
    _assign_a_parameter,
    _register_a_parameter,
    _register_a_buffer,
    _register_a_buffer_that_is_not_persistent,
    _assign_an_attribute,
)


@clause("inplace.rebinding")
@pytest.mark.parametrize("bind", BINDINGS, ids=lambda bind: bind.__name__.strip("_").replace("_", " "))
@with_site((*FLAT, *NESTED))
def test_the_dict_holds_what_forward_bound_wherever_the_module_keeps_it(functional_call, site, bind):
    """In a plain attribute or the other store the entry may stay: inplace.only-tensors."""
    value, bound, is_elsewhere = site.value(), [], []

    def act(owner):
        store = owner._parameters if site.key in owner._parameters else owner._buffers
        bind(owner, site.key, torch.rand(3))
        bound.append(getattr(owner, site.key))
        is_elsewhere.append(site.key not in store)
        return torch.zeros(())

    site.in_forward(act)
    values = {site.name: value}
    functional_call(site.module, values, site.x)

    assert values[site.name] is (value if is_elsewhere[0] and values[site.name] is value else bound[0])


@clause("inplace.rebinding-tuple")
@pytest.mark.parametrize("flags", [{"tie_weights": False}, {"tie_weights": True}], ids=["untied", "tied"])
@pytest.mark.parametrize("position", [0, 1])
@with_site((*FLAT, *NESTED))
def test_the_dict_of_a_tuple_that_held_the_name_holds_what_forward_bound_under_all_flags(
    functional_call, site, position, flags
):
    dicts, new = ({site.other: site.value(2)}, {}), site.bindable()
    dicts[position][site.name] = site.value()
    site.in_forward(lambda owner: setattr(owner, site.key, new) or torch.zeros(()))
    functional_call(site.module, dicts, site.x, **flags)

    assert dicts[position][site.name] is new


@clause("inplace.rebinding")
@pytest.mark.parametrize("kind", ["parameter", "buffer"])
def test_the_dict_holds_what_forward_bound_where_none_was_registered(functional_call, names, kind):
    module, key, bound = probe(names), names.attribute(), []
    getattr(module, f"register_{kind}")(key, None)

    def bind(self):
        setattr(self, key, nn.Parameter(torch.zeros(3)) if kind == "parameter" else torch.zeros(3))
        bound.append(getattr(self, key))
        return torch.zeros(())

    type(module).in_forward = bind
    values = {key: nn.Parameter(torch.ones(3)) if kind == "parameter" else torch.ones(3)}
    functional_call(module, values, torch.ones(3))

    assert values[key] is bound[0]
    assert getattr(module, key) is None
