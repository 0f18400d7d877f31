"""What the reference promises beyond SPEC.md: the texts that torch's own test of stateless calls pins."""

import re
import threading

import pytest
import torch
from fcspec_reference import functional_call


class NonTensor:
    def __repr__(self):
        return "<NonTensor>"


class Flagged(torch.nn.Linear):
    flag = 0.0


@pytest.mark.parametrize(
    ("values", "error", "text"),
    [
        ({"weight": NonTensor()}, TypeError, "<NonTensor> is not an instance of torch.Tensor"),
        ({"flag": torch.zeros(())}, TypeError, "attribute `flag`: 0.0 is not an instance of torch.Tensor"),
        ({"l2.bias": torch.zeros(())}, AttributeError, "Flagged has no attribute `l2`"),
        ({"weight": torch.zeros(()), "more": torch.zeros(())}, RuntimeError, "Unexpected key(s): 'more'."),
    ],
)
def test_an_error_has_the_text_of_torch(values, error, text):
    with pytest.raises(error, match=re.escape(text)):
        functional_call(Flagged(1, 1), values, torch.zeros(1, 1), strict=error is RuntimeError)


@pytest.mark.parametrize("flags", [{}, {"tie_weights": False}, {"strict": True}])
def test_values_are_used(flags):
    values = {"weight": torch.full((1, 1), 3.0), "bias": torch.zeros(1)}
    assert functional_call(torch.nn.Linear(1, 1), values, torch.ones(1, 1), **flags) == 3


def test_a_store_that_forward_replaces_by_another_dict_holds_its_own_again():
    class Replacing(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.weight = torch.nn.Parameter(torch.ones(1))
            self.register_buffer("count", torch.zeros(1))

        def forward(self, x):
            self._parameters, self._buffers = dict(self._parameters), dict(self._buffers)
            self.count = self.count + 1
            return x * self.weight + self.count

    module = Replacing()
    own, values = (module.weight, module.count), {"weight": torch.full((1,), 5.0), "count": torch.zeros(1)}

    assert functional_call(module, values, torch.ones(1)) == 6
    assert (module.weight is own[0], module.count is own[1], values["count"]) == (True, True, 1)


def test_a_submodule_called_parametrizations_that_holds_other_modules_parametrizes_nothing():
    class Scale(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.weight = torch.ones(1)
            self.parametrizations = torch.nn.ModuleDict({"weight": torch.nn.Identity()})

        def forward(self, x):
            return x * self.weight

    module = Scale()
    own = module.weight

    assert functional_call(module, {"weight": torch.full((1,), 3.0)}, torch.ones(1)) == 3
    assert module.weight is own


def test_calls_in_two_threads_leave_no_given_value_in_one_cache():
    first, second = (torch.nn.utils.parametrizations.weight_norm(torch.nn.Linear(2, 2)) for _ in range(2))
    given = {"parametrizations.weight.original0": torch.zeros(2, 1)}
    begun, may_end = threading.Event(), threading.Event()

    def compute_and_wait(*_):
        assert not first.weight.any()
        begun.set()
        may_end.wait()

    def let_the_other_end(*_):
        may_end.set()
        other.join()

    first.register_forward_pre_hook(compute_and_wait)
    second.register_forward_pre_hook(let_the_other_end)
    other = threading.Thread(target=functional_call, args=(first, given, torch.ones(2)))
    with torch.nn.utils.parametrize.cached():
        other.start()
        begun.wait()
        functional_call(second, given, torch.ones(2))

        assert first.weight.all()
