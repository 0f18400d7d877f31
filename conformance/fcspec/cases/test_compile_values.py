"""compile: values that traces tell apart, or lose: different ones for tied names, parameters bound anew, fake tensors."""

import pytest
import torch
from torch import nn

from fcspec.cases.support.comparing import equal, identical
from fcspec.cases.support.compiling import compiled
from fcspec.plugin import Needs, clause, needs
from fcspec.specimens import oracle
from fcspec.specimens.base import with_group, with_site
from fcspec.specimens.groups import ALL_PAIRS, LARGE, PAIRS
from fcspec.specimens.sites import BUFFERS, flat_buffer, flat_parameter

pytestmark = [pytest.mark.usefixtures("compiler"), needs(Needs.COMPILER)]


@clause("compile.fullgraph")
@with_group((*PAIRS, *LARGE[:1]))
def test_each_tied_name_has_its_own_value_in_a_compiled_call_without_ties(functional_call, group):
    values = {name: group.value(seed) for seed, name in enumerate(group.names)}
    expected = oracle.result(group.module, values, group.x, tied=False)

    assert equal(compiled(functional_call, group.module, tie_weights=False)(values, group.x), expected)


@clause("compile.fullgraph")
@with_site((flat_parameter,))
def test_the_dict_of_a_compiled_call_holds_a_parameter_that_forward_bound_as_that_of_a_plain_one(functional_call, site):
    """What forward binds is the parameter of another name."""
    site.in_forward(lambda owner: setattr(owner, site.key, getattr(owner, site.other)) or site.x)

    def wrap(call):
        def step(value, other):
            values = {site.name: value, site.other: other}
            call(site.module, values, (site.x,))
            return values[site.name] * 2

        return torch.compile(step, backend="eager", fullgraph=True)

    given = [nn.Parameter(site.value(seed)) for seed in (1, 2)]

    assert equal(functional_call.through(wrap)(*given), given[1] * 2)


@clause("compile.make-fx")
@pytest.mark.parametrize("mode", ["real", "fake", "symbolic"])
@with_site((flat_buffer, BUFFERS[1]))
def test_make_fx_traces_what_forward_bound_to_a_given_buffer(functional_call, site, mode):
    from torch.fx.experimental.proxy_tensor import make_fx

    site.in_forward(lambda owner: setattr(owner, site.key, site.current() + 1) or site.x)

    def wrap(call):
        def step(value, x):
            values = {site.name: value}
            call(site.module, values, (x,))
            return values[site.name] * 2

        return make_fx(step, tracing_mode=mode)

    graph = functional_call.through(wrap)(site.value(), site.x)

    assert equal(graph(site.value(2), site.x), (site.value(2) + 1) * 2)


@clause("compile.fake")
@with_group(ALL_PAIRS)
def test_a_fake_tensor_for_one_name_is_in_force_for_a_tied_group(functional_call, group):
    from torch._subclasses.fake_tensor import FakeTensorMode

    seen = []
    group.in_forward(lambda module: seen.extend(group.current()) or group.x)
    with FakeTensorMode() as mode:
        value = mode.from_tensor(group.value())
        functional_call(group.module, {group.names[1]: value}, mode.from_tensor(group.x))

    assert identical(seen, [value, value])
