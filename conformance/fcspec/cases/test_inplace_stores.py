"""inplace: forward binds a given name to what the module keeps in another of its stores."""

import pytest
import torch
from torch import nn

from fcspec.plugin import clause
from fcspec.specimens.base import with_site
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
    bound = []

    def act(owner):
        bind(owner, site.key, torch.rand(3))
        bound.append(getattr(owner, site.key))
        return torch.zeros(())

    site.in_forward(act)
    values = {site.name: site.value()}
    functional_call(site.module, values, site.x)

    assert values[site.name] is bound[0]
