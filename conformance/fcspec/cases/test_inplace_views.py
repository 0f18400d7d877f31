"""inplace: forward binds to a given name another tensor over the memory of the given one, or of the module's own."""

import pytest
import torch
from torch import nn

from fcspec.plugin import clause
from fcspec.specimens.base import with_site
from fcspec.specimens.sites import FLAT, flat_parameter, nested_buffer

VIEWS = {
    "detached": lambda tensor: tensor.detach(),  # as modules do that cut the graph of the step before
    "view": lambda tensor: tensor.detach().view(-1),
    "part": lambda tensor: tensor.detach()[1:],
    "other shape": lambda tensor: tensor.detach().view(1, -1),
    "data": lambda tensor: tensor.data,
}


@clause("inplace.rebinding")
@pytest.mark.parametrize("view", VIEWS.values(), ids=VIEWS)
@with_site((*FLAT, nested_buffer))
def test_the_dict_holds_what_forward_bound_over_the_same_memory(functional_call, site, view):
    bound = []

    def act(owner, of_own):
        new = view(site.own if of_own else site.current())
        bound.append(nn.Parameter(new) if isinstance(site.own, nn.Parameter) else new)
        site.rebind(bound[-1])
        return torch.zeros(())

    for of_own in (False, True):
        values = {site.name: site.value().requires_grad_()}
        site.in_forward(lambda owner, of_own=of_own: act(owner, of_own))
        functional_call(site.module, values, site.x)

        assert values[site.name] is bound[-1]


@clause("inplace.rebinding")
@with_site((flat_parameter,))
def test_the_dict_holds_a_parameter_over_the_memory_of_the_given_one(functional_call, site):
    value = nn.Parameter(site.value())
    values, new = {site.name: value}, nn.Parameter(value.data)
    site.in_forward(lambda owner: site.rebind(new) or torch.zeros(()))

    functional_call(site.module, values, site.x)

    assert values[site.name] is new
