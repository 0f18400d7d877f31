"""swap: modules and names that are odd but legal; and slots in which nothing is registered anew."""

import warnings

import pytest
import torch
from torch import nn
from torch.nn.modules import module as torch_module

from fcspec.cases.support.comparing import equal, identical
from fcspec.plugin import clause
from fcspec.specimens import oracle
from fcspec.specimens.base import fresh_values, parameter, probe, with_site
from fcspec.specimens.sites import NESTED, flat_buffer, flat_parameter, nested_parameter
from fcspec.state.module_state import snapshot

ODD_NAMES = (
    "a b",
    " ",
    "1x",
    "0",
    "00",
    "class",
    "None",
    "é",
    "重み",
    "-",
    "a/b",
    "a:b",
    "'",
    '"',
    "$",
    "x" * 300,
    "\n",
)


@clause("swap.any-name")
@pytest.mark.parametrize("flags", [{}, {"strict": True}], ids=["default", "strict"])
def test_a_part_of_a_name_is_any_string_without_a_dot(functional_call, names, flags):
    module, x = probe(names), torch.ones(3)
    for odd in ODD_NAMES:
        child = probe(names)
        child.register_parameter(odd, parameter())
        child.register_buffer(f"{odd}b", torch.rand(3))
        module.add_module(odd, child)
        module.register_parameter(f"{odd}p", parameter())
    values, before = fresh_values(module), snapshot(module)
    expected = oracle.result(module, values, x)

    assert equal(functional_call(module, values, x, **flags), expected)
    assert snapshot(module).slots == before.slots


ALIKE = (
    *("\u00e9", "e\u0301", "\ufb01", "fi", "\u2460", "\u0661", "1", "01", "1.0".replace(".", ""), "A", "a"),
    *(" a", "a ", "a\u200b", "a_", "_a", "a-", "stra\u00dfe", "strasse", "\u00b5", "\u03bc", "\U0001f642", "\udc80"),
)
"""Strings that are told apart by nothing but their characters: no normal form, case or digit counts."""


@clause("swap.any-name")
@pytest.mark.parametrize("flags", [{}, {"tie_weights": False}, {"strict": True}], ids=["default", "untied", "strict"])
def test_names_that_look_alike_are_different_ones(functional_call, names, flags):
    module, seen = probe(names), {}
    for key in ALIKE:
        module.add_module(key, probe(names))
        module._modules[key].register_parameter(key, parameter())
        module.register_buffer(f"{key}b", torch.rand(3))
    module.register_forward_pre_hook(
        lambda *_: seen.update(module.named_parameters()) or seen.update(module.named_buffers())
    )
    values = {name: nn.Parameter(value) for name, value in fresh_values(module).items()}

    functional_call(module, values, torch.ones(3), **flags)

    assert identical([seen[name] for name in values], [*values.values()])


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
def test_modules_are_told_apart_by_identity(functional_call, names, methods):
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
    own = {name: vars(one)[store][key] for name, (one, store, key) in zip(values, _places(module), strict=True)}

    some = {name: value for name, value in values.items() if name.startswith("second")}
    for given, flags in ((values, {"strict": True}), (values, {}), (some, {}), (some, {"tie_weights": False})):
        assert equal(functional_call(module, given, x, **flags), _sum(x, {**own, **given}))
        now = [vars(one)[store][key] for one, store, key in _places(module)]
        assert identical(now, [*own.values()])
    with module.register_forward_hook(lambda *_: 1 / 0), pytest.raises(ZeroDivisionError):
        functional_call(module, values, x)
    assert identical([vars(one)[store][key] for one, store, key in _places(module)], [*own.values()])


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
@with_site((NESTED[1],))
def test_a_module_with_a_scripted_child_takes_values(functional_call, names, site):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        site.owner.add_module(names.attribute(), torch.jit.script(nn.Linear(3, 3)))
    values = {site.name: site.value(), site.other: site.value(2)}
    own, seen = [site.own, site.get(site.other)], []
    site.module.register_forward_pre_hook(lambda *_: seen.extend([site.current(), site.get(site.other)]))

    functional_call(site.module, values, site.x)
    functional_call(site.module, values, site.x, tie_weights=False)

    assert identical(seen, [*values.values()] * 2)
    assert identical([site.get(name) for name in values], own)


@clause("swap.nested")
def test_a_module_with_a_data_parallel_child_takes_values(functional_call, names):
    site = nested_parameter(names)
    root = probe(names, lambda self, x: self.get_submodule(key)(x))
    root.add_module(key := names.attribute(), nn.DataParallel(site.module).cpu())
    seen, value = [], site.value()
    site.in_forward(lambda owner: seen.append(site.current()))
    for flags in ({}, {"tie_weights": False}):
        functional_call(root, {f"{key}.module.{site.name}": value}, site.x, **flags)

    assert len(seen) == 2
    assert all(torch.equal(one, value) for one in seen)
    assert site.current() is site.own


GLOBAL_HOOKS = ("parameter", "buffer", "module")
METHODS = ("register_parameter", "register_buffer", "add_module", "register_module")


@clause("swap.registration")
@pytest.mark.parametrize("binds", [False, True], ids=["binds nothing", "binds"])
@with_site((flat_parameter, flat_buffer, NESTED[1]))
def test_no_registration_hook_and_no_override_runs(functional_call, site, binds):
    """Nor when the call puts back what forward bound anew."""
    ran, added = [], []
    for method in METHODS:
        setattr(type(site.owner), method, lambda self, *args, **kwargs: ran.append(args))

    def inside(owner):
        if binds:
            store = owner._parameters if site.key in owner._parameters else owner._buffers
            store[site.key] = site.bindable()
        return torch.zeros(())

    site.in_forward(inside)
    try:
        for what in GLOBAL_HOOKS:
            register = getattr(torch_module, f"register_module_{what}_registration_hook", None)
            if register is not None:
                added.append(register(lambda module, name, one: ran.append(name)))
        for kind in (torch.Tensor.clone, nn.Parameter):
            functional_call(site.module, {n: kind(one) for n, one in fresh_values(site.module).items()}, site.x)
    finally:
        for handle in added:
            handle.remove()

    assert ran == []
