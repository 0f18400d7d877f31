"""restore: after a call that is refused the module is as before."""

import contextlib

import pytest
import torch
from torch import nn

from fcspec.cases.support.comparing import equal
from fcspec.plugin import clause
from fcspec.specimens.base import fresh_values, parameter, with_group, with_site
from fcspec.specimens.groups import ALL_PAIRS
from fcspec.specimens.parametrized import doubled, nested_doubled
from fcspec.specimens.sites import FLAT, NESTED
from fcspec.state.module_state import snapshot

FAULTS = {
    "name in two dicts": lambda site, good: ((good, {**good}), {}),
    "no dict among dicts": lambda site, good: ((good, None), {}),
    "value that is no tensor": lambda site, good: ({**good, site.other: 3.0}, {}),
    "such a value first": lambda site, good: ({site.other: 3.0, **good}, {}),
    "name that is no string": lambda site, good: ({**good, 4711: torch.ones(3)}, {}),
    "empty name": lambda site, good: ({**good, "": torch.ones(3)}, {}),
    "name without an owner": lambda site, good: ({**good, "nowhere.weight": torch.ones(3)}, {}),
    "such a name first": lambda site, good: ({"nowhere.weight": torch.ones(3), **good}, {}),
    "name of a flag": lambda site, good: ({**good, "training": torch.ones(3)}, {}),
    "missing names": lambda site, good: (good, {"strict": True}),
    "args that are no tuple": lambda site, good: (good, {"args": [site.x]}),
    "kwargs that are a tensor": lambda site, good: (good, {"kwargs": torch.ones(3)}),
    "kwargs that are a list": lambda site, good: (good, {"kwargs": [("x", site.x)]}),
    "a keyword that is no string": lambda site, good: (good, {"kwargs": {4711: site.x}}),
    "a keyword that forward does not take": lambda site, good: (good, {"kwargs": {"nothing": site.x}}),
    "name too many": lambda site, good: ({**fresh_values(site.module), "extra": torch.ones(3)}, {"strict": True}),
}


@clause("restore.rejected")
@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
@with_site(FLAT)
def test_a_refused_call_leaves_the_module_as_it_was(functional_call, site, fault):
    before = snapshot(site.module)
    values, flags = fault(site, {site.name: site.value()})

    with contextlib.suppress(Exception):  # that it is refused is the law of other clauses
        functional_call(site.module, values, **{"args": site.x, **flags})

    after = snapshot(site.module)
    assert after.parts("slots", "plain", "order") == before.parts("slots", "plain", "order")


@clause("restore.rejected")
@with_site((*FLAT, *NESTED[:2]))
def test_a_refused_call_leaves_no_new_name_behind(functional_call, names, site):
    key = names.attribute()
    before = snapshot(site.module)

    for extra in (torch.ones(3), parameter()):
        with contextlib.suppress(Exception):
            functional_call(site.module, {site.sibling_name(key): extra, "nowhere.weight": torch.ones(3)}, site.x)

        after = snapshot(site.module)
        assert after.parts("slots", "plain", "order") == before.parts("slots", "plain", "order")


@clause("restore.rejected")
@with_site((doubled, nested_doubled))
def test_a_refused_call_leaves_a_parametrized_tensor_as_it_was(functional_call, site):
    before, now = snapshot(site.module), site.current().detach().clone()

    for name in (site.name, *site.originals):
        with contextlib.suppress(Exception):
            functional_call(site.module, {name: site.value(), "nowhere.weight": site.value()}, site.x)

        assert equal(site.current(), now)
        assert snapshot(site.module).slots == before.slots


@clause("restore.rejected")
@pytest.mark.parametrize("where", ["instance", "class"])
@pytest.mark.parametrize("make", [lambda: torch.ones(3), parameter], ids=["tensor", "parameter"])
@with_site((*FLAT, *NESTED[:2]))
def test_a_refused_call_leaves_a_tensor_attribute_as_it_was(functional_call, names, site, where, make):
    key, own, value = names.attribute(), torch.rand(3), make()
    setattr(site.owner if where == "instance" else type(site.owner), key, own)
    before = snapshot(site.module)

    with contextlib.suppress(Exception):
        functional_call(site.module, {site.sibling_name(key): value, "nowhere.weight": site.value()}, site.x)

    assert getattr(site.owner, key) is own
    assert snapshot(site.module).parts("slots", "plain") == before.parts("slots", "plain")


@clause("restore.rejected")
def test_a_refused_call_leaves_a_spectral_norm_as_it_was(functional_call):
    module = nn.utils.parametrizations.spectral_norm(nn.Linear(3, 3))
    before = snapshot(module)

    with contextlib.suppress(Exception):
        functional_call(module, {"weight": torch.ones(3, 3), "nowhere.weight": torch.ones(3)}, torch.ones(3))

    assert snapshot(module).slots == before.slots


@clause("restore.rejected")
@with_group(ALL_PAIRS)
def test_a_refused_conflict_leaves_the_module_as_it_was(functional_call, group):
    before = snapshot(group.module)

    with contextlib.suppress(Exception):
        functional_call(group.module, dict(zip(group.names, map(group.value, (1, 2)), strict=True)), group.x)

    assert snapshot(group.module).slots == before.slots
