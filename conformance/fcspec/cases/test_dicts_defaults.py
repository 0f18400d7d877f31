"""dicts: a dict with a default is read as it is."""

import collections

import torch

from fcspec.plugin import clause
from fcspec.specimens.base import with_site
from fcspec.specimens.sites import nested_buffer


@clause("dicts.subclass")
@with_site((nested_buffer,))
def test_a_dict_with_a_default_beside_another_one_gets_no_entry(functional_call, site):
    """Forward binds a name that the other one has: that it gets there is inplace.rebinding-tuple."""
    site.in_forward(lambda owner: setattr(owner, site.key, site.bindable()) or torch.zeros(()))
    for order in (1, -1):
        defaults = collections.defaultdict(lambda: torch.zeros(3), {site.other: site.value()})
        other = {site.name: site.value()}
        functional_call(site.module, (defaults, other)[::order], site.x)

        assert ([*defaults], [*other]) == ([site.other], [site.name])
