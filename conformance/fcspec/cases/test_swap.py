"""swap: which tensors forward computes with."""

import threading

import pytest
import torch
from torch import nn

from fcspec.plugin import clause
from fcspec.specimens import oracle
from fcspec.specimens.base import with_site, with_group, fresh_values, parameter, probe
from fcspec.specimens.groups import PAIRS
from fcspec.specimens.sites import (
    BUFFERS,
    FLAT,
    NESTED,
    PARAMETERS,
    SITES,
    flat_parameter,
    keyed_parameter,
    nested,
    nested_buffer,
    nested_parameter,
)


@clause("swap.parameter")
@with_site(PARAMETERS)
def test_forward_computes_with_the_given_parameter(functional_call, site):
    values = {site.name: site.value()}

    assert torch.equal(functional_call(site.module, values, site.x), oracle.result(site.module, values, site.x))


@clause("swap.parameter")
@with_site(PARAMETERS)
def test_a_frozen_parameter_is_replaced_like_any_other(functional_call, site):
    site.own.requires_grad_(False)
    values = {site.name: site.value()}

    assert torch.equal(functional_call(site.module, values, site.x), oracle.result(site.module, values, site.x))


@clause("swap.buffer")
@with_site(BUFFERS)
def test_forward_computes_with_the_given_buffer(functional_call, site):
    values = {site.name: site.value()}

    assert torch.equal(functional_call(site.module, values, site.x), oracle.result(site.module, values, site.x))


@clause("swap.buffer")
@pytest.mark.parametrize("own", [torch.tensor([True, False, True]), torch.tensor(4)], ids=["mask", "counter"])
@pytest.mark.parametrize("persistent", [True, False])
def test_a_buffer_need_not_be_a_float(functional_call, names, own, persistent):
    key = names.attribute()
    module = probe(names, lambda self, x: x * getattr(self, key))
    module.register_buffer(key, own, persistent=persistent)
    value = ~own

    assert torch.equal(functional_call(module, {key: value}, torch.ones(3)), torch.ones(3) * value)


def deep_parameter(names):
    """Twelve submodules down."""
    return nested(names, nested(names, nested_parameter(names)))


def deep_buffer(names):
    return nested(names, nested(names, nested_buffer(names)))


@clause("swap.nested")
@with_site((*NESTED, keyed_parameter, deep_parameter, deep_buffer))
def test_dotted_names_reach_any_depth(functional_call, site):
    values = fresh_values(site.module)

    assert torch.equal(functional_call(site.module, values, site.x), oracle.result(site.module, values, site.x))


@clause("swap.nested")
@with_site(NESTED)
def test_a_submodule_that_is_none_is_passed_over(functional_call, names, site):
    site.owner.add_module(names.attribute(), None)
    values = fresh_values(site.module)
    for flags in ({}, {"strict": True}, {"tie_weights": False}):
        result = functional_call(site.module, values, site.x, **flags)

        assert torch.equal(result, oracle.result(site.module, values, site.x))


@clause("swap.partial")
@with_site(SITES)
def test_names_that_are_not_given_keep_their_own_value(functional_call, site):
    kept = []
    site.in_forward(lambda owner: kept.append(site.get(site.other)))
    own = site.get(site.other)

    functional_call(site.module, {site.name: site.value()}, site.x)

    assert kept[0] is own


@clause("swap.partial")
@with_site((flat_parameter, nested_parameter))
def test_a_name_that_begins_like_a_given_one_keeps_its_own_value(functional_call, site):
    longer, kept = site.key + "_too", []
    site.owner.register_parameter(longer, own := parameter())
    site.in_forward(lambda owner: kept.append(getattr(owner, longer)))

    functional_call(site.module, {site.name: site.value()}, site.x)

    assert kept[0] is own


@clause("swap.identity")
@with_site(SITES)
def test_the_attribute_is_the_given_object(functional_call, site):
    value, seen = site.value(), []
    site.in_forward(lambda owner: seen.append(site.current()))

    functional_call(site.module, {site.name: value}, site.x)

    assert seen[0] is value


@clause("swap.identity")
@with_site((flat_parameter, nested_parameter, nested_buffer))
def test_own_tensors_may_be_given_for_one_another(functional_call, site):
    one, other, seen = site.own, site.get(site.other), []
    site.in_forward(lambda owner: seen.append((site.current(), site.get(site.other))))

    for given in ((other, site.value()), (other, one)):
        functional_call(site.module, dict(zip((site.name, site.other), given, strict=True)), site.x)

        assert [now is value for now, value in zip(seen.pop(), given, strict=True)] == [True, True]


@clause("swap.identity")
@with_site(SITES)
def test_a_call_in_a_thread_uses_the_given_object(functional_call, site):
    value, seen, failed = site.value(), [], []
    site.in_forward(lambda owner: seen.append(site.current()))

    def call():
        try:
            functional_call(site.module, {site.name: value}, site.x)
        except Exception as error:
            failed.append(error)

    thread = threading.Thread(target=call)
    thread.start()
    thread.join()

    assert failed == []
    assert seen[0] is value


@clause("swap.identity")
@with_site(FLAT)
def test_the_object_is_kept_by_its_autograd_history(functional_call, site):
    leaf = site.value().requires_grad_()
    value, seen = leaf * 1, []
    site.in_forward(lambda owner: seen.append(site.current()))

    functional_call(site.module, {site.name: value}, site.x)

    assert seen[0] is value
    assert value.grad_fn is not None


KINDS = {
    "plain": lambda tensor: tensor,
    "requires grad": lambda tensor: tensor.requires_grad_(),
    "parameter": nn.Parameter,
    "frozen parameter": lambda tensor: nn.Parameter(tensor, requires_grad=False),
}


@clause("swap.kind")
@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
@with_site(FLAT)
def test_every_kind_of_tensor_is_accepted_everywhere(functional_call, site, kind):
    value, seen = kind(site.value()), []
    requires_grad = value.requires_grad
    site.in_forward(lambda owner: seen.append(site.current()))

    functional_call(site.module, {site.name: value}, site.x)

    assert seen[0] is value
    assert value.requires_grad == requires_grad


OTHERS = {
    "shape": torch.ones(2, 5),
    "empty": torch.ones(0),
    "dtype": torch.ones(3, dtype=torch.float64),
    "integers": torch.ones(3, dtype=torch.int64),
    "layout": torch.ones(3).to_sparse(),
    "device": torch.ones(3, device="meta"),
    "view": torch.ones(6)[::2],
}


@clause("swap.other-shape")
@pytest.mark.parametrize("value", OTHERS.values(), ids=OTHERS)
@with_site(FLAT)
def test_a_value_of_another_shape_dtype_layout_or_device_is_used_as_it_is(functional_call, site, value):
    seen = []
    site.in_forward(lambda owner: seen.append(site.current()) or site.x)

    functional_call(site.module, {site.name: value}, site.x)

    assert seen[0] is value


def _plain_subclass(names, tensor):
    return tensor.as_subclass(type(names.type(), (torch.Tensor,), {}))


def _subclass_without_torch_function(names, tensor):
    disabled = {"__torch_function__": torch._C._disabled_torch_function_impl}
    return tensor.as_subclass(type(names.type(), (torch.Tensor,), disabled))


def _incomparable_subclass(names, tensor):
    """Neither hashed nor compared, as array-like tensors are."""

    def refuse(self, other):
        raise TypeError("not comparable")

    return tensor.as_subclass(type(names.type(), (torch.Tensor,), {"__hash__": None, "__eq__": refuse}))


@clause("swap.subclass")
@pytest.mark.parametrize("kind", [_plain_subclass, _subclass_without_torch_function, _incomparable_subclass])
@with_site(FLAT)
def test_an_instance_of_a_subclass_is_used_as_it_is(functional_call, names, site, kind):
    value, seen = kind(names, site.value()), []
    site.in_forward(lambda owner: seen.append(site.current()))

    functional_call(site.module, {site.name: value}, site.x)

    assert seen[0] is value


@clause("swap.subclass")
@pytest.mark.parametrize("kind", [_plain_subclass, _subclass_without_torch_function, _incomparable_subclass])
@with_group(PAIRS)
def test_an_instance_of_a_subclass_is_used_for_every_tied_name(functional_call, names, group, kind):
    value, seen = kind(names, group.value()), []
    group.in_forward(lambda module: seen.extend(group.current()))

    functional_call(group.module, dict.fromkeys(group.names, value), group.x, tie_weights=True)

    assert [one is value for one in seen] == [True, True]


@clause("swap.subclass")
@pytest.mark.parametrize("given", [True, False], ids=["given", "nothing given"])
@pytest.mark.parametrize("kind", [_subclass_without_torch_function, _incomparable_subclass])
@with_site((flat_parameter,))
def test_a_module_may_own_one(functional_call, names, site, kind, given):
    own = kind(names, torch.ones(3))
    site.module.register_buffer(names.attribute(), own)
    value, seen = site.value(), []
    site.in_forward(lambda owner: seen.append(site.current()))

    functional_call(site.module, {site.name: value} if given else {}, site.x)

    assert seen[0] is (value if given else site.own)


@clause("swap.autocast")
@pytest.mark.parametrize("depth", [0, 1], ids=["root", "child"])
def test_the_weight_cache_of_autocast_mixes_nothing(functional_call, names, depth):
    linear, x = nn.Linear(2, 2, bias=False), torch.ones(1, 2)
    module = nn.Sequential(linear) if depth else linear
    name = "0.weight" if depth else "weight"
    first, second = (nn.Parameter(torch.full((2, 2), number)) for number in (1.0, 2.0))
    with torch.autocast("cpu", dtype=torch.bfloat16):
        own = module(x)
        outputs = [functional_call(module, {name: value}, x).tolist() for value in (first, second, first)]
        again = module(x)

    assert outputs == [[[2, 2]], [[4, 4]], [[2, 2]]]
    assert torch.equal(again, own)


RECURRENT = {
    "RNN": lambda: nn.RNN(2, 2),
    "LSTM": lambda: nn.LSTM(2, 2, num_layers=2, bidirectional=True),
    "LSTM with projections": lambda: nn.LSTM(2, 3, proj_size=2),
    "GRU": lambda: nn.GRU(2, 2),
    "RNNCell": lambda: nn.RNNCell(2, 2),
    "LSTMCell": lambda: nn.LSTMCell(2, 2),
    "GRUCell": lambda: nn.GRUCell(2, 2),
}


def _output(result):
    return result[0] if isinstance(result, tuple) else result


@clause("swap.recurrent")
@pytest.mark.parametrize("make", RECURRENT.values(), ids=RECURRENT)
@pytest.mark.parametrize("part", ["all", "some"])
def test_recurrent_modules_compute_with_the_given_weights_and_then_with_their_own(functional_call, make, part):
    module, other, x = make(), make(), torch.rand(3, 2)
    own = _output(module(x))
    values = {name: value.detach() for name, value in other.named_parameters()}
    if part == "some":
        values = dict(list(values.items())[-1:])
        other.load_state_dict({**module.state_dict(), **values})

    assert torch.equal(_output(functional_call(module, values, (x,))), _output(other(x)))
    assert torch.equal(_output(module(x)), own)


@clause("swap.recurrent")
@pytest.mark.parametrize("make", [RECURRENT["RNN"], RECURRENT["LSTM"], RECURRENT["GRU"]], ids=["RNN", "LSTM", "GRU"])
def test_after_a_call_that_rebinds_a_weight_recurrent_modules_compute_with_their_own(functional_call, make):
    module, x = make(), torch.rand(3, 2)
    own = _output(module(x))
    values = {name: torch.zeros_like(value) for name, value in module.named_parameters()}

    def rebind(module, args):
        module.weight_ih_l0 = nn.Parameter(torch.ones_like(module.weight_ih_l0))

    with module.register_forward_pre_hook(rebind):
        functional_call(module, values, (x,))

    assert torch.equal(_output(module(x)), own)


@clause("swap.recurrent")
@pytest.mark.parametrize("make", RECURRENT.values(), ids=RECURRENT)
def test_recurrent_modules_compute_with_the_same_values_again(functional_call, make):
    module, other, x = make(), make(), torch.rand(3, 2)
    values = {name: value.detach() for name, value in other.named_parameters()}
    functional_call(module, values, (x,))

    assert torch.equal(_output(functional_call(module, values, (x,))), _output(other(x)))
