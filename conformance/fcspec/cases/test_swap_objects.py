"""swap: forward sees the given object itself, of whatever kind, shape or class."""

import contextlib
import threading

import pytest
import torch
from torch import nn

from fcspec.cases.support.comparing import identical
from fcspec.cases.support.subclasses import (
    KINDS_OF_SUBCLASS,
    incomparable_subclass,
    subclass_without_torch_function,
)
from fcspec.plugin import clause
from fcspec.specimens.base import fresh_values, probe, with_group, with_site
from fcspec.specimens.groups import PAIRS
from fcspec.specimens.sites import (
    FLAT,
    SITES,
    flat_parameter,
    nested_buffer,
    nested_parameter,
)


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

        assert identical(seen.pop(), given)


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


MODES = (
    *(torch.no_grad, torch.inference_mode, torch.autograd.detect_anomaly),
    lambda: torch.autocast("cpu", dtype=torch.bfloat16),
)


@clause("swap.identity")
@pytest.mark.filterwarnings("ignore:Anomaly")
@with_site((flat_parameter, nested_buffer))
def test_the_attribute_is_the_given_object_in_every_mode(functional_call, site):
    before, seen = site.value(), []
    kinds = before, before.double(), before.clone().requires_grad_() * 1
    site.in_forward(lambda owner: seen.append(site.current()))

    for mode in MODES:
        with mode():
            for value in (*kinds, before.clone()):
                functional_call(site.module, {site.name: value}, site.x)

                assert seen.pop() is value


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

    for own_requires_grad in (True, False):
        site.module.requires_grad_(own_requires_grad)
        functional_call(site.module, {site.name: value}, site.x)

        assert seen.pop() is value
        assert value.requires_grad == requires_grad


OTHERS = {
    "shape": torch.ones(2, 5),
    "empty": torch.ones(0),
    "dtype": torch.ones(3, dtype=torch.float64),
    "integers": torch.ones(3, dtype=torch.int64),
    "layout": torch.ones(3).to_sparse(),
    "one place twice": torch.sparse_coo_tensor(
        torch.tensor([[0, 0]]), torch.tensor([1.0, 2.0]), (3,), check_invariants=False
    ),
    "conjugate": torch.ones(3, dtype=torch.complex64).conj(),
    "device": torch.ones(3, device="meta"),
    "view": torch.ones(6)[::2],
}


@clause("swap.other-shape")
@pytest.mark.parametrize("value", OTHERS.values(), ids=OTHERS)
@with_site(FLAT)
def test_a_value_of_another_shape_dtype_layout_or_device_is_used_as_it_is(functional_call, site, value):
    seen, others = [], fresh_values(site.module)
    site.in_forward(lambda owner: seen.append(site.current()) or site.x)

    functional_call(site.module, {site.name: value}, site.x)
    functional_call(site.module, {**others, site.name: value}, site.x, strict=True)

    assert [one is value for one in seen] == [True, True]


@clause("swap.own-tensors")
def test_sparse_tensors_of_one_place_twice_stay_so(functional_call, names):
    """Given ones, equal or not, too: torch can say of a tensor that it is coalesced, and no number changes."""

    def sparse(number):
        return torch.sparse_coo_tensor([[0, 0]], [1.0, number], (3,), check_invariants=False)

    own = sparse(4.0)
    module, (first, second, third) = probe(names), (names.attribute() for _ in range(3))
    for key in (first, second, third):
        module.register_buffer(key, sparse(5.0) if key == third else own)
    type(module).in_forward = staticmethod(lambda owner: seen.append(owner.get_buffer(third)) or torch.zeros(()))
    others, seen = module.get_buffer(third), []
    for numbers in ((), (2.0,), (2.0, 2.0), (2.0, 3.0)):
        values = dict(zip((first, second), map(sparse, numbers), strict=False))
        with contextlib.suppress(Exception):  # whether values are equal may be undecidable
            functional_call(module, values, torch.ones(3))

        assert [one.is_coalesced() for one in (own, others, *values.values())] == [False] * (2 + len(values))
        assert identical([*module.buffers(), *seen], [own, others, *[others] * len(seen)])


NEAR = (
    *(torch.tensor(2.0), torch.ones(1), torch.ones(1).expand(3), torch.ones(3, 1)),
    *(torch.ones(3, dtype=dtype) for dtype in (torch.float16, torch.bfloat16, torch.complex64, torch.bool)),
)


@clause("swap.other-shape")
@with_site(FLAT)
def test_a_value_that_could_be_cast_or_expanded_is_used_as_it_is(functional_call, site):
    seen = []
    site.in_forward(lambda owner: seen.append(site.current()) or site.x)

    for value in NEAR:
        functional_call(site.module, {site.name: value}, site.x)

        assert seen.pop() is value


@clause("swap.subclass")
@pytest.mark.parametrize("kind", KINDS_OF_SUBCLASS)
@with_site(FLAT)
def test_an_instance_of_a_subclass_is_used_as_it_is(functional_call, names, site, kind):
    value, seen = kind(names, site.value()), []
    site.in_forward(lambda owner: seen.append(site.current()))

    functional_call(site.module, {site.name: value}, site.x)

    assert seen[0] is value


@clause("swap.subclass")
@pytest.mark.parametrize("kind", KINDS_OF_SUBCLASS)
@with_group(PAIRS)
def test_an_instance_of_a_subclass_is_used_for_every_tied_name(functional_call, names, group, kind):
    value, seen = kind(names, group.value()), []
    group.in_forward(lambda module: seen.extend(group.current()))

    for given in (group.names, group.names[:1], group.names[1:]):
        functional_call(group.module, dict.fromkeys(given, value), group.x, tie_weights=True)

    assert identical(seen, [value] * 6)


@clause("swap.subclass")
@pytest.mark.parametrize("given", [True, False], ids=["given", "nothing given"])
@pytest.mark.parametrize("tied", [True, False], ids=["tied", "untied"])
@pytest.mark.parametrize("kind", [subclass_without_torch_function, incomparable_subclass])
@with_site((flat_parameter,))
def test_a_module_may_own_one(functional_call, names, site, kind, tied, given):
    own = kind(names, torch.ones(3))
    for key in (names.attribute(), names.attribute())[: 1 + tied]:
        site.module.register_buffer(key, own)
    value, seen = site.value(), []
    site.in_forward(lambda owner: seen.append(site.current()))

    functional_call(site.module, {site.name: value} if given else {}, site.x)

    assert seen[0] is (value if given else site.own)


@clause("swap.identity")
@with_site((flat_parameter, nested_parameter))
def test_a_plain_tensor_is_the_given_one_beside_a_submodule_that_is_called_like_that_of_torch(
    functional_call, names, site
):
    """And has a module under its key. Accepted or refused."""
    key, plain = names.attribute(), torch.rand(3)
    site.owner.__dict__[key] = plain
    site.owner.add_module("parametrizations", nn.ModuleDict({key: probe(names, lambda self: torch.zeros(3))}))
    value, seen = site.value(), []
    site.in_forward(lambda owner: seen.append(getattr(owner, key)) or site.x)
    with contextlib.suppress(Exception):
        functional_call(site.module, {site.sibling_name(key): value}, site.x)

    assert all(one is value for one in seen)
    assert site.owner.__dict__[key] is plain


PRIVATE = (
    *("_flat_weights", "_flat_weight_refs", "_flat_weights_names", "_all_weights", "_tied_weights_keys", "_cache"),
    *(
        "_orig_mod",
        "_fsdp_wrapped_module",
        "_checkpoint_wrapped_module",
        "_forward_module",
        "_is_root",
        "_c",
        "_hf_hook",
    ),
)
"""Attributes that modules of torch and of well-known libraries have, and that a user's module can have, too."""


@clause("swap.parameter")
@pytest.mark.parametrize("held", [[], [1, "text"]], ids=["empty list", "list"])
@with_site((flat_parameter, nested_parameter))
def test_a_users_attributes_mean_nothing(functional_call, site, held):
    seen, value = [], site.value()
    site.in_forward(lambda owner: seen.append(site.current()))
    for key in PRIVATE:
        site.owner.__dict__[key] = [*held]
        functional_call(site.module, {site.name: value}, site.x)

        assert identical([seen.pop()], [value])
        assert site.owner.__dict__.pop(key) == held
