"""restore: after the call recurrent modules list their own weights."""

import copy

import pytest
import torch
from torch import nn
from torch.nn.utils import parametrize

from fcspec.cases.support.comparing import equal, identical
from fcspec.cases.support.outcomes import raises_if, raising, returns_or_raises
from fcspec.plugin import Needs, clause, needs
from fcspec.specimens.base import fresh_values, probe
from fcspec.specimens.parametrized import parametrization

RECURRENT = {
    "RNN": lambda: nn.RNN(2, 2, num_layers=2),
    "LSTM": lambda: nn.LSTM(2, 3, num_layers=2, proj_size=2),
    "GRU": lambda: nn.GRU(2, 2, num_layers=2, bidirectional=True),
}


@clause("restore.recurrent")
@pytest.mark.parametrize("flags", [{}, {"tie_weights": False}], ids=["tied", "untied"])
@pytest.mark.parametrize("make", RECURRENT.values(), ids=RECURRENT)
@returns_or_raises
def test_recurrent_modules_list_their_own_weights_again(functional_call, make, fails, flags):
    module = make()
    own = [weight for layer in module.all_weights for weight in layer]
    values = {name: torch.zeros_like(value) for name, value in module.named_parameters()}
    x = torch.rand(1, 1, 3, 2) if fails else torch.rand(3, 2)  # an LSTM of torch 2.1 takes any number of features
    with raises_if(fails, Exception):
        functional_call(module, values, (x,), **flags)

    assert len(module._flat_weights) == len(own)
    assert identical(module._flat_weights, own)


@clause("restore.recurrent")
@pytest.mark.parametrize("flags", [{}, {"tie_weights": False}, {"strict": True}], ids=["default", "untied", "strict"])
def test_recurrent_modules_list_their_own_weights_however_the_call_ends(functional_call, flags):
    module = nn.Sequential(nn.Linear(2, 2), nn.GRU(2, 2))
    own, values = list(module[1]._parameters.values()), fresh_values(module)
    for error in (ZeroDivisionError, KeyboardInterrupt, SystemExit):
        with module[1].register_forward_hook(raising(error)), pytest.raises(error):
            functional_call(module, values, (torch.rand(3, 2),), **flags)

        assert identical(module[1]._flat_weights, own)


@clause("restore.recurrent")
def test_a_recurrent_module_that_came_after_a_call_lists_its_own_weights(functional_call):
    """What call.module-as-it-is says of slots, for these lists."""
    module = nn.Sequential(nn.Linear(2, 2), nn.Identity())
    functional_call(module, fresh_values(module), (torch.rand(3, 2),))
    module[1] = nn.GRU(2, 2)
    own = list(module[1]._parameters.values())

    functional_call(module, fresh_values(module), (torch.rand(3, 2),))

    assert identical(module[1]._flat_weights, own)


@clause("restore.recurrent")
@pytest.mark.parametrize("kind", [nn.RNN, nn.LSTM, nn.GRU])
def test_a_subclass_of_a_recurrent_module_lists_its_own_weights_again(functional_call, names, kind):
    module = type(names.type(), (kind,), {})(2, 2)
    own = list(module._parameters.values())

    functional_call(module, fresh_values(module), (torch.rand(3, 2),))

    assert identical(module._flat_weights, own)


@clause("restore.recurrent")
def test_a_recurrent_module_lists_its_own_weights_when_another_one_was_given(functional_call, names):
    first, second = nn.GRU(2, 2), nn.GRU(2, 2)
    second.weight_ih_l0 = first.weight_ih_l0
    both = type(names.type(), (nn.ModuleList,), {"forward": lambda self, x: [one(x)[0] for one in self]})
    module, own = both([first, second]), list(second._parameters.values())

    functional_call(module, {"0.weight_ih_l0": torch.zeros(6, 2)}, (torch.rand(3, 2),))

    assert identical(second._flat_weights, own)


@clause("restore.recurrent")
@pytest.mark.parametrize("flags", [{}, {"tie_weights": False}], ids=["tied", "untied"])
@pytest.mark.parametrize("given", [0, 1])
def test_two_recurrent_modules_over_one_store_list_their_own_weights_again(functional_call, names, flags, given):
    first = nn.GRU(2, 2)
    second = copy.copy(first)
    second._flat_weights, second._flat_weight_refs = [*first._flat_weights], [*first._flat_weight_refs]
    both = type(names.type(), (nn.ModuleList,), {"forward": lambda self, x: [one(x)[0] for one in self]})
    module, own = both([first, second]), list(first._parameters.values())

    functional_call(module, {f"{given}.weight_ih_l0": torch.zeros(6, 2)}, (torch.rand(3, 2),), **flags)

    assert identical(first._flat_weights, own)
    assert identical(second._flat_weights, own)


@clause("restore.recurrent")
@pytest.mark.parametrize("make", [nn.RNN, nn.LSTM, nn.GRU])
def test_a_weight_that_a_hook_binds_anew_is_listed_where_none_was_given(functional_call, make):
    module, new = make(2, 2), []

    def bind(module, args):
        module.weight_hh_l0 = nn.Parameter(torch.zeros_like(module.weight_hh_l0))
        new.append(module.weight_hh_l0)

    module.register_forward_pre_hook(bind)
    functional_call(module, {}, (torch.rand(3, 2),))

    assert module.weight_hh_l0 is new[0]
    assert module._flat_weights[1] is new[0]


@clause("restore.recurrent")
@pytest.mark.parametrize("given", ["weight_ih_l0", "parametrizations.weight_ih_l0.original", "weight_hh_l0"])
def test_so_it_is_where_another_weight_is_parametrized(functional_call, given):
    module, new = nn.GRU(2, 2), []
    parametrize.register_parametrization(module, "weight_ih_l0", nn.Identity())

    def bind(module, args):
        module.bias_ih_l0 = nn.Parameter(torch.zeros(6))
        new.append(module.bias_ih_l0)

    module.register_forward_pre_hook(bind)
    functional_call(module, {given: torch.ones(6, 2)}, (torch.rand(3, 2),))

    assert module.bias_ih_l0 is new[0]
    assert module._flat_weights[module._flat_weights_names.index("bias_ih_l0")] is new[0]


@clause("restore.recurrent")
@returns_or_raises
def test_own_weights_are_listed_after_a_call_in_a_call_of_the_same_module(functional_call, names, fails):
    rnn = nn.GRU(2, 2)
    module = probe(names, lambda self, x: rnn(x)[0])
    module.add_module(names.attribute(), rnn)
    own, values, x, calls = list(rnn._parameters.values()), fresh_values(module), torch.rand(3, 2), []

    def act(self, args):
        calls.append(1)
        if len(calls) == 1:
            functional_call(module, values, x)
        elif fails:
            raise ZeroDivisionError

    rnn.register_forward_pre_hook(act)
    with raises_if(fails):
        functional_call(module, dict([*values.items()][1:]), x)

    assert len(calls) == 2
    assert identical(rnn._flat_weights, own)


@clause("restore.recurrent")
@returns_or_raises
def test_an_entry_that_is_no_slot_is_as_forward_left_it(functional_call, names, fails):
    """As in WeightDrop: a weight is a plain attribute that forward computes anew from a parameter of its parent."""
    rnn, raw = nn.LSTM(1, 1), names.attribute()

    def forward(self, x):
        rnn.weight_hh_l0 = getattr(self, raw) * 1
        result = rnn(x)[0]
        return 1 / 0 if fails else result

    module = probe(names, forward)
    module.register_parameter(raw, nn.Parameter(rnn.weight_hh_l0.detach().clone()))
    module.add_module(names.attribute(), rnn)
    del rnn._parameters["weight_hh_l0"]
    rnn.weight_hh_l0 = getattr(module, raw) * 1

    with raises_if(fails):
        functional_call(module, {raw: torch.full((4, 1), 5.0)}, torch.ones(3, 1))

    for listed, name in zip(rnn._flat_weights, rnn._flat_weights_names, strict=True):
        assert listed is getattr(rnn, name), f"{name} is listed as another tensor"


@clause("restore.recurrent")
@needs(Needs.TRANSFORMS)
def test_a_recurrent_module_lists_its_own_weights_after_a_transform(functional_call):
    module, x = nn.GRU(2, 2), torch.rand(3, 2)
    own = list(module._parameters.values())

    with torch.backends.cudnn.flags(
        enabled=False
    ):  # for it, forward asks the weights for a data pointer: none in a transform
        torch.func.grad(lambda values: functional_call(module, values, (x,))[0].sum())(fresh_values(module))

    assert identical(module._flat_weights, own)


@clause("restore.recurrent")
@pytest.mark.parametrize("make", [nn.RNN, nn.LSTM, nn.GRU])
def test_recurrent_submodules_list_their_own_weights_again(functional_call, make):
    module = nn.Sequential(nn.Linear(2, 2), nn.Sequential(make(2, 2)))
    own = list(module[1][0]._parameters.values())

    functional_call(module, fresh_values(module), (torch.rand(3, 2),))

    assert identical(module[1][0]._flat_weights, own)


@clause("restore.recurrent")
@pytest.mark.parametrize("make", [nn.RNN, nn.LSTM, nn.GRU])
@pytest.mark.parametrize("flags", [{}, {"tie_weights": False}], ids=["tied", "untied"])
def test_a_recurrent_module_with_a_parametrized_weight_lists_own_weights_again(functional_call, names, make, flags):
    module = make(2, 2)
    parametrize.register_parametrization(module, "weight_hh_l0", parametrization(names, [], lambda x: x * 2))
    module(torch.rand(3, 2))
    original = "parametrizations.weight_hh_l0.original"

    functional_call(module, {original: torch.zeros_like(module.get_parameter(original))}, (torch.rand(3, 2),), **flags)

    assert len(module._flat_weights) == 4
    for name in module._flat_weights_names:
        assert equal(module._flat_weights[module._flat_weights_names.index(name)], getattr(module, name))
