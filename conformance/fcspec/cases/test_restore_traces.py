"""restore: what else of the module a call could change, beside the slots themselves."""

import contextlib
import copy
import functools
import itertools
import pickle

import pytest
import torch
from torch import nn

from fcspec.cases.support.comparing import equal
from fcspec.cases.support.outcomes import raises_if, raising, returns_or_raises
from fcspec.cases.support.various import various
from fcspec.plugin import clause
from fcspec.specimens.base import fresh_values, parameter, with_site
from fcspec.specimens.sites import FLAT, NESTED, PARAMETERS, SITES, flat_parameter
from fcspec.state.module_state import paths, snapshot


def _places(module, key):
    """Every place in a module and its submodules where a name contains this key, in words."""
    return [
        f"{name} in {kind or '__dict__'} of {path or 'the module'}"
        for path, owner in paths(module)
        for kind in (None, "_parameters", "_buffers", "_modules", "_non_persistent_buffers_set")
        for name in (vars(owner)[kind] if kind else vars(owner))
        if key in name
    ]


@clause("restore.no-leftovers")
@returns_or_raises
@with_site((*FLAT, *NESTED[:2]))
def test_names_that_the_module_did_not_have_leave_nothing_behind(functional_call, names, site, fails):
    key, errors = names.attribute(), (ZeroDivisionError, KeyboardInterrupt)
    buffers = [nn.Buffer(torch.ones(3), persistent=persistent) for persistent in (True, False) if hasattr(nn, "Buffer")]
    extras = torch.ones(3), parameter(), *buffers, None  # that None is accepted is the law of drop-in.none-value
    for extra, error in itertools.product(extras, errors if fails else (None,)):
        if fails:
            site.in_forward(raising(error))
        with contextlib.suppress(Exception, *errors) if extra is None else raises_if(fails, error):
            functional_call(site.module, {site.name: site.value(), site.sibling_name(key): extra}, site.x)

        assert not hasattr(site.owner, key)
        assert _places(site.module, key) == []


@clause("restore.own-grad")
@with_site(PARAMETERS)
def test_grad_is_no_name(functional_call, site):
    """The call may be refused: the name leads through a parameter, which is no module."""
    with contextlib.suppress(Exception):
        functional_call(site.module, {f"{site.name}.grad": site.value()}, site.x)

    assert site.own.grad is None


@clause("restore.own-grad")
@with_site(PARAMETERS)
def test_grad_of_own_parameters_is_untouched(functional_call, site):
    for one in site.module.parameters():
        one.grad = torch.full_like(one, 5.0)
    before = snapshot(site.module)

    values = {name: value.requires_grad_() for name, value in fresh_values(site.module).items()}
    functional_call(site.module, values, site.x).sum().backward()

    assert snapshot(site.module).grads == before.grads


@clause("restore.versions")
@with_site(SITES)
def test_own_tensors_are_not_written_to(functional_call, site):
    before, output = snapshot(site.module), site.module(site.x.requires_grad_())

    functional_call(site.module, fresh_values(site.module), site.x)

    assert snapshot(site.module).versions == before.versions
    output.sum().backward()


@clause("restore.shape")
@returns_or_raises
@with_site(SITES)
def test_nothing_else_of_the_module_is_changed(functional_call, site, fails):
    if fails:
        site.in_forward(lambda owner: 1 / 0)
    site.owner.register_forward_hook(lambda *_: None)
    site.module.register_forward_pre_hook(lambda *_: None)
    site.module.eval()
    before = snapshot(site.module)

    with raises_if(fails):
        functional_call(site.module, fresh_values(site.module), site.x)

    assert snapshot(site.module).shape == before.shape


@clause("restore.shape")
@returns_or_raises
@with_site((*FLAT, *NESTED[:2]))
def test_submodules_and_hooks_that_forward_adds_stay(functional_call, names, site, fails):
    child, key, handles = nn.Identity(), names.attribute(), []

    def act(owner):
        owner.add_module(key, child)
        handles.append(owner.register_forward_hook(lambda *_: None))
        handles.append(site.module.register_full_backward_hook(lambda *_: None))
        return 1 / 0 if fails else torch.zeros(())

    site.in_forward(act)
    with raises_if(fails):
        functional_call(site.module, {site.name: site.value()}, site.x)

    assert site.owner._modules.get(key) is child
    assert [handle.id in handle.hooks_dict_ref() for handle in handles] == [True, True]


@clause("restore.shape")
@pytest.mark.parametrize("given", ["one", "all", "strict", "missing", "nowhere"])
@with_site((flat_parameter, NESTED[1]))
def test_what_a_module_computes_when_it_is_asked_is_not_computed(functional_call, names, site, given):
    """Nobody asks for it: it is neither given nor read by forward."""
    computed, lazy, all_names = names.attribute(), names.attribute(), fresh_values(site.module)
    for kind in {type(site.module), type(site.owner)}:
        setattr(kind, computed, functools.cached_property(lambda self: torch.zeros(3)))
        getattr(kind, computed).__set_name__(kind, computed)
        setattr(kind, lazy, property(lambda self: vars(self).setdefault(f"_{lazy}", torch.zeros(3))))
    before, one = snapshot(site.module), {site.name: site.value()}
    values = {"one": one, "missing": one, "nowhere": {**one, "nowhere.weight": site.value()}}.get(given, all_names)

    with contextlib.suppress(Exception):  # what is refused is the law of other clauses
        functional_call(site.module, values, site.x, strict=given in ("strict", "missing"))

    assert snapshot(site.module).shape == before.shape


@clause("restore.shape")
@returns_or_raises
@pytest.mark.parametrize("where", ["__dict__", "_modules"])
@with_site(FLAT)
def test_what_stood_elsewhere_under_a_given_name_stays(functional_call, site, where, fails):
    there, before = vars(site.owner) if where == "__dict__" else getattr(site.owner, where), snapshot(site.module)
    hidden = there[site.key] = nn.Identity() if where == "_modules" else torch.zeros(3)

    def act(owner):
        delattr(owner, site.other)
        return 1 / 0 if fails else torch.zeros(())

    site.in_forward(act)
    with raises_if(fails):
        functional_call(site.module, {site.name: site.value(), site.other: site.value(2)}, site.x)

    assert there[site.key] is hidden
    assert snapshot(site.module).slots == before.slots


@clause("restore.shape")
@with_site((*FLAT, *NESTED[:2]))
def test_a_class_that_forward_gives_the_module_stays(functional_call, names, site):
    other = type(names.type(), (type(site.owner),), {})

    def act(owner):
        owner.__class__ = other
        return torch.zeros(())

    site.in_forward(act)
    functional_call(site.module, {site.name: site.value()}, site.x)

    assert type(site.owner) is other


@clause("restore.shape")
@with_site(SITES)
def test_the_module_can_be_copied_as_before(functional_call, site):
    functional_call(site.module, fresh_values(site.module), site.x)

    copied = copy.deepcopy(site.module)

    assert [
        name for name, own in site.module.state_dict().items() if not torch.equal(copied.state_dict()[name], own)
    ] == []
    assert equal(copied(site.x), site.module(site.x))


@clause("restore.shape")
@pytest.mark.parametrize("make", [lambda: nn.Linear(3, 3), lambda: nn.Sequential(nn.BatchNorm1d(3), nn.GELU())])
def test_the_module_can_be_pickled_as_before(functional_call, make):
    module, x = make().eval(), torch.rand(2, 3)
    functional_call(module, {name: torch.zeros(3) for name, _ in module.named_buffers() if "mean" in name}, x)

    loaded = pickle.loads(pickle.dumps(module))

    assert equal(loaded(x), module(x))


@clause("restore.shape")
@returns_or_raises
def test_nothing_else_of_recurrent_submodules_is_changed(functional_call, fails):
    module = nn.Sequential(nn.Linear(2, 2), nn.LSTM(2, 2), nn.Identity())
    before = snapshot(module)

    with raises_if(fails, Exception):
        functional_call(module, fresh_values(module), torch.ones(3, 7 if fails else 2))

    assert snapshot(module).shape == before.shape


HOOKS = [name for name in ("_backward_hooks", "_post_accumulate_grad_hooks") if hasattr(torch.Tensor, name)]
"""The second came with torch 2.1."""


def _carried(tensor):
    """What a tensor carries beside its numbers."""
    return {
        "attributes": dict(vars(tensor)),
        "hooks": [dict(hooks) for name in HOOKS if (hooks := getattr(tensor, name))],
        "retains grad": tensor.retains_grad,
        "grad": id(tensor.grad) if tensor.is_leaf else None,
        "requires grad": tensor.requires_grad,
        "is leaf": tensor.is_leaf,
    }


GIVEN = (lambda one: one, lambda one: one.requires_grad_(), lambda one: one.requires_grad_() * 1, nn.Parameter)


@clause("restore.tensors")
@returns_or_raises
@with_site((flat_parameter, NESTED[1]))
def test_neither_given_nor_own_tensors_carry_anything_new(functional_call, site, fails):
    if fails:
        site.in_forward(lambda owner: 1 / 0)
    for kind in GIVEN:
        values = {name: kind(value) for name, value in fresh_values(site.module).items()}
        tensors = [*values.values(), *map(site.get, values)]
        before = [*map(_carried, tensors)]

        with raises_if(fails):
            functional_call(site.module, values, site.x)

        assert [*map(_carried, tensors)] == before


@clause("restore.tensors")
def test_neither_given_nor_own_tensors_carry_anything_new_whatever_is_given(functional_call, names):
    for call in [*various(names)]:
        own = [*call.module.parameters(), *call.module.buffers()] if isinstance(call.module, nn.Module) else []
        tensors = [*call.given(), *own]
        before = [*map(_carried, tensors)]

        call.attempt(functional_call)

        assert [*map(_carried, tensors)] == before, call.kind


@clause("restore.plain-attribute")
@pytest.mark.parametrize("where", ["instance", "class"])
@returns_or_raises
@with_site((flat_parameter, NESTED[0]))
def test_a_plain_tensor_is_restored_where_it_stood(functional_call, names, site, where, fails):
    key, plain = names.attribute(), torch.rand(3)
    holder = site.owner if where == "instance" else type(site.owner)
    setattr(holder, key, plain)
    before = _places(site.module, key)
    values, errors = (torch.ones(3), parameter(), None), (ZeroDivisionError, KeyboardInterrupt)
    for value, error in itertools.product(values, errors if fails else (None,)):
        if fails:
            site.in_forward(raising(error))
        with contextlib.suppress(Exception, KeyboardInterrupt):  # it may be refused
            functional_call(site.module, {site.sibling_name(key): value}, site.x)

        assert vars(holder).get(key) is plain
        assert _places(site.module, key) == before
