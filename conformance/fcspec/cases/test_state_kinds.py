"""state: whatever is given, and whether the call is accepted or refused, the process is as before."""

import random

import pytest

from fcspec.cases.support.various import various
from fcspec.plugin import clause
from fcspec.state import process_state

OF_GROUPS = {
    "state.rng": ("rng",),
    "state.defaults": ("defaults",),
    "state.modes": ("modes",),
    "state.torch": ("torch",),
    "state.interpreter": ("interpreter", "warnings"),
    "state.processes": ("processes",),
}


@pytest.mark.parametrize(
    "groups", [pytest.param(those, marks=clause(slug), id=slug) for slug, those in OF_GROUPS.items()]
)
def test_calls_of_many_kinds_leave_the_process_as_before(functional_call, names, groups):
    calls = [*various(names)]
    random.random()  # so that seeding again in a call would show; torch has drawn what the calls give
    before = process_state.snapshot(*groups)

    for call in calls:
        call.attempt(functional_call)

    changed = {name for name in functional_call.undone if name.partition(".")[0] in groups}
    changed |= process_state.difference(before, process_state.snapshot(*groups)).keys()
    assert changed - {"torch.Storage"} == set()  # which changes with the default dtype
