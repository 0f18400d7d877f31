"""modules: every class in torch.nn that holds parameters or buffers, compared with a copy that was assigned the values."""

import contextlib

import pytest
import torch

from fcspec.plugin import clause
from fcspec.specimens import oracle
from fcspec.specimens.torch_modules import BOTH, BUFFERS, PARAMETERS, available, tensors, values_for
from fcspec.state.module_state import snapshot

pytestmark = pytest.mark.filterwarnings("ignore")  # deprecated classes warn, and fast paths that use prototypes

# The first weighted loss of a process imports hundreds of modules: do it here, once, and not in the child of each case.
torch.nn.functional.binary_cross_entropy(torch.ones(1), torch.ones(1), torch.ones(1))

# train() or not, and whether gradients are tracked: without them eval takes the fast paths of attention.
MODES = {"train": (True, True), "eval": (False, True), "eval without grad": (False, False)}
modes = pytest.mark.parametrize("mode", MODES)


def every(*tables):
    return pytest.mark.parametrize("one", available(*tables), ids=lambda one: one.name)


def grad_mode(mode):
    return contextlib.nullcontext() if MODES[mode][1] else torch.no_grad()


def differing(found, expected):
    """The indices where two lists of tensors differ. torch.testing would do, but its import is slow in the child of each case."""
    pairs = zip(found, expected, strict=True)
    return [i for i, (one, other) in enumerate(pairs) if one.shape != other.shape or not torch.allclose(one, other)]


def holding(module):
    """A copy of the module that holds values of its own, equal to those that the calls are given."""
    return oracle.holding(module, values_for(module))


@clause("modules.forward")
@modes
@every(PARAMETERS, BOTH, BUFFERS)
def test_the_result_is_that_of_a_module_that_holds_the_values(functional_call, one, mode):
    module = one.make().train(MODES[mode][0])
    with grad_mode(mode):
        expected = holding(module)(*one.inputs())

        found = functional_call(module, values_for(module), one.inputs())

    assert differing(tensors(found), tensors(expected)) == []


@clause("modules.gradient")
@pytest.mark.parametrize("mode", ["train", "eval"])
@every(PARAMETERS, BOTH)
def test_gradients_are_those_of_a_module_that_holds_the_values(functional_call, one, mode):
    module = one.make().train(MODES[mode][0])
    parameters = [name for name, _ in module.named_parameters()]

    def gradients(call):
        values = values_for(module)
        tracked = [values[name].requires_grad_() for name in parameters]
        loss = sum(
            (tensor * torch.linspace(1, 2, tensor.numel()).reshape(tensor.shape)).sum()
            for tensor in tensors(call(values))
        )
        return torch.autograd.grad(loss, tracked)

    with torch.backends.cudnn.flags(enabled=False):  # it differentiates recurrent modules in training mode only
        found = gradients(lambda values: functional_call(module, values, one.inputs()))

        expected = gradients(lambda values: oracle.result(module, values, *one.inputs()))
    assert differing(found, expected) == []


@clause("modules.buffers")
@modes
@every(BOTH, BUFFERS)
def test_given_buffers_change_as_those_of_a_module_that_holds_them(functional_call, one, mode):
    module = one.make().train(MODES[mode][0])
    own = {name: buffer.clone() for name, buffer in module.named_buffers()}
    values, plain = values_for(module), holding(module)
    with grad_mode(mode):
        plain(*one.inputs())

        functional_call(module, values, one.inputs())

    assert differing([values[name] for name in own], plain.buffers()) == []
    assert differing(module.buffers(), own.values()) == []


@clause("modules.restore")
@modes
@every(PARAMETERS, BOTH, BUFFERS)
def test_parameters_and_buffers_are_as_before(functional_call, one, mode):
    module = one.make().train(MODES[mode][0])
    before = snapshot(module)
    with grad_mode(mode):
        functional_call(module, values_for(module), one.inputs())

    assert snapshot(module).slots == before.slots
