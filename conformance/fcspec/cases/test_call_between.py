"""call: between two calls the module may be changed; each call goes by what it is then."""

import pytest
import torch
from torch import nn
from torch.nn.utils import parametrize

from fcspec.cases.support.comparing import equal
from fcspec.plugin import clause
from fcspec.specimens import oracle
from fcspec.specimens.base import fresh_values, get, parameter, probe
from fcspec.specimens.parametrized import parametrization
from fcspec.state.module_state import snapshot


@pytest.fixture
def module(names):
    """Two layers of one class, one deeper than the other; each owns a parameter and a buffer."""
    root, middle = probe(names), probe(names)
    root.add_module("first", _layer(names))
    root.add_module("middle", middle)
    middle.add_module("second", _layer(names))
    return root


def _layer(names):
    layer = probe(names, lambda self, x: x * self.weight + self.shift)
    layer.register_parameter("weight", parameter())
    layer.register_buffer("shift", torch.rand(3))
    return layer


def _replace_a_layer(module, names):
    module.middle.second = _layer(names)


def _replace_a_layer_and_keep_its_tensors(module, names):
    old, module.first = module.first, _layer(names)
    module.first.weight, module.first.shift = old.weight, old.shift


def _replace_what_holds_a_layer(module, names):
    module.middle = probe(names)
    module.middle.add_module("second", _layer(names))


def _exchange_layers(module, names):
    module.first, module.middle.second = module.middle.second, module.first


def _add_a_layer(module, names):
    module.add_module("third", _layer(names))


def _remove_a_layer(module, names):
    del module.first


def _bind_a_parameter(module, names):
    module.first.weight = parameter()


def _move_a_name_to_the_other_store(module, names):
    del module.first.shift
    module.first.register_parameter("shift", parameter())


def _tie(module, names):
    module.middle.second.weight = module.first.weight


def _untie(module, names):
    module.middle.second.weight = parameter()


def _parametrize(module, names):
    parametrize.register_parametrization(module.first, "weight", parametrization(names, [], lambda x: x * 2))


def _unparametrize(module, names):
    parametrize.remove_parametrizations(module.first, "weight")


def _change_the_class(module, names):
    module.first.__class__ = type(names.type(), (type(module.first),), {})


def _values(module):
    """A value for every name, one for all names of a group."""
    values = fresh_values(module)
    for name in values:
        values[name] = next(values[other] for other in values if get(module, other) is get(module, name))
    return values


CHANGES = {
    "a layer replaced": [_replace_a_layer],
    "what holds a layer replaced": [_replace_what_holds_a_layer],
    "a layer replaced, its tensors kept": [_replace_a_layer_and_keep_its_tensors],
    "layers exchanged": [_exchange_layers],
    "a layer added": [_add_a_layer],
    "a layer removed": [_remove_a_layer],
    "a parameter bound": [_bind_a_parameter],
    "a name moved": [_move_a_name_to_the_other_store],
    "tied, and untied": [_tie, _untie],
    "parametrized, and no longer": [_parametrize, _unparametrize],
    "another class": [_change_the_class],
}


@clause("call.module-as-it-is")
@pytest.mark.parametrize("changes", CHANGES.values(), ids=CHANGES)
def test_each_call_goes_by_the_module_as_it_is_then(functional_call, names, module, changes):
    x = torch.ones(3)

    def call():
        values, before = _values(module), snapshot(module)
        expected = oracle.result(module, values, x)
        for flags in ({}, {"tie_weights": False}, {"strict": True}):
            assert equal(functional_call(module, values, x, **flags), expected)
        assert snapshot(module).slots == before.slots

    call()
    for change in changes:
        change(module, names)
        call()


@clause("call.module-as-it-is")
@pytest.mark.parametrize("changes", CHANGES.values(), ids=CHANGES)
def test_a_call_goes_by_the_module_as_it_is_after_many_calls(functional_call, names, module, changes):
    """What was no use to remember after one call may be remembered after sixteen. Layers that were replaced live on."""
    kept = []
    for change in (lambda *_: None, *changes):
        kept.extend(module.modules())
        change(module, names)
        values, x = _values(module), torch.ones(3)
        expected = oracle.result(module, values, x)

        assert equal(functional_call(module, values, x), expected)
        assert equal(functional_call(module, values, x, tie_weights=False), expected)
        for number in range(36):
            functional_call(module, values, x, tie_weights=bool(number % 2))


@clause("call.module-as-it-is")
def test_a_regular_name_leads_to_the_layer_of_the_moment(functional_call, names, module):
    for layer in (module.first, module.middle.second):
        doubling = parametrization(names, [], lambda original: original * 2, lambda value: value / 2)
        parametrize.register_parametrization(layer, "weight", doubling)
    seen = []
    module.register_forward_pre_hook(lambda *_: seen.append(module.first.weight))
    for change in (lambda *_: None, _exchange_layers, _exchange_layers):
        change(module, names)
        value = torch.rand(3)
        functional_call(module, {"first.weight": value}, torch.ones(3))

        assert equal(seen.pop(), value)


@clause("call.module-as-it-is")
def test_regular_names_are_those_of_the_moment(functional_call, names, module):
    """A layer of which a second tensor is parametrized keeps its class, and so it does when that ends."""
    layer, seen, parametrized = module.first, [], []
    layer.register_forward_pre_hook(lambda *_: seen.append([layer.weight, layer.shift]))

    def call():
        values = torch.rand(3), torch.rand(3)
        for called, path in ((module, "first."), (layer, "")):
            functional_call(called, {f"{path}weight": values[0], f"{path}shift": values[1]}, torch.ones(3))

            assert equal(seen.pop(), [*values]), f"parametrized: {parametrized}"

    call()
    for key in ("shift", "weight"):
        doubling = parametrization(names, [], lambda original: original * 2, lambda value: value / 2)
        parametrize.register_parametrization(layer, key, doubling)
        parametrized.append(key)
        call()
        call()
    for key in ("shift", "weight"):
        parametrize.remove_parametrizations(layer, key)
        parametrized.remove(key)
        call()


@clause("call.module-as-it-is")
def test_ties_are_those_of_the_moment(functional_call, names, module):
    value, seen = torch.ones(3), []
    module.register_forward_pre_hook(lambda *_: seen.append(module.middle.second.weight is value))

    for change in (lambda *_: None, _tie, _untie, _tie):
        change(module, names)
        functional_call(module, {"first.weight": value}, torch.ones(3))

    assert seen == [False, True, False, True]


@clause("call.module-as-it-is")
def test_ties_that_move_between_calls_are_those_of_the_moment(functional_call, names):
    """As many tensors, and as many names."""
    root, keys = probe(names), [names.attribute() for _ in range(4)]
    for key in keys:
        root.register_buffer(key, torch.zeros(3))
    value, seen = torch.ones(3), []
    root.register_forward_pre_hook(lambda *_: seen.append([root.get_buffer(key) is value for key in keys]))
    type(root).forward = lambda self, x: x
    for tied in (1, 2, 3, 1):
        for place, key in enumerate(keys[1:], 1):
            root._buffers[key] = root._buffers[keys[0]] if place == tied else torch.zeros(3)
        functional_call(root, {keys[0]: value}, torch.ones(3))

        assert seen.pop() == [place in (0, tied) for place in range(4)]


@clause("call.module-as-it-is")
def test_a_layer_that_was_replaced_is_left_alone(functional_call, names, module):
    old = module.first
    functional_call(module, fresh_values(module), torch.ones(3))
    module.first, seen = _layer(names), []
    before = snapshot(old)
    module.register_forward_pre_hook(lambda *_: seen.append(snapshot(old)))

    functional_call(module, fresh_values(module), torch.ones(3))

    assert [seen[0].slots, snapshot(old).slots] == [before.slots] * 2


@clause("call.module-as-it-is")
def test_names_are_those_of_the_moment_under_strict(functional_call, names, module):
    values = fresh_values(module)
    functional_call(module, values, torch.ones(3), strict=True)
    module.first.register_buffer("late", torch.rand(3))

    with pytest.raises(Exception):
        functional_call(module, values, torch.ones(3), strict=True)
    values["first.late"] = torch.rand(3)
    functional_call(module, values, torch.ones(3), strict=True)
    del module.first.late

    with pytest.raises(Exception):
        functional_call(module, values, torch.ones(3), strict=True)


@clause("call.module-as-it-is")
def test_modules_that_take_turns_are_not_confused(functional_call):
    """The second has the address of the first, or may have."""
    for size in (1, 2, 3, 1):
        module = nn.Sequential(nn.Linear(size, size), nn.Identity() if size % 2 else nn.Linear(size, size))
        values = fresh_values(module)
        expected = oracle.result(module, values, torch.ones(size))

        assert equal(functional_call(module, values, torch.ones(size)), expected)
        del module
