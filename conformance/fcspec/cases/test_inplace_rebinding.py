"""inplace: the dict holds the tensor that forward bound to a given name, whatever it is, whatever the flags."""

import collections
import contextlib
import itertools

import pytest
import torch
from torch import nn
from torch.nn.utils import parametrize

from fcspec.cases.support.comparing import identical
from fcspec.plugin import Needs, clause, needs
from fcspec.specimens.base import fresh_values, parameter, probe, with_group, with_site
from fcspec.specimens.groups import ONE_STORE, PAIRS, SHARED, SHARED_BUFFERS
from fcspec.specimens.sites import BUFFERS, FLAT, NESTED, flat_buffer
from fcspec.state.module_state import bits, snapshot


def _rebound(functional_call, site, values, seed=7, **flags):
    """Make a call whose forward binds a new tensor to the attribute, and return that tensor."""
    new = site.bindable(seed)
    site.in_forward(lambda owner: site.rebind(new))
    functional_call(site.module, values, site.x, **flags)
    return new


@clause("inplace.rebinding")
@with_site((*FLAT, *BUFFERS[1:2]))
def test_the_dict_holds_what_forward_bound(functional_call, site):
    value = site.value()
    values, before = {site.other: site.value(2), site.name: value}, bits(value)
    others = [*values]

    new = _rebound(functional_call, site, values)

    assert values[site.name] is new
    assert list(values) == others
    assert bits(value) == before


@clause("inplace.rebinding")
@with_site(FLAT)
def test_the_dict_holds_everything_that_forward_bound(functional_call, site):
    values, own = fresh_values(site.module), site.module._parameters
    new = {name: parameter() if name in own else torch.rand(3) for name in values}

    def act(owner):
        for name, tensor in new.items():
            setattr(owner, name, tensor)

    site.in_forward(act)
    functional_call(site.module, values, site.x)

    assert [name for name, tensor in new.items() if values[name] is not tensor] == []


@clause("inplace.rebinding")
@with_site(FLAT)
def test_the_dict_holds_what_forward_bound_last(functional_call, site):
    values, last = {site.name: site.value()}, site.bindable()

    def act(owner):
        for new in (site.bindable(), site.own, last):
            site.rebind(new)

    site.in_forward(act)
    functional_call(site.module, values, site.x)

    assert values[site.name] is last


@clause("inplace.rebinding")
@with_site(FLAT)
def test_the_dict_holds_the_modules_own_tensor_where_forward_bound_that(functional_call, site):
    values = {site.name: site.value()}
    site.in_forward(lambda owner: site.rebind(site.own))

    functional_call(site.module, values, site.x)

    assert values[site.name] is site.own


@clause("inplace.rebinding")
@with_site(FLAT)
def test_the_dict_holds_what_forward_bound_where_the_modules_own_tensor_was_given(functional_call, site):
    values = {site.name: site.own}

    new = _rebound(functional_call, site, values)

    assert values[site.name] is new


@clause("inplace.rebinding")
@pytest.mark.parametrize("kind", ["parameters", "buffers"])
@pytest.mark.parametrize("order", [(1, 0, 2), (1, 2, 0), (1, 1, 2)], ids=["swapped", "rotated", "bound to another"])
def test_the_dict_holds_given_tensors_that_forward_bound_to_other_names(functional_call, names, kind, order):
    module, keys = probe(names), [names.attribute() for _ in order]
    for key in keys:
        if kind == "parameters":
            module.register_parameter(key, parameter())
        else:
            module.register_buffer(key, torch.rand(3))
    given = [parameter() if kind == "parameters" else torch.rand(3) for _ in order]
    values, before = dict(zip(keys, given, strict=True)), snapshot(module)

    def act(module):
        for key, number in zip(keys, order, strict=True):
            setattr(module, key, given[number])

    type(module).in_forward = staticmethod(act)
    functional_call(module, values, torch.ones(3))

    assert identical([values[key] for key in keys], [given[number] for number in order])
    assert snapshot(module).slots == before.slots


@clause("inplace.rebinding")
@pytest.mark.parametrize("tie_weights", [True, False], ids=["tied", "untied"])
@pytest.mark.parametrize("strict", [True, False], ids=["strict", "loose"])
@with_site(FLAT)
def test_the_dict_holds_what_forward_bound_under_all_flags(functional_call, site, tie_weights, strict):
    values = fresh_values(site.module)

    new = _rebound(functional_call, site, values, tie_weights=tie_weights, strict=strict)

    assert values[site.name] is new


SURROUNDINGS = (contextlib.nullcontext, torch.no_grad, torch.inference_mode)


@clause("inplace.rebinding")
@pytest.mark.parametrize("training", [True, False], ids=["train", "eval"])
@with_site(FLAT)
def test_the_dict_holds_what_forward_bound_in_every_mode_whatever_it_returns(functional_call, site, training):
    site.module.train(training)
    for surrounding, result in itertools.product(SURROUNDINGS, (None, {}, site.x)):
        values, new = {site.name: site.value()}, site.bindable()
        type(site.module).forward = lambda self, x, new=new, result=result: site.rebind(new) or result
        with surrounding():
            functional_call(site.module, values, site.x)

        assert values[site.name] is new


@clause("inplace.rebinding")
@with_site(FLAT)
def test_the_dict_holds_what_forward_bound_whatever_its_shape(functional_call, site):
    for new in (torch.rand(2, 5), torch.rand(()), torch.rand(0), torch.rand(3, device="meta")):
        bound, values = nn.Parameter(new) if isinstance(site.own, nn.Parameter) else new, {site.name: site.value()}
        site.in_forward(lambda owner, bound=bound: site.rebind(bound) or ())

        functional_call(site.module, values, site.x)

        assert values[site.name] is bound


@clause("inplace.rebinding")
@with_site(FLAT)
def test_an_ordered_dict_holds_what_forward_bound(functional_call, site):
    values = collections.OrderedDict({site.name: site.value()})

    new = _rebound(functional_call, site, values)

    assert values[site.name] is new


@clause("inplace.rebinding")
@with_site(FLAT)
def test_a_tensor_that_equals_the_given_one_is_another_one(functional_call, site):
    values = {site.name: site.value(1)}

    new = _rebound(functional_call, site, values, seed=1)

    assert values[site.name] is new


@clause("inplace.rebinding")
@with_site(BUFFERS)
def test_the_dict_holds_an_instance_of_a_subclass(functional_call, names, site):
    new = site.value(7).as_subclass(type(names.type(), (torch.Tensor,), {}))
    values = {site.name: site.value()}

    def act(owner):
        setattr(owner, site.key, new)

    site.in_forward(act)
    functional_call(site.module, values, site.x)

    assert values[site.name] is new


@clause("inplace.rebinding")
@needs(Needs.TRANSFORMS)
@with_site((flat_buffer,))
def test_the_dict_holds_what_forward_bound_under_a_transform(functional_call, site):
    given, new = site.value(), site.value(7)
    values = {site.name: given}
    site.in_forward(lambda owner: site.rebind(new) or site.get(site.other).sum())

    def loss(value):
        values[site.other] = value
        return functional_call(site.module, values, site.x)

    torch.func.grad(loss)(site.value(2))

    assert values[site.name] is new


@clause("inplace.rebinding-shared")
@pytest.mark.parametrize("dicts", [1, 2], ids=["one dict", "two dicts"])
@with_group((*SHARED, SHARED_BUFFERS[0], *ONE_STORE))
def test_both_names_of_one_slot_hold_what_forward_bound(functional_call, group, dicts):
    values = dict.fromkeys(group.names, group.value())
    given = (values,) if dicts == 1 else tuple({name: value} for name, value in values.items())
    path, _, key = group.names[0].rpartition(".")
    new = parameter() if isinstance(group.own, nn.Parameter) else torch.rand(3)
    group.in_forward(lambda module: setattr(module.get_submodule(path), key, new))

    functional_call(group.module, given, group.x)

    assert identical([value for one in given for value in one.values()], [new] * 2)


@clause("inplace.rebinding-tuple")
@pytest.mark.parametrize("position", [0, 1, 2])
@with_site(FLAT)
def test_the_dict_of_a_tuple_that_held_the_name_holds_what_forward_bound(functional_call, site, position):
    values = [{}, {}, {}]
    values[position][site.name] = site.value()
    values[position - 1][site.other] = other = site.value(2)

    new = _rebound(functional_call, site, tuple(values))

    assert values[position][site.name] is new
    assert values[position - 1][site.other] is other
    assert sum(map(len, values)) == 2


@clause("inplace.nested")
@with_site(NESTED)
def test_what_a_submodule_bound_is_in_the_dict(functional_call, site):
    values = {site.name: site.value()}

    new = _rebound(functional_call, site, values)

    assert values[site.name] is new


@clause("inplace.nested")
@pytest.mark.parametrize("bound", [(True, True), (True, False), (False, True)], ids=["both", "first", "second"])
def test_submodules_with_the_same_key_are_not_mixed(functional_call, names, bound):
    root, key, children = probe(names), names.attribute(), [names.attribute(), names.attribute()]
    for child in children:
        root.add_module(child, probe(names))
        root.get_submodule(child).register_buffer(key, torch.rand(3))
    root.register_parameter(names.attribute(), parameter())
    given = {f"{child}.{key}": torch.rand(3) for child in children}
    new = [torch.rand(3) if one else None for one in bound]

    def act(_):
        for child, tensor in zip(children, new, strict=True):
            if tensor is not None:
                setattr(root.get_submodule(child), key, tensor)

    type(root).in_forward = staticmethod(act)
    values = dict(given)
    functional_call(root, values, torch.ones(3))

    for (name, value), tensor in zip(given.items(), new, strict=True):
        assert values[name] is (value if tensor is None else tensor)


@clause("inplace.on-exception")
@with_site(FLAT)
def test_forward_rebinds_and_raises(functional_call, site, observe):
    values, new = {site.name: site.value()}, site.bindable()
    site.in_forward(lambda owner: site.rebind(new) or 1 / 0)

    with pytest.raises(ZeroDivisionError):
        functional_call(site.module, values, site.x)

    observe("updated" if values[site.name] is new else "not updated")
    assert site.current() is site.own


@clause("inplace.tied-rebinding")
@with_group(PAIRS)
def test_forward_rebinds_another_name_of_the_group(functional_call, group, observe):
    first, second = group.names
    path, _, key = second.rpartition(".")
    values, new = {first: group.value()}, parameter()
    group.in_forward(lambda module: setattr(module.get_submodule(path), key, new))

    functional_call(group.module, values, group.x)

    observe("in the dict" if values[first] is new else "lost")


@clause("inplace.rebinding")
@pytest.mark.parametrize("bound", [False, True], ids=["nothing bound", "bound"])
@pytest.mark.parametrize("act", ["replaced", "deleted"])
@with_site(NESTED[:2])
def test_the_dict_holds_what_forward_bound_in_a_module_that_it_then_replaced(functional_call, names, site, act, bound):
    """A slot is a place in a module, not a path: restore.detached-owner."""
    path, _, key = site.name.rpartition(".")
    above, _, part = path.rpartition(".")
    holder, value, new = site.module.get_submodule(above), site.value(), site.bindable()
    values = {site.name: value}

    def forward(module, args, result):
        if bound:
            site.rebind(new)
        other = nn.Module()
        other.register_buffer(key, torch.zeros(3))
        del holder._modules[part]
        if act == "replaced":
            holder.add_module(part, other)

    site.module.register_forward_hook(forward)
    functional_call(site.module, values, site.x)

    assert values[site.name] is (new if bound else value)


@clause("inplace.rebinding")
@pytest.mark.parametrize("nested", [False, True], ids=["flat", "nested"])
def test_the_dict_holds_what_a_parametrization_bound_to_its_own_buffer(functional_call, names, nested):
    class Counting(nn.Module):
        def __init__(self):
            super().__init__()
            self.register_buffer("calls", torch.zeros(()))

        def forward(self, original):
            self.calls = self.calls + 1
            return 2 * original

    layer, key = nn.Linear(3, 3), names.attribute()
    root = probe(names, lambda self, x: layer(x))
    root.add_module(key, layer)
    parametrize.register_parametrization(layer, "weight", counting := Counting())
    values = {f"{key if nested else ''}.parametrizations.weight.0.calls".lstrip("."): torch.full((), 5.0)}
    own = counting.calls
    functional_call(root if nested else layer, values, torch.ones(3))

    assert [float(value) for value in values.values()] == [6.0]
    assert counting.calls is own


def _in_an_overridden_call(before):
    def prepare(module, rebind):
        plain = type(module).__call__

        def call(self, *args):
            if before:
                rebind()
                return plain(self, *args)
            result = plain(self, *args)
            rebind()
            return result

        type(module).__call__ = call

    return prepare


MOMENTS = {
    "before forward, in a hook": lambda module, rebind: module.register_forward_pre_hook(lambda *_: rebind()),
    "after forward, in a hook": lambda module, rebind: module.register_forward_hook(lambda *_: rebind()),
    "before forward, in __call__": _in_an_overridden_call(before=True),
    "after forward, in __call__": _in_an_overridden_call(before=False),
}


@clause("inplace.rebinding")
@pytest.mark.parametrize("prepare", MOMENTS.values(), ids=MOMENTS)
@with_site((*FLAT[:2], NESTED[0]))
def test_the_dict_holds_what_was_bound_at_any_moment_of_the_call(functional_call, site, prepare):
    new, values = site.bindable(), {site.name: site.value()}
    prepare(site.module, lambda: site.rebind(new))
    functional_call(site.module, values, site.x)

    assert values[site.name] is new
    assert site.current() is site.own
