"""tie: which values of one group are equal and which are different, where they lie close together or share memory."""

import contextlib
import warnings

import pytest
import torch
from torch import nn
from torch.autograd import forward_ad

from fcspec.cases.support.refusal import refused
from fcspec.plugin import Needs, clause, needs
from fcspec.specimens.base import with_group
from fcspec.specimens.groups import ONE_STORE, PAIRS, SHARED, shared_buffer, shared_submodule, two_buffers

ROWS = torch.tensor([[1, 2], [3, 4], [5, 6]])
COMPLEX = torch.tensor([1 + 2j, 3 - 4j])
MANY = torch.arange(5000.0)


def _changed(tensor, value):
    """A copy whose last element is this value."""
    changed = tensor.clone()
    changed.view(-1)[-1] = value
    return changed


class Wrapper(torch.Tensor):
    """A tensor without memory of its own, which lets another one compute."""

    @staticmethod
    def __new__(cls, inner):
        return cls._make_wrapper_subclass(cls, inner.shape, dtype=inner.dtype)

    def __init__(self, inner):
        self.inner = inner

    @classmethod
    def __torch_dispatch__(cls, function, types, args=(), kwargs=None):
        inner = [one.inner if isinstance(one, cls) else one for one in args]
        return function(*inner, **(kwargs or {}))


DIFFERENT = {
    "one ulp": (torch.ones(2), _changed(torch.ones(2), 1 + 2.0**-23)),
    "one ulp of float64": (torch.ones(2).double(), _changed(torch.ones(2).double(), 1 + 2.0**-52)),
    "one ulp of float16": (torch.ones(2).half(), _changed(torch.ones(2).half(), 1 + 2.0**-10)),
    "the smallest float": (torch.zeros(2), torch.tensor([0.0, 2.0**-149])),
    "one element of many": (MANY, _changed(MANY, 0.0)),
    "order of rows": (ROWS, ROWS.flip(0)),
    "order of columns": (ROWS, ROWS.flip(1)),
    "beyond 2**24": (torch.tensor([1, 2**24]), torch.tensor([1, 2**24 + 1])),
    "beyond 2**53": (torch.tensor([1, 2**53]), torch.tensor([1, 2**53 + 1])),
    "bool": (torch.tensor([True, True]), torch.tensor([True, False])),
    "imaginary part": (COMPLEX, _changed(COMPLEX, 3 + 4j)),
    "shapes without elements": (torch.ones(0, 3), torch.ones(3, 0)),
    "transposed": (ROWS[:2], ROWS[:2].t()),
    "expanded": (ROWS[:2], ROWS[:1].expand(2, 2)),
    "conjugate": (COMPLEX, COMPLEX.conj()),
    "negated": (COMPLEX.imag, COMPLEX.conj().imag),
    "memory shared in part": (MANY[:9], MANY[1:10]),
    "the same memory as another dtype": (MANY[:9], MANY[:9].view(torch.int32)),
    "infinities": (torch.tensor([1, torch.inf]), torch.tensor([1, -torch.inf])),
    "no number": (torch.tensor([1.0, 2.0]), torch.tensor([1.0, torch.nan])),
}

SPARSE = {
    "coo": lambda: ROWS.float().to_sparse(),
    "csr": lambda: ROWS.float().to_sparse_csr(),
    "csc": lambda: ROWS.float().to_sparse_csc(),
    "bsr": lambda: ROWS[:2].float().to_sparse_bsr((1, 1)),
    "bsc": lambda: ROWS[:2].float().to_sparse_bsc((1, 1)),
}

# Made where they are used: where a file is imported, their threads would be left behind by forks.
LARGE = {
    "many": lambda: torch.arange(2.0**20),
    "a matrix": lambda: torch.arange(300 * 300.0).view(300, 300),
    "bytes": lambda: torch.arange(2**21).to(torch.int8),
}

EQUAL = {
    "other strides": (ROWS, ROWS.t().contiguous().t()),
    "expanded": (torch.ones(2, 2), torch.ones(1).expand(2, 2)),
    "beyond 2**53": (torch.tensor([2**53 + 1]), torch.tensor([2**53 + 1])),
    "without elements": (torch.ones(0, 3), torch.ones(0, 3)),
    "conjugate": (COMPLEX.conj(), COMPLEX.conj().resolve_conj()),
    "memory shared in part": (torch.ones(9)[:8], torch.ones(9)[1:]),
    "the same memory": (ROWS, ROWS.view(3, 2)),
    "infinities": (torch.tensor([1, torch.inf, -torch.inf]), torch.tensor([1, torch.inf, -torch.inf])),
}


@clause("tie.conflict")
@pytest.mark.parametrize(("one", "other"), DIFFERENT.values(), ids=DIFFERENT)
def test_values_that_are_nearly_equal_are_refused(functional_call, names, one, other):
    group = two_buffers(names, torch.zeros_like(one))
    functional_call(group.module, dict.fromkeys(group.names, one), group.x, tie_weights=True)

    for values in ((one, other), (other, one)):
        with refused(group.module):
            functional_call(group.module, dict(zip(group.names, values, strict=True)), group.x, tie_weights=True)


@clause("tie.conflict")
@pytest.mark.parametrize("make", LARGE.values(), ids=LARGE)
def test_large_values_that_differ_in_one_or_two_elements_are_refused(functional_call, names, make):
    one = make()
    group, size, flat = two_buffers(names, torch.zeros(1)), one.numel(), one.view(-1)
    functional_call(group.module, dict.fromkeys(group.names, one), group.x, tie_weights=True)

    for place in (0, 1, size // 3, size // 2 + 1, size - 2):
        another, exchanged = flat.clone(), flat.clone()
        another[place] += 1
        exchanged[place : place + 2] = flat[place : place + 2].flip(0)
        for other in (another.view_as(one), exchanged.view_as(one)):
            values = dict(zip(group.names, (one, other), strict=True))
            with refused(group.module):
                functional_call(group.module, values, group.x, tie_weights=True)


@clause("tie.equal-values")
@pytest.mark.parametrize("make", LARGE.values(), ids=LARGE)
def test_large_values_that_are_equal_are_accepted(functional_call, names, make):
    one, other = make(), make()
    group, seen = two_buffers(names, torch.zeros(1)), []
    group.in_forward(lambda module: seen.extend(group.current()) or group.x)

    functional_call(group.module, dict(zip(group.names, (one, other), strict=True)), group.x, tie_weights=True)

    assert seen[0] is one
    assert seen[1] is other


@clause("tie.conflict")
@needs(Needs.TRANSFORMS)  # torch.equal of such tensors imports sympy
def test_values_without_memory_that_are_different_are_refused(functional_call, names):
    one, other = Wrapper(torch.ones(2)), Wrapper(torch.zeros(2))
    group = two_buffers(names, Wrapper(torch.ones(2)))
    functional_call(group.module, dict.fromkeys(group.names, one), group.x, tie_weights=True)

    with refused(group.module):
        functional_call(group.module, dict(zip(group.names, (one, other), strict=True)), group.x, tie_weights=True)


@clause("tie.conflict")
@with_group(PAIRS)
def test_parameters_that_are_nearly_equal_are_refused(functional_call, group):
    one, other = group.value(), group.value()
    other[1] = torch.nextafter(other[1], torch.full_like(other[1], 9.0))
    functional_call(group.module, dict.fromkeys(group.names, one), group.x, tie_weights=True)

    with refused(group.module):
        values = dict(zip(group.names, map(nn.Parameter, (one, other)), strict=True))
        functional_call(group.module, values, group.x, tie_weights=True)


@clause("tie.equal-values")
@pytest.mark.parametrize(("one", "other"), EQUAL.values(), ids=EQUAL)
def test_equal_values_that_lie_otherwise_in_memory_are_accepted(functional_call, names, one, other):
    group, seen = two_buffers(names, torch.zeros_like(one)), []
    group.in_forward(lambda module: seen.extend(group.current()) or group.x)

    functional_call(group.module, dict(zip(group.names, (one, other), strict=True)), group.x, tie_weights=True)

    assert seen[0] is one
    assert seen[1] is other


@clause("tie.equal-values")
@pytest.mark.parametrize("layout", SPARSE)
def test_sparse_values_of_the_same_parts_are_accepted(functional_call, names, layout):
    with warnings.catch_warnings():
        warnings.simplefilter(
            "ignore"
        )  # sparse layouts are in beta, torch says, and a user's pytest makes that an error
        one = SPARSE[layout]()
    other = one.detach()
    group, seen = two_buffers(names, torch.zeros(1)), []
    group.in_forward(lambda module: seen.extend(group.current()) or group.x)

    functional_call(group.module, dict(zip(group.names, (one, other), strict=True)), group.x, tie_weights=True)

    assert [*map(id, seen)] == [id(one), id(other)]


@clause("tie.shared-submodule")
@pytest.mark.parametrize("kind", ["one ulp", "order of rows", "beyond 2**53", "transposed", "memory shared in part"])
def test_values_for_one_slot_that_are_nearly_equal_are_refused(functional_call, names, kind):
    one, other = DIFFERENT[kind]
    group = shared_buffer(names, torch.zeros_like(one))
    functional_call(group.module, dict.fromkeys(group.names, one), group.x, tie_weights=True)

    with refused(group.module):
        functional_call(group.module, dict(zip(group.names, (one, other), strict=True)), group.x, tie_weights=True)


@clause("tie.equal-values")
@with_group(ONE_STORE)
def test_a_slot_of_two_modules_holds_what_is_given_for_it(functional_call, names, group):
    key, other, value, seen = names.attribute(), group.value(), group.value(), []
    is_parameter = isinstance(group.own, nn.Parameter)
    (group.module.register_parameter if is_parameter else group.module.register_buffer)(key, group.own)
    group.in_forward(lambda module: seen.append(group.current()[0]))

    functional_call(group.module, {key: other, group.names[0]: value}, group.x)

    assert seen[0] is value


@needs(Needs.TRANSFORMS)
@pytest.mark.parametrize(
    "added", [pytest.param(0, marks=clause("tie.equal-values")), pytest.param(1, marks=clause("tie.conflict"))]
)
@with_group(PAIRS)
def test_values_are_compared_inside_a_transform_too(functional_call, group, added):
    """grad wraps them, and torch compares what it wraps."""

    def loss(value):
        values = dict(zip(group.names, (value * 1, value * 1 + added), strict=True))
        with refused(group.module) if added else contextlib.nullcontext():
            functional_call(group.module, values, group.x, tie_weights=True)
        return value.sum()

    torch.func.grad(loss)(group.value())


@clause("tie.conflict")
@with_group(PAIRS)
def test_values_that_were_equal_are_refused_when_they_are_no_longer(functional_call, group):
    values = {name: group.value() for name in group.names}
    with contextlib.suppress(Exception):  # that it is accepted is the law of tie.equal-values
        functional_call(group.module, values, group.x, tie_weights=True)

    values[group.names[1]].data.add_(1)  # which no version counter shows
    with refused(group.module):
        functional_call(group.module, values, group.x, tie_weights=True)


@clause("tie.equal-values")
@with_group(PAIRS)
def test_values_that_were_different_are_accepted_when_they_are_equal(functional_call, group):
    """They have been changed in place, and one of them more often than the other."""
    values = {name: group.value(seed) for seed, name in enumerate(group.names)}
    one, other = values.values()
    with contextlib.suppress(Exception):  # that it is refused is the law of tie.conflict
        functional_call(group.module, values, group.x, tie_weights=True)

    other.zero_().copy_(one)
    functional_call(group.module, values, group.x, tie_weights=True)
    one.data.add_(1)
    other.data.add_(1)
    functional_call(group.module, values, group.x, tie_weights=True)


@clause("tie.shared-submodule")
@with_group((shared_submodule,))
def test_different_values_for_one_slot_that_holds_none_are_refused(functional_call, group):
    one, other = group.value(1), group.value(2)
    path, _, key = group.names[0].rpartition(".")
    setattr(group.module.get_submodule(path), key, None)
    functional_call(group.module, dict.fromkeys(group.names, one), group.x)

    with refused(group.module):
        functional_call(group.module, dict(zip(group.names, (one, other), strict=True)), group.x)


@clause("tie.shared-submodule")
@needs(Needs.TRANSFORMS)
@with_group(SHARED)
def test_equal_values_for_one_slot_with_equal_tangents_are_accepted(functional_call, group):
    with forward_ad.dual_level():
        for make in (torch.Tensor.clone, torch.Tensor.detach, lambda one: one * 1):
            value, tangent = group.value(), torch.ones(3)
            duals = [forward_ad.make_dual(value, tangent), forward_ad.make_dual(make(value), make(tangent))]
            given = dict(zip(group.names, duals, strict=True))

            assert forward_ad.unpack_dual(functional_call(group.module, given, group.x)).tangent is not None
