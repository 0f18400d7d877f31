"""parametrize: the parametrizations of torch.nn.utils.parametrizations."""

import itertools

import pytest
import torch
from torch import nn

from fcspec.cases.support.comparing import close, equal
from fcspec.plugin import clause, unsupported
from fcspec.specimens import oracle
from fcspec.state.module_state import snapshot

BUILTIN = ("weight_norm", "spectral_norm", "orthogonal")


def _builtin(kind):
    normalize = getattr(nn.utils.parametrizations, kind, None)
    if normalize is None:
        unsupported(f"{kind} is no parametrization before torch 2.1")
    linear = normalize(nn.Linear(3, 3))
    if (
        kind == "spectral_norm"
    ):  # else its power iteration may have converged, and running it again would change nothing
        nn.init.uniform_(linear.parametrizations.weight.original)
    return linear


@clause("parametrize.not-run")
@pytest.mark.parametrize("training", [True, False], ids=["train", "eval"])
def test_the_vectors_of_a_disabled_spectral_norm_stay(functional_call, training):
    linear = _builtin("spectral_norm").train(training)
    before = snapshot(linear)

    functional_call(linear, {"weight": torch.ones(3, 3)}, torch.ones(1, 3))

    assert snapshot(linear).slots == before.slots


@clause("parametrize.builtin")
@pytest.mark.parametrize("kind", BUILTIN)
@pytest.mark.parametrize("nested", [False, True], ids=["flat", "nested"])
def test_builtin_parametrizations_are_disabled_by_the_regular_name(functional_call, kind, nested):
    linear, x = _builtin(kind), torch.rand(2, 3)
    module = nn.Sequential(linear) if nested else linear
    before, value = snapshot(module), torch.arange(9.0).reshape(3, 3).requires_grad_()

    result = functional_call(module, {"0.weight" if nested else "weight": value}, x)
    result.sum().backward()

    assert equal(result, nn.functional.linear(x, value, linear.bias))
    assert close(value.grad, x.sum(0).expand(3, 3))
    assert snapshot(module).slots == before.slots


@clause("parametrize.builtin-originals")
@pytest.mark.parametrize("kind", BUILTIN)
def test_builtin_parametrizations_apply_to_given_originals(functional_call, kind):
    linear, x = _builtin(kind).eval(), torch.rand(2, 3)
    names = [name for name, _ in linear.named_parameters() if ".original" in name]
    for chosen in itertools.chain.from_iterable(itertools.combinations(names, n) for n in range(1, len(names) + 1)):
        values = {name: torch.rand_like(linear.get_parameter(name)) + 1 for name in chosen}
        before = snapshot(linear)

        result = functional_call(linear, values, x)

        assert close(result, oracle.result(linear, values, x))
        assert snapshot(linear).slots == before.slots
