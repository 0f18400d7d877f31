"""dicts: what PyTorch itself makes of a module's state works as values: named_parameters(), named_buffers(), state_dict()."""

import pytest
import torch
from torch import nn

from fcspec.cases.support.comparing import equal
from fcspec.plugin import clause
from fcspec.specimens.base import with_group
from fcspec.specimens.groups import ONE_STORE, PAIRS, shared_buffer, shared_submodule, two_buffers

COMMON = {
    "Linear": (lambda: nn.Linear(3, 2), (4, 3)),
    "BatchNorm1d": (lambda: nn.BatchNorm1d(3).eval(), (4, 3)),
    "Sequential": (lambda: nn.Sequential(nn.Conv1d(3, 2, 2), nn.BatchNorm1d(2), nn.ReLU()), (4, 3, 5)),
    "Transformer": (lambda: nn.TransformerEncoderLayer(4, 2, 8, dropout=0.0), (2, 4)),
}


@clause("dicts.idioms")
@pytest.mark.parametrize(("make", "shape"), COMMON.values(), ids=COMMON)
def test_the_idioms_of_the_documentation_work(functional_call, make, shape):
    module, x = make(), torch.rand(shape)
    plain = module(x)
    parameters, buffers = dict(module.named_parameters()), dict(module.named_buffers())

    assert equal(functional_call(module, parameters, (x,)), plain)
    assert equal(functional_call(module, (parameters, buffers), (x,)), plain)


@clause("dicts.state-dict")
@pytest.mark.parametrize(("make", "shape"), COMMON.values(), ids=COMMON)
def test_a_state_dict_works(functional_call, make, shape):
    module, other, x = make(), make(), torch.rand(shape)
    plain = other(x)

    assert equal(functional_call(module, other.state_dict(), (x,)), plain)


@clause("dicts.state-dict")
@pytest.mark.parametrize(("make", "shape"), COMMON.values(), ids=COMMON)
def test_the_modules_own_state_dict_works(functional_call, make, shape):
    module, x = make(), torch.rand(shape)

    assert equal(functional_call(module, module.state_dict(), (x,)), module(x))


@clause("dicts.state-dict")
@with_group((*PAIRS, shared_submodule, *ONE_STORE))
def test_the_state_dict_of_a_tied_model_works(functional_call, group):
    assert equal(functional_call(group.module, group.module.state_dict(), group.x), group.module(group.x))


KINDS = {
    "nan": lambda: torch.full((2,), float("nan")),
    "nan in part": lambda: torch.tensor([1.0, float("nan")]),
    "float8": lambda: torch.ones(2).to(getattr(torch, "float8_e4m3fn", torch.float16)),
    "meta": lambda: torch.ones(2, device="meta"),
    "sparse": lambda: torch.eye(2).to_sparse(),
    "not coalesced": lambda: torch.sparse_coo_tensor(
        torch.zeros(1, 2, dtype=torch.int64), torch.tensor([1.0, 2.0]), (2,), check_invariants=False
    ),
    "sparse rows": lambda: torch.eye(2).to_sparse_csr(),
    "sparse columns": lambda: torch.eye(2).to_sparse_csc(),
    "empty": lambda: torch.ones(0),
    "nested": lambda: torch.nested.nested_tensor([torch.ones(1), torch.ones(2)]),
}


@clause("dicts.state-dict")
@pytest.mark.filterwarnings("ignore:The PyTorch API of nested tensors")
@pytest.mark.parametrize("make", [two_buffers, shared_buffer])
@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
def test_the_state_dict_of_a_tied_model_works_whatever_its_tensors_hold(functional_call, names, make, kind):
    group = make(names, kind())
    functional_call(group.module, {group.names[0]: group.own}, group.x)

    assert functional_call(group.module, group.module.state_dict(), group.x) is group.x
