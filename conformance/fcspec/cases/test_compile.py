"""compile: compiled calls, and calls of compiled modules."""

import pytest
import torch
from torch import nn

from fcspec.cases.support import closeness  # noqa: F401
from fcspec.cases.support.comparing import equal
from fcspec.cases.support.compiling import compiled
from fcspec.plugin import Needs, clause, needs
from fcspec.specimens import oracle
from fcspec.specimens.base import fresh_values, with_group, with_site
from fcspec.specimens.groups import ALL_PAIRS, LARGE, SHARED, SHARED_BUFFERS
from fcspec.specimens.sites import FLAT, NESTED
from fcspec.state.module_state import snapshot

pytestmark = [pytest.mark.usefixtures("compiler"), needs(Needs.COMPILER)]


@clause("compile.fullgraph")
@with_site((*FLAT, *NESTED))
@pytest.mark.parametrize("backend", ["eager", "aot_eager"])
def test_a_compiled_call_gives_what_a_plain_one_gives(functional_call, site, backend):
    values = fresh_values(site.module)
    expected = oracle.result(site.module, values, site.x)

    actual = compiled(functional_call, site.module, backend)(values, site.x)

    torch.testing.assert_close(actual, expected)


@clause("compile.fullgraph")
@pytest.mark.parametrize("flags", [{"strict": True}, {"tie_weights": False}], ids=["strict", "untied"])
def test_flags_compile(functional_call, flags):
    module = nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 2))
    values, x = fresh_values(module), torch.ones(2, 3)

    actual = compiled(functional_call, module, **flags)(values, x)

    torch.testing.assert_close(actual, oracle.result(module, values, x))


@clause("compile.tuple")
@pytest.mark.parametrize("backend", ["eager", "aot_eager"])
def test_a_tuple_of_dicts_compiles(functional_call, backend):
    module = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4)).eval()
    values, x = fresh_values(module), torch.ones(2, 3)
    parameters = {name: values.pop(name) for name, _ in module.named_parameters()}

    actual = compiled(functional_call, module, backend)((parameters, values), x)

    torch.testing.assert_close(actual, oracle.result(module, parameters | values, x))


@clause("compile.tied")
@with_group(ALL_PAIRS)
def test_one_name_of_a_tied_group_serves_all(functional_call, group):
    values = {group.names[0]: group.value()}
    expected = oracle.result(group.module, values, group.x)

    actual = compiled(functional_call, group.module)(values, group.x)

    torch.testing.assert_close(actual, expected)


@clause("compile.tied")
@with_group((*ALL_PAIRS, *LARGE))
def test_one_object_for_every_name_of_a_tied_group_compiles(functional_call, group):
    values = dict.fromkeys(group.names, group.value())
    expected = oracle.result(group.module, values, group.x)

    actual = compiled(functional_call, group.module)(values, group.x)

    torch.testing.assert_close(actual, expected)


@clause("compile.tied")
@with_group(LARGE)
def test_one_object_for_some_names_of_a_large_group_compiles(functional_call, group):
    values = dict.fromkeys(group.names[:2], group.value())
    expected = oracle.result(group.module, values, group.x)

    actual = compiled(functional_call, group.module)(values, group.x)

    torch.testing.assert_close(actual, expected)


@clause("compile.grad")
@pytest.mark.parametrize("backend", ["eager", "aot_eager"])
def test_backward_of_a_compiled_call_reaches_the_given_tensors(functional_call, backend):
    module = nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 2))
    values = {name: value.requires_grad_() for name, value in fresh_values(module).items()}
    x = torch.linspace(-1, 1, 6).reshape(2, 3)
    expected = torch.autograd.grad(oracle.result(module, values, x).sum(), list(values.values()))

    compiled(functional_call, module, backend)(values, x).sum().backward()

    torch.testing.assert_close([value.grad for value in values.values()], list(expected))
    assert [parameter.grad for parameter in module.parameters()] == [None] * 4


@clause("compile.grad")
def test_grad_of_a_call_compiles(functional_call):
    module = nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 2))
    values, x = fresh_values(module), torch.linspace(-1, 1, 6).reshape(2, 3)
    tracked = {name: value.clone().requires_grad_() for name, value in values.items()}
    expected = torch.autograd.grad(oracle.result(module, tracked, x).sum(), list(tracked.values()))

    def wrap(call):
        def loss(values, x):
            return call(module, values, (x,)).sum()

        return torch.compile(torch.func.grad(loss), backend="eager", fullgraph=True)

    actual = functional_call.through(wrap)(values, x)

    torch.testing.assert_close(list(actual.values()), list(expected))


@clause("compile.inplace")
@pytest.mark.parametrize("backend", ["eager", "aot_eager"])
def test_running_statistics_are_updated_in_the_given_tensors(functional_call, backend):
    module = nn.BatchNorm1d(3)
    values = {name: buffer.clone() for name, buffer in module.named_buffers()}
    x = torch.linspace(-1, 1, 12).reshape(4, 3)
    plain = oracle.holding(module, {name: value.clone() for name, value in values.items()})
    plain(x)
    before = snapshot(module)

    compiled(functional_call, module, backend)(values, x)

    torch.testing.assert_close(values, dict(plain.named_buffers()))
    assert snapshot(module).slots == before.slots


@clause("compile.restore")
@with_site((*FLAT, *NESTED))
def test_the_module_is_as_before_a_compiled_call(functional_call, site):
    before, values = snapshot(site.module), fresh_values(site.module)
    run = compiled(functional_call, site.module)

    run(values, site.x)
    after_first = snapshot(site.module)
    run(values, site.x)

    assert after_first.slots == before.slots
    assert snapshot(site.module).slots == before.slots


@clause("compile.restore")
@with_group((*SHARED, *SHARED_BUFFERS))
def test_a_module_with_a_shared_submodule_is_as_before_a_compiled_call(functional_call, group):
    before = snapshot(group.module)

    compiled(functional_call, group.module)({group.names[0]: group.value()}, group.x)

    assert snapshot(group.module).slots[group.names[0]] == before.slots[group.names[0]]
    assert snapshot(group.module).slots[group.names[1]] == before.slots[group.names[1]]


@clause("compile.recompile")
@with_site((*FLAT, *NESTED))
def test_new_values_of_the_same_shape_compile_nothing_anew(functional_call, site):
    graphs = []

    def counting(graph, inputs):
        graphs.append(graph)
        return graph.forward

    run = compiled(functional_call, site.module, counting)
    run(fresh_values(site.module), site.x)
    first = len(graphs)
    values = {name: value + 1 for name, value in fresh_values(site.module).items()}

    actual = run(values, site.x)

    assert first == 1, f"the first call compiled {first} graphs, expected 1"
    assert len(graphs) == 1, f"{len(graphs)} graphs compiled after a call with new values, expected 1"
    torch.testing.assert_close(actual, oracle.result(site.module, values, site.x))


@clause("compile.optimized-module")
@with_site(FLAT)
def test_names_of_a_compiled_module_lead_through_orig_mod(functional_call, site):
    module, values = site.module, fresh_values(site.module)
    expected, before = oracle.result(module, values, site.x), snapshot(module)
    optimized = torch.compile(module, backend="eager")

    actual = functional_call(optimized, {f"_orig_mod.{name}": value for name, value in values.items()}, site.x)

    torch.testing.assert_close(actual, expected)
    assert snapshot(module).slots == before.slots


@clause("compile.optimized-module")
def test_a_compiled_module_computes_anew_with_each_value(functional_call):
    module = torch.compile(nn.Linear(3, 2), backend="eager")
    names = [name for name, _ in module.named_parameters()]
    x = torch.ones(1, 3)
    for number in (1.0, 2.0):
        values = {name: torch.full_like(module.get_parameter(name), number) for name in names}

        actual = functional_call(module, values, x)

        assert equal(actual, torch.full((1, 2), 4 * number).detach())
