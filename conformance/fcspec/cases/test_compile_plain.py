"""compile: whatever is given, with whatever flags, a compiled call gives, writes and refuses what the plain one does."""

from typing import Any

import pytest
import torch
from torch import nn

from fcspec.cases.support.comparing import equal
from fcspec.cases.support.compiling import compiled
from fcspec.plugin import Needs, clause, needs
from fcspec.specimens.base import fresh_values, probe, with_group, with_site
from fcspec.specimens.groups import PAIRS
from fcspec.specimens.sites import flat_parameter
from fcspec.state.module_state import snapshot

pytestmark = [pytest.mark.usefixtures("compiler"), needs(Needs.COMPILER)]


def _seen(self, x):
    """What a call shows: each value, whether a new name is there, and what is registered."""
    extra = getattr(self, "extra", None)
    result = x + self.first + 10 * self.second + 100 * self.shift + 1000 * sum(self.parameters())
    return result if extra is None else result + 7 * extra


@pytest.fixture
def module(names):
    """Two names of one parameter, and a buffer."""
    made = probe(names, _seen)
    made.first = nn.Parameter(torch.tensor(1.0))
    made.second = made.first
    made.register_buffer("shift", torch.tensor(2.0))
    return made


def _plainly(functional_call, module, values, **flags):
    """What the plain call gives, or None where it refuses."""
    try:
        return functional_call(module, dict(values), torch.tensor(1.0), **flags)
    except Exception:
        return None


def _tensor():
    return torch.tensor(3.0)


VALUES: dict[str, tuple[Any, dict[str, bool]]] = {
    "one name, untied": (lambda: {"first": _tensor()}, {"tie_weights": False}),
    "two values, untied": (lambda: {"first": _tensor(), "second": torch.tensor(4.0)}, {"tie_weights": False}),
    "one value, untied": (lambda: dict.fromkeys(("first", "second"), _tensor()), {"tie_weights": False}),
    "strict": (lambda: {"second": _tensor(), "shift": _tensor()}, {"strict": True}),
    "parameter": (lambda: {"first": nn.Parameter(_tensor()), "shift": _tensor()}, {}),
    "of another dtype": (lambda: {"shift": torch.tensor(3.0, dtype=torch.float64)}, {}),
    "nothing": (dict, {}),
}


@clause("compile.fullgraph")
@pytest.mark.parametrize("kind", VALUES)
def test_a_compiled_call_gives_what_the_plain_one_gives(functional_call, module, kind):
    make, flags = VALUES[kind]
    values = make()
    expected = _plainly(functional_call, module, values, **flags)
    if expected is not None:
        assert equal(compiled(functional_call, module, **flags)(values, torch.tensor(1.0)), expected)


NEW: dict[str, Any] = {"tensor": _tensor, "parameter": lambda: nn.Parameter(_tensor())}


@clause("compile.fullgraph")
@pytest.mark.parametrize("make", NEW.values(), ids=NEW)
def test_a_new_name_is_neither_dropped_nor_changed_in_a_compiled_call(functional_call, module, make):
    """Either call may refuse it."""
    values = {"extra": make(), "shift": _tensor()}
    expected = _plainly(functional_call, module, values)
    try:
        result = compiled(functional_call, module)(values, torch.tensor(1.0))
    except Exception:
        return

    assert expected is None or equal(result, expected)


@clause("compile.fullgraph")
def test_the_dict_of_a_compiled_call_holds_a_parameter_if_that_of_a_plain_one_does(functional_call, names):
    """That it does there, where forward binds one, is the law of inplace.rebinding."""

    def bind(self, x):
        self._parameters["weight"] = self.weight * 2
        return self.weight * x

    module = probe(names, bind)
    module.weight = nn.Parameter(torch.tensor(1.0))

    def wrap(call):
        def step(value, x):
            values = {"weight": value}
            return call(module, values, (x,)), values["weight"]

        return step

    x, plain = torch.tensor(5.0), functional_call.through(wrap)
    run = functional_call.through(lambda call: torch.compile(wrap(call), backend="eager", fullgraph=True))

    assert equal(run(_tensor(), x), plain(_tensor(), x))


ERRORS: dict[str, Any] = {
    "a number": lambda site, names: {site.name: 3},
    "a list": lambda site, names: {site.name: [3.0]},
    "a flag": lambda site, names: {"training": site.value()},
    "a method": lambda site, names: {"forward": site.value()},
    "an empty name": lambda site, names: {"": site.value()},
    "no string": lambda site, names: {3: site.value()},
}


@clause("compile.errors")
@pytest.mark.parametrize("fault", ERRORS.values(), ids=ERRORS)
@with_site((flat_parameter,))
def test_what_a_plain_call_refuses_a_compiled_one_refuses(functional_call, names, site, fault):
    """That a plain call refuses it is the law of chapter dicts."""
    values = {**fresh_values(site.module), **fault(site, names)}
    try:
        functional_call(site.module, dict(values), site.x)
    except Exception:
        before = snapshot(site.module)
        with pytest.raises(Exception):
            compiled(functional_call, site.module)(values, site.x)

        assert snapshot(site.module).slots == before.slots


@clause("compile.fake")
@with_group(PAIRS[:2])
def test_a_fake_value_is_in_force_for_every_tied_name(functional_call, group):
    from torch._subclasses.fake_tensor import FakeTensorMode

    seen = []
    group.in_forward(lambda module: seen.extend(group.current()) or group.x)
    with FakeTensorMode() as mode:
        for name in group.names:
            value = mode.from_tensor(group.value())
            functional_call(group.module, {name: value}, mode.from_tensor(group.x))

            assert [one is value for one in seen[-2:]] == [True, True]
