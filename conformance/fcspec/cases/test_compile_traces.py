"""compile: exported and traced calls, and tensors without data."""

import pytest
import torch
from torch import nn

from fcspec.cases.support import closeness  # noqa: F401
from fcspec.cases.support.release import RELEASE
from fcspec.plugin import Needs, clause, needs, unsupported
from fcspec.specimens import oracle
from fcspec.specimens.base import fresh_values, with_group, with_site
from fcspec.specimens.groups import tied_in_one_module
from fcspec.specimens.sites import FLAT, NESTED
from fcspec.state.module_state import snapshot

pytestmark = [pytest.mark.usefixtures("compiler"), needs(Needs.COMPILER)]


@clause("compile.export")
@pytest.mark.parametrize("strict", [False, True], ids=["traced", "strict"])
def test_a_module_whose_forward_makes_the_call_can_be_exported(functional_call, strict):
    first = (2, 10) if strict else (2, 8)
    if first > RELEASE:
        unsupported(f"export({strict=}) takes a module that closes over another one from torch 2.{first[1]} on")
    module = nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 2))
    values, x = fresh_values(module), torch.ones(2, 3)

    def wrap(call):
        class Outer(nn.Module):
            def forward(self, values, x):
                return call(module, values, (x,))

        return lambda *inputs: torch.export.export(Outer(), inputs, strict=strict)

    program = functional_call.through(wrap)(values, x)

    other = {name: value + 1 for name, value in values.items()}
    torch.testing.assert_close(program.module()(other, x), oracle.result(module, other, x))


@clause("compile.make-fx")
@pytest.mark.parametrize("mode", ["real", "fake", "symbolic"])
@with_site((*FLAT, *NESTED))
def test_make_fx_traces_the_given_values_as_inputs(functional_call, site, mode):
    from torch.fx.experimental.proxy_tensor import make_fx

    module, values = site.module, fresh_values(site.module)
    expected = oracle.result(module, values, site.x)
    zeros = {name: torch.zeros_like(value) for name, value in values.items()}

    def wrap(call):
        return make_fx(lambda values, x: call(module, values, (x,)), tracing_mode=mode)

    graph = functional_call.through(wrap)(zeros, site.x)

    torch.testing.assert_close(graph(values, site.x), expected)


@clause("compile.fake")
@with_site((*FLAT, *NESTED))
def test_fake_tensors_are_taken_and_the_module_comes_back(functional_call, site):
    from torch._subclasses.fake_tensor import FakeTensor, FakeTensorMode

    before = snapshot(site.module)
    with FakeTensorMode() as mode:
        values = {name: mode.from_tensor(value) for name, value in fresh_values(site.module).items()}

        result = functional_call(site.module, values, mode.from_tensor(site.x))

    assert isinstance(result, FakeTensor)
    assert result.shape == site.x.shape
    assert snapshot(site.module).slots == before.slots


@clause("compile.meta")
@with_site((*FLAT, *NESTED))
def test_meta_values_give_a_meta_result(functional_call, site):
    before = snapshot(site.module)
    values = {name: value.to("meta") for name, value in fresh_values(site.module).items()}

    result = functional_call(site.module, values, site.x.to("meta"))

    assert (result.device.type, result.shape) == ("meta", site.x.shape)
    assert snapshot(site.module).slots == before.slots


@clause("compile.meta")
@with_group((tied_in_one_module,))
def test_one_meta_value_serves_a_tied_group(functional_call, group):
    values = {name: value.to("meta") for name, value in fresh_values(group.module).items() if name not in group.names}
    values[group.names[0]] = group.value().to("meta")

    result = functional_call(group.module, values, group.x.to("meta"))

    assert result.device.type == "meta"


@clause("compile.meta")
def test_real_values_compute_through_a_module_on_the_meta_device(functional_call):
    module = nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 2))
    values, x = fresh_values(module), torch.ones(2, 3)
    skeleton = nn.Sequential(nn.Linear(3, 4, device="meta"), nn.ReLU(), nn.Linear(4, 2, device="meta"))

    actual = functional_call(skeleton, values, x)

    torch.testing.assert_close(actual, oracle.result(module, values, x))
    assert {parameter.device.type for parameter in skeleton.parameters()} == {"meta"}
