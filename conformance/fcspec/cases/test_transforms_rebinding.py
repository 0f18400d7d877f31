"""transforms: what forward binds inside a transform is in the dict after the call, so that one step can follow another."""

import pytest
import torch
from torch.func import grad, jvp, vjp, vmap

from fcspec.cases.support import closeness  # noqa: F401
from fcspec.plugin import Needs, clause, needs
from fcspec.specimens.base import with_site
from fcspec.specimens.sites import BUFFERS
from fcspec.state.module_state import snapshot

pytestmark = needs(Needs.TRANSFORMS)


def _step(functional_call, site, state, factor):
    """The next state: the buffer that forward binds, state * factor + 1."""
    site.in_forward(lambda owner: setattr(owner, site.key, site.current() * factor + 1) or site.x)
    values = {site.name: state}
    functional_call(site.module, values, site.x)
    return values[site.name]


TWO_STEPS = {
    "grad": lambda two, x: grad(lambda state: two(state, x).sum())(x),
    "grad of the factor": lambda two, x: grad(lambda factor: two(x, factor).sum())(x),
    "vmap": lambda two, x: vmap(two)(torch.stack([x, x + 1]), torch.stack([x, x])),
    "vmap of the factor": lambda two, x: vmap(lambda factor: two(x, factor))(torch.stack([x, x + 1])),
    "jvp": lambda two, x: jvp(two, (x, x), (torch.ones(3), torch.ones(3))),
    "vjp": lambda two, x: vjp(two, x, x)[1](torch.ones(3)),
    "vmap of grad": lambda two, x: vmap(grad(lambda state: two(state, x).sum()))(torch.stack([x, x + 1])),
    "functionalize": lambda two, x: torch.func.functionalize(two)(x, x),
}


@clause("transforms.rebinding")
@pytest.mark.parametrize("transform", TWO_STEPS.values(), ids=TWO_STEPS)
@with_site(BUFFERS)
def test_a_state_leads_to_the_next_inside_a_transform(functional_call, site, transform):
    before = snapshot(site.module)

    def two_steps(state, factor):
        return _step(functional_call, site, _step(functional_call, site, state, factor), factor)

    found = transform(two_steps, site.value())

    expected = transform(lambda state, factor: (state * factor + 1) * factor + 1, site.value())
    torch.testing.assert_close(found, expected)
    assert snapshot(site.module).slots == before.slots
