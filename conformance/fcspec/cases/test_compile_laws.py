"""compile: what a plain call promises and a trace can lose: regular names, rebindings, errors, calls in calls."""

from collections.abc import Callable

import pytest
import torch
from torch import nn

from fcspec.cases.support import closeness  # noqa: F401
from fcspec.cases.support.comparing import equal
from fcspec.cases.support.compiling import compiled, require_deleting
from fcspec.plugin import Needs, clause, needs
from fcspec.specimens import oracle
from fcspec.specimens.base import fresh_values, probe, with_group, with_site
from fcspec.specimens.groups import PAIRS, SHARED_BUFFERS
from fcspec.specimens.parametrized import PARAMETRIZED, chained, doubled, nested_doubled, squared
from fcspec.specimens.sites import BUFFERS, FLAT, NESTED, flat_buffer
from fcspec.state.module_state import snapshot

pytestmark = [pytest.mark.usefixtures("compiler"), needs(Needs.COMPILER)]


def _sum(self, x):
    return x + sum(self.parameters()) + self.plain * 2


ODD_VALUES = {
    "plain attribute": {"plain": torch.tensor(3.0)},
    "none": {"weight": None},
}


@clause("compile.fullgraph")
@pytest.mark.parametrize("values", ODD_VALUES.values(), ids=ODD_VALUES)
def test_what_a_plain_call_takes_beyond_slots_a_compiled_one_takes_too(functional_call, names, values):
    """Whether a plain call takes them is judged in other profiles."""
    module, x = probe(names, _sum), torch.tensor(1.0)
    module.weight, module.bias = nn.Parameter(torch.tensor(2.0)), nn.Parameter(torch.tensor(5.0))
    module.plain = torch.tensor(7.0)
    try:
        expected = functional_call(module, values, x)
    except Exception:
        return

    assert equal(compiled(functional_call, module)(values, x), expected)


NEW_VALUES: dict[str, Callable[[], torch.Tensor | None]] = {
    "tensor": lambda: torch.tensor(4.0),
    "parameter": lambda: nn.Parameter(torch.tensor(4.0)),
    "buffer": lambda: nn.Buffer(torch.tensor(4.0)),
    "none": lambda: None,
}


def _count(self, x):
    """What a call of a module shows of a new name: its value, and what is registered."""
    value = self.extra if self.extra is not None else 7
    return x + value + 10 * sum(self.parameters()) + 1000 * sum(self.buffers())


@clause("compile.fullgraph")
@pytest.mark.parametrize("make", NEW_VALUES.values(), ids=NEW_VALUES)
def test_a_new_name_is_in_a_compiled_call_what_it_is_in_a_plain_one_if_it_is_taken(functional_call, names, make):
    """Either call may refuse it."""
    module, x = probe(names, _count), torch.tensor(1.0)
    module.weight = nn.Parameter(torch.tensor(2.0))
    module.register_buffer("shift", torch.tensor(3.0))
    try:
        values = {"extra": make(), "weight": torch.tensor(5.0)}
        expected = functional_call(module, values, x)
        result = compiled(functional_call, module)(values, x)
    except Exception:
        return

    assert equal(result, expected)


@clause("compile.regular-name")
@with_site((*PARAMETRIZED, chained, squared))
def test_a_regular_name_disables_the_parametrization_in_a_compiled_call(functional_call, site):
    site.in_forward(lambda owner: site.current() * 3)
    before, run = snapshot(site.module), compiled(functional_call, site.module)
    for seed in (1, 2):
        value = site.value(seed)

        assert equal(run({site.name: value}, site.x), value * 3)

    assert snapshot(site.module).slots == before.slots


@clause("compile.regular-name")
@with_site((doubled, nested_doubled))
def test_parameters_are_listed_as_ever_beside_a_disabled_parametrization_in_a_compiled_call(functional_call, site):
    value, count = site.value(), len([*site.module.named_parameters()])
    site.in_forward(lambda owner: site.current() * len([*site.module.named_parameters()]))

    result = compiled(functional_call, site.module)({site.name: value}, site.x)

    assert equal(result, value * count)


@clause("compile.regular-name")
@with_site((doubled, nested_doubled))
def test_the_gradient_of_a_compiled_call_reaches_what_is_given_for_a_regular_name(functional_call, site):
    value = site.value().requires_grad_()
    site.in_forward(lambda owner: site.current() * 3)

    compiled(functional_call, site.module)({site.name: value}, site.x).sum().backward()

    assert value.grad.tolist() == [3, 3, 3]


@clause("compile.rebinding")
@pytest.mark.parametrize("count", [1, 2], ids=["one dict", "two dicts"])
@with_site(BUFFERS)
def test_the_dict_of_a_compiled_call_holds_what_forward_bound(functional_call, site, count):
    site.in_forward(lambda owner: setattr(owner, site.key, site.current() + 1) or site.x * 2)
    before, run = snapshot(site.module), compiled(functional_call, site.module)
    for seed in (1, 2):
        given = site.value(seed)
        values = {site.name: given}

        run(values if count == 1 else ({}, values), site.x)

        assert equal(values[site.name], site.value(seed) + 1)
        assert equal(given, site.value(seed))
    assert snapshot(site.module).slots == before.slots


@clause("compile.rebinding")
@with_site((flat_buffer,))
def test_a_compiled_step_leads_from_state_to_state(functional_call, site):
    site.in_forward(lambda owner: setattr(owner, site.key, site.current() * 2 + 1) or site.x)

    def wrap(call):
        def step(value, x):
            state = {site.name: value}
            call(site.module, state, (x,))
            return state[site.name]

        return torch.compile(lambda value, x: step(step(value, x), x), backend="eager", fullgraph=True)

    assert equal(functional_call.through(wrap)(torch.ones(3), site.x), torch.full((3,), 7.0))


@clause("compile.rebinding")
@pytest.mark.parametrize("split", [False, True], ids=["one dict", "two dicts"])
@with_group(SHARED_BUFFERS[:1])
def test_both_names_of_a_slot_hold_in_a_compiled_call_what_they_hold_in_a_plain_one(functional_call, group, split):
    """That they hold in a plain call what forward bound is the law of inplace.rebinding-shared."""

    def held(call):
        one = dict.fromkeys(group.names, group.value())
        dicts = tuple({name: value} for name, value in one.items()) if split else one
        call(dicts, group.x)
        return [value for each in (dicts if split else (dicts,)) for value in each.values()]

    path, _, key = group.names[0].rpartition(".")
    owner = group.module.get_submodule(path)
    group.in_forward(lambda module: setattr(owner, key, getattr(owner, key) + 1) or group.x * 2)
    plain = held(lambda dicts, x: functional_call(group.module, dicts, x))

    assert equal(held(compiled(functional_call, group.module)), plain)


ERRORS = {
    "missing": (lambda site, values: {site.name: values[site.name]}, {"strict": True}),
    "unexpected": (lambda site, values: values | {f"{site.name}x": site.value()}, {"strict": True}),
    "in two dicts": (lambda site, values: (values, {site.name: values[site.name]}), {}),
    "without owner": (lambda site, values: values | {f"{site.name}.x": site.value()}, {}),
    "number": (lambda site, values: values | {site.name: 3.0}, {}),
    "empty name": (lambda site, values: values | {"": site.value()}, {}),
    "name of a flag": (lambda site, values: values | {site.sibling_name("training"): site.value()}, {}),
    "name of a method": (lambda site, values: values | {site.sibling_name("forward"): site.value()}, {}),
}


@clause("compile.errors")
@pytest.mark.parametrize(("fault", "flags"), ERRORS.values(), ids=ERRORS)
@with_site((FLAT[0], NESTED[0]))
def test_what_is_an_error_is_one_in_a_compiled_call(functional_call, site, fault, flags):
    values, before = fresh_values(site.module), snapshot(site.module)
    expected = oracle.result(site.module, values, site.x)
    torch.testing.assert_close(compiled(functional_call, site.module, **flags)(values, site.x), expected)
    try:
        functional_call(site.module, fault(site, values), site.x, **flags)
    except Exception:
        pass
    else:
        return  # that it is an error in a plain call is the law of another clause

    with pytest.raises(Exception):
        compiled(functional_call, site.module, **flags)(fault(site, values), site.x)

    assert snapshot(site.module).slots == before.slots


@clause("compile.errors")
@with_group(PAIRS[:2])
def test_different_values_for_a_tied_group_are_an_error_in_a_compiled_call(functional_call, group):
    before, value = snapshot(group.module), group.value()
    different = dict(zip(group.names, (value, group.value(2)), strict=True))
    compiled(functional_call, group.module)(dict.fromkeys(group.names, value), group.x)

    with pytest.raises(Exception):
        compiled(functional_call, group.module)(different, group.x)

    assert snapshot(group.module).slots == before.slots


@clause("compile.restore")
@with_site((*FLAT, *NESTED))
def test_the_module_is_as_before_a_compiled_call_that_raises(functional_call, site):
    before, values = snapshot(site.module), fresh_values(site.module)
    site.in_forward(lambda owner: 1 / 0)

    with pytest.raises(Exception):
        compiled(functional_call, site.module)(values, site.x)

    assert snapshot(site.module).slots == before.slots


@clause("compile.restore")
@with_site(FLAT)
def test_the_module_is_as_before_a_compiled_call_whose_forward_binds_a_name_elsewhere(functional_call, site):
    def bind(owner):
        value = site.current()
        delattr(owner, site.key)
        setattr(owner, site.key, value * 2)
        return site.x + site.current()

    require_deleting()
    site.in_forward(bind)
    before, value = snapshot(site.module), site.value()

    assert equal(compiled(functional_call, site.module)({site.name: value}, site.x), site.x + value * 2)
    assert snapshot(site.module).parts("slots", "plain") == before.parts("slots", "plain")


@clause("compile.recompile")
def test_a_call_in_a_call_compiles_nothing_anew_for_new_values(functional_call):
    inner, graphs = nn.Linear(3, 3), []

    def counting(graph, inputs):
        graphs.append(graph)
        return graph.forward

    def wrap(call):
        class Outer(nn.Module):
            def __init__(self):
                super().__init__()
                self.inner = inner

            def forward(self, x):
                return call(self.inner, {"weight": self.inner.weight * 2}, (x,)) + self.inner(x)

        outer = Outer()
        return torch.compile(lambda values, x: call(outer, values, (x,)), backend=counting, fullgraph=True)

    run, x = functional_call.through(wrap), torch.ones(1, 3)
    for number in (1.0, 2.0, 3.0):
        values = {"inner.weight": torch.full((3, 3), number), "inner.bias": torch.zeros(3)}

        torch.testing.assert_close(run(values, x), torch.full((1, 3), 9 * number))

    assert len(graphs) == 1, f"{len(graphs)} graphs compiled, expected 1"
