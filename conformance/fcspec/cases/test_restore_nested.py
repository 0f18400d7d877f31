"""restore: a call in forward gives back what the outer call gave, for a name of whatever kind that both give."""

import contextlib

import pytest
import torch
from torch import nn

from fcspec.cases.support.comparing import identical
from fcspec.cases.support.outcomes import returns_or_raises
from fcspec.plugin import clause
from fcspec.specimens.base import with_site
from fcspec.specimens.sites import nested_parameter

PLACES = {
    "nothing": lambda owner: (),
    "instance": lambda owner: (owner,),
    "class": lambda owner: (type(owner),),
    "both": lambda owner: (owner, type(owner)),
}
"""Where a tensor stands that is neither parameter nor buffer."""

VALUES = (lambda: torch.ones(3), lambda: nn.Parameter(torch.ones(3)))


@clause("restore.nested")
@returns_or_raises
@pytest.mark.parametrize("places", PLACES.values(), ids=PLACES)
@with_site((nested_parameter,))
def test_a_call_in_forward_gives_the_name_of_no_slot_its_value_back(functional_call, names, site, places, fails):
    key, seen = names.attribute(), []
    for place in places(site.owner):
        setattr(place, key, torch.zeros(3))

    def act(owner):
        seen.append(getattr(owner, key, None))
        if len(seen) == 1:
            with contextlib.suppress(Exception):  # the name may be refused, or forward raises
                functional_call(site.module, {name: inner}, site.x)
            seen.append(getattr(owner, key, None))
        return 1 / 0 if len(seen) == 2 and fails else site.x

    site.in_forward(act)
    name = site.sibling_name(key)
    for make in VALUES:
        outer, inner = make(), make()
        seen.clear()
        with contextlib.suppress(Exception):
            functional_call(site.module, {name: outer}, site.x)

        assert not seen or seen[0] is not outer or identical(seen[-1:], [outer])
