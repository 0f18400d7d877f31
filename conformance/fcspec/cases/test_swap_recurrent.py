"""swap: recurrent modules, which list their weights a second time."""

import pytest
import torch
from torch import nn

from fcspec.cases.support.comparing import equal
from fcspec.plugin import clause

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

    assert equal(_output(functional_call(module, values, (x,))), _output(other(x)))
    assert equal(_output(module(x)), own)


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

    assert equal(_output(module(x)), own)


@clause("swap.recurrent")
@pytest.mark.parametrize("make", RECURRENT.values(), ids=RECURRENT)
def test_recurrent_modules_compute_with_the_same_values_again(functional_call, make):
    module, other, x = make(), make(), torch.rand(3, 2)
    values = {name: value.detach() for name, value in other.named_parameters()}
    functional_call(module, values, (x,))

    assert equal(_output(functional_call(module, values, (x,))), _output(other(x)))
