"""swap: modules and names that are odd but legal; and slots in which nothing is registered anew."""

import warnings

import pytest
import torch
from torch import nn
from torch.nn.modules import module as torch_module

from fcspec.plugin import clause
from fcspec.specimens import oracle
from fcspec.specimens.base import fresh_values, parameter, probe, with_site
from fcspec.specimens.sites import FLAT, NESTED, SITES
from fcspec.state.module_state import snapshot

ODD_NAMES = ["a b", " ", "1x", "0", "00", "class", "None", "é", "重み", "-", "a/b", "a:b", "weight'", '"', "$", "x" * 300, "\n"]


@clause("swap.any-name")
@pytest.mark.parametrize("flags", [{}, {"strict": True}], ids=["default", "strict"])
@pytest.mark.parametrize("odd", ODD_NAMES, ids=ascii)
def test_a_part_of_a_name_is_any_string_without_a_dot(functional_call, names, odd, flags):
    module, child, x = probe(names), probe(names), torch.ones(3)
    module.add_module(odd, child)
    module.register_parameter(f"{odd}p", parameter())
    child.register_parameter(odd, parameter())
    child.register_buffer(f"{odd}b", torch.rand(3))
    values, before = fresh_values(module), snapshot(module)
    expected = oracle.result(module, values, x)

    assert torch.equal(functional_call(module, values, x, **flags), expected)
    assert snapshot(module).slots == before.slots


def _raises(self, *_):
    raise TypeError("asked for what no call needs")


CLASSES = {
    "equal": {"__eq__": lambda self, other: isinstance(other, nn.Module), "__hash__": lambda self: 7},
    "equal, unhashable": {"__eq__": lambda self, other: isinstance(other, nn.Module), "__hash__": None},
    "unhashable": {"__hash__": None},
    "incomparable": {"__eq__": _raises, "__ne__": _raises, "__hash__": _raises},
    "false": {"__bool__": lambda self: False},
    "without truth": {"__bool__": _raises},
    "empty": {"__len__": lambda self: 0},
    "slots": {"__slots__": ("extra", "other")},
    "iterable, contains": {"__iter__": _raises, "__contains__": _raises},
    "callable attributes": {"__repr__": _raises, "__str__": _raises},
}


@clause("swap.module-identity")
@pytest.mark.parametrize("methods", CLASSES.values(), ids=CLASSES)
@pytest.mark.parametrize("flags", [{}, {"tie_weights": False}, {"strict": True}], ids=["default", "untied", "strict"])
def test_modules_are_told_apart_by_identity(functional_call, names, methods, flags):
    kind = type(names.type(), (type(probe(names)),), dict(methods))
    module, x = kind(), torch.ones(3)
    for key in ("first", "second"):
        module.add_module(key, kind())
        vars(module)["_modules"][key].register_parameter("weight", parameter())
        vars(module)["_modules"][key].register_buffer("shift", torch.rand(3))
    module.register_parameter("weight", parameter())
    values = {
        f"{path}{key}": torch.full((3,), 2.0 + number)
        for number, path in enumerate(("", "first.", "second."))
        for key in (("weight", "shift") if path else ("weight",))
    }
    own = [vars(one)[store][key] for one, store, key in _places(module)]
    expected = _sum(x, values)

    chosen = [values] if flags.get("strict") else [values, {n: v for n, v in values.items() if n.startswith("second")}]
    for given in chosen:
        plain = {name: vars(one)[store][key] for name, (one, store, key) in zip(values, _places(module), strict=True)}
        assert torch.equal(functional_call(module, given, x, **flags), _sum(x, {**plain, **given}))
        assert all(vars(one)[s][k] is mine for (one, s, k), mine in zip(_places(module), own, strict=True))
    assert expected is not None


def _places(module):
    first, second = vars(module)["_modules"].values()
    parameters, buffers = ("_parameters", "weight"), ("_buffers", "shift")
    return [(module, *parameters), (first, *parameters), (first, *buffers), (second, *parameters), (second, *buffers)]


def _sum(x, values):
    """What probes of these names compute."""
    for path in ("", "first.", "second."):
        for scale, key in enumerate([key for key in ("shift", "weight") if f"{path}{key}" in values], 2):
            x = x + scale * values[f"{path}{key}"] * values[f"{path}{key}"]
    return x


@clause("swap.scripted-child")
@pytest.mark.parametrize("flags", [{}, {"tie_weights": False}], ids=["default", "untied"])
@pytest.mark.parametrize("make", [lambda: nn.ReLU(), lambda: nn.Linear(3, 3)], ids=["without state", "with state"])
@with_site((*FLAT, *NESTED[:2]))
def test_a_module_with_a_scripted_child_takes_values(functional_call, names, site, make, flags):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        site.owner.add_module(names.attribute(), torch.jit.script(make()))
    values = {site.name: site.value(), site.other: site.value(2)}
    own, seen = [site.own, site.get(site.other)], []
    site.module.register_forward_pre_hook(lambda *_: seen.extend([site.current(), site.get(site.other)]))

    functional_call(site.module, values, site.x, **flags)

    assert [one is value for one, value in zip(seen, values.values(), strict=True)] == [True, True]
    assert [one is site.get(name) for one, name in zip(own, values, strict=True)] == [True, True]


GLOBAL_HOOKS = ("parameter", "buffer", "module")


@clause("swap.registration")
@pytest.mark.parametrize("kind", [lambda tensor: tensor, nn.Parameter], ids=["plain", "parameter"])
@pytest.mark.parametrize("act", ["nothing", "binds", "deletes"])
@with_site(SITES)
def test_no_registration_hook_and_no_override_runs(functional_call, site, kind, act):
    """Nor when the call puts back what forward bound anew or deleted."""
    ran, values = [], {name: kind(value) for name, value in fresh_values(site.module).items()}
    for method in ("register_parameter", "register_buffer", "add_module", "register_module"):
        setattr(type(site.owner), method, lambda self, *args, **kwargs: ran.append(args))
    added = []

    def inside(owner):
        if act == "binds":
            store = owner._parameters if site.key in owner._parameters else owner._buffers
            store[site.key] = site.bindable()
        elif act == "deletes":
            delattr(owner, site.key)
        return torch.zeros(())

    site.in_forward(inside)
    try:
        for what in GLOBAL_HOOKS:
            register = getattr(torch_module, f"register_module_{what}_registration_hook", None)
            if register is not None:
                added.append(register(lambda module, name, one: ran.append(name)))
        functional_call(site.module, values, site.x)
    finally:
        for handle in added:
            handle.remove()
        for method in ("register_parameter", "register_buffer", "add_module", "register_module"):
            if method in vars(type(site.owner)):
                delattr(type(site.owner), method)

    assert ran == []
