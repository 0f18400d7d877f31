"""restore: what else a call could leave behind, beside the slots themselves."""

import contextlib
import copy
import gc
import pickle
import weakref

import pytest
import torch
from torch import nn
from torch.nn.utils import parametrize

from fcspec.plugin import clause
from fcspec.specimens.base import with_site, with_group, fresh_values, parameter
from fcspec.specimens.groups import ALL_PAIRS
from fcspec.specimens.parametrized import PARAMETRIZED, parametrization
from fcspec.specimens.sites import FLAT, NESTED, PARAMETERS, SITES, flat_parameter
from fcspec.state.module_state import paths, snapshot


def _places(module, key):
    """Where in a module, and in its submodules, a name has to do with this one."""
    return [
        (path, kind, name)
        for path, owner in paths(module)
        for kind in (None, "_parameters", "_buffers", "_modules", "_non_persistent_buffers_set")
        for name in (vars(owner)[kind] if kind else vars(owner))
        if key in name
    ]


@clause("restore.no-leftovers")
@pytest.mark.parametrize("fails", [False, True], ids=["returns", "raises"])
@with_site((*FLAT, *NESTED[:2]))
def test_names_that_the_module_did_not_have_leave_nothing_behind(functional_call, names, site, fails):
    key = names.attribute()
    if fails:
        site.in_forward(lambda owner: 1 / 0)
    for extra in (torch.ones(3), parameter()):
        try:
            functional_call(site.module, {site.name: site.value(), site.sibling_name(key): extra}, site.x)
        except ZeroDivisionError:
            assert fails

        assert not hasattr(site.owner, key)
        assert _places(site.module, key) == []


@clause("restore.own-grad")
@with_site(PARAMETERS)
def test_grad_is_no_name(functional_call, site):
    """Whether the call is refused or not: a parameter is no module."""
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
@pytest.mark.parametrize("fails", [False, True], ids=["returns", "raises"])
@with_site(SITES)
def test_nothing_else_of_the_module_is_changed(functional_call, site, fails):
    if fails:
        site.in_forward(lambda owner: 1 / 0)
    site.owner.register_forward_hook(lambda *_: None)
    site.module.register_forward_pre_hook(lambda *_: None)
    site.module.eval()
    before = snapshot(site.module)

    with pytest.raises(ZeroDivisionError) if fails else contextlib.nullcontext():
        functional_call(site.module, fresh_values(site.module), site.x)

    assert snapshot(site.module).shape == before.shape


@clause("restore.shape")
@with_site((*FLAT, *NESTED[:2]))
def test_submodules_and_hooks_that_forward_adds_stay(functional_call, names, site):
    child, key, handles = nn.Identity(), names.attribute(), []

    def act(owner):
        owner.add_module(key, child)
        handles.append(owner.register_forward_hook(lambda *_: None))
        handles.append(site.module.register_full_backward_hook(lambda *_: None))
        return torch.zeros(())

    site.in_forward(act)
    functional_call(site.module, {site.name: site.value()}, site.x)

    assert site.owner._modules.get(key) is child
    assert [handle.id in handle.hooks_dict_ref() for handle in handles] == [True, True]


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

    twin = copy.deepcopy(site.module)

    assert [
        name for name, own in site.module.state_dict().items() if not torch.equal(twin.state_dict()[name], own)
    ] == []
    assert torch.equal(twin(site.x), site.module(site.x))


@clause("restore.shape")
@pytest.mark.parametrize("make", [lambda: nn.Linear(3, 3), lambda: nn.Sequential(nn.BatchNorm1d(3), nn.GELU())])
def test_the_module_can_be_pickled_as_before(functional_call, make):
    module, x = make().eval(), torch.rand(2, 3)
    functional_call(module, {name: torch.zeros(3) for name, _ in module.named_buffers() if "mean" in name}, x)

    twin = pickle.loads(pickle.dumps(module))

    assert torch.equal(twin(x), module(x))


@clause("restore.no-references")
@pytest.mark.parametrize("fails", [False, True], ids=["returns", "raises"])
@with_site(SITES)
def test_nothing_keeps_the_given_tensors_alive(functional_call, site, fails):
    value = site.value()
    alive = weakref.ref(value)
    if fails:
        site.in_forward(lambda owner: 1 / 0)
    try:
        functional_call(site.module, {site.name: value}, site.x)
    except ZeroDivisionError:
        assert fails
    site.rebind(site.own)  # that the module itself does not hold the value is the law of other clauses
    del value
    gc.collect()

    assert alive() is None


@clause("restore.no-references")
@pytest.mark.parametrize("equal", [False, True], ids=["one", "equal ones"])
@with_group(ALL_PAIRS)
def test_nothing_keeps_tensors_of_tied_names_alive(functional_call, group, equal):
    values = {name: group.value() for name in group.names} if equal else {group.names[0]: group.value()}
    alive = [weakref.ref(value) for value in values.values()]
    with contextlib.suppress(Exception):
        functional_call(group.module, values, group.x, tie_weights=True)
    _give_back(group.module, *group.names, own=group.own)
    del values
    gc.collect()

    assert [one() for one in alive] == [None] * len(alive)


def _give_back(module, *names, own):
    """Its own tensor: that the module itself does not hold a value is the law of other clauses."""
    for name in names:
        path, _, key = name.rpartition(".")
        owner = module.get_submodule(path)
        (owner._parameters if key in owner._parameters else owner._buffers)[key] = own


@clause("restore.no-references")
@with_site(PARAMETRIZED)
def test_nothing_keeps_the_tensor_of_a_regular_name_alive(functional_call, site):
    value = site.value()
    alive = weakref.ref(value)
    functional_call(site.module, {site.name: value}, site.x)
    del value
    gc.collect()

    assert alive() is None


@clause("restore.no-references")
@with_site(FLAT)
def test_nothing_keeps_the_tensors_of_a_refused_call_alive(functional_call, site):
    value = site.value()
    alive = weakref.ref(value)
    with contextlib.suppress(Exception):
        functional_call(site.module, {site.name: value, "nowhere.weight": value}, site.x)
    site.rebind(site.own)
    del value
    gc.collect()

    assert alive() is None


@clause("restore.recurrent")
@pytest.mark.parametrize("make", [nn.RNN, nn.LSTM, nn.GRU])
@pytest.mark.parametrize("fails", [False, True], ids=["returns", "raises"])
def test_recurrent_modules_list_their_own_weights_again(functional_call, make, fails):
    module = make(2, 2, num_layers=2)
    own = [weight for layer in module.all_weights for weight in layer]
    values = {name: torch.zeros_like(value) for name, value in module.named_parameters()}
    x = torch.rand(3, 7 if fails else 2)
    try:
        functional_call(module, values, (x,))
    except Exception:
        assert fails

    assert len(module._flat_weights) == len(own)
    assert all(one is weight for one, weight in zip(module._flat_weights, own, strict=True))


@clause("restore.recurrent")
@pytest.mark.parametrize("kind", [nn.RNN, nn.LSTM, nn.GRU])
def test_a_subclass_of_a_recurrent_module_lists_its_own_weights_again(functional_call, names, kind):
    module = type(names.type(), (kind,), {})(2, 2)
    own = list(module._parameters.values())

    functional_call(module, fresh_values(module), (torch.rand(3, 2),))

    assert all(one is weight for one, weight in zip(module._flat_weights, own, strict=True))


@clause("restore.recurrent")
def test_a_recurrent_module_lists_its_own_weights_when_another_one_was_given(functional_call):
    first, second = nn.GRU(2, 2), nn.GRU(2, 2)
    second.weight_ih_l0 = first.weight_ih_l0
    module, own = nn.ModuleList([first, second]), list(second._parameters.values())
    type(module).forward, forward = lambda self, x: [one(x)[0] for one in self], type(module).forward
    try:
        functional_call(module, {"0.weight_ih_l0": torch.zeros(6, 2)}, (torch.rand(3, 2),))
    finally:
        type(module).forward = forward

    assert all(one is weight for one, weight in zip(second._flat_weights, own, strict=True))


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
def test_a_recurrent_module_lists_its_own_weights_after_a_transform(functional_call):
    module, x = nn.GRU(2, 2), torch.rand(3, 2)
    own = list(module._parameters.values())

    torch.func.grad(lambda values: functional_call(module, values, (x,))[0].sum())(fresh_values(module))

    assert all(one is weight for one, weight in zip(module._flat_weights, own, strict=True))


@clause("restore.recurrent")
@pytest.mark.parametrize("make", [nn.RNN, nn.LSTM, nn.GRU])
def test_recurrent_submodules_list_their_own_weights_again(functional_call, make):
    module = nn.Sequential(nn.Linear(2, 2), nn.Sequential(make(2, 2)))
    own = list(module[1][0]._parameters.values())

    functional_call(module, fresh_values(module), (torch.rand(3, 2),))

    assert all(one is weight for one, weight in zip(module[1][0]._flat_weights, own, strict=True))


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
        assert torch.equal(module._flat_weights[module._flat_weights_names.index(name)], getattr(module, name))


@clause("restore.plain-attribute")
@pytest.mark.parametrize("where", ["instance", "class"])
@pytest.mark.parametrize("fails", [False, True], ids=["returns", "raises"])
@with_site((flat_parameter, NESTED[0]))
def test_a_plain_tensor_is_restored_where_it_stood(functional_call, names, site, where, fails):
    key, plain = names.attribute(), torch.rand(3)
    holder = site.owner if where == "instance" else type(site.owner)
    setattr(holder, key, plain)
    before = _places(site.module, key)
    if fails:
        site.in_forward(lambda owner: 1 / 0)
    for value in (torch.ones(3), parameter()):
        with contextlib.suppress(Exception):  # it may be refused
            functional_call(site.module, {site.sibling_name(key): value}, site.x)

        assert vars(holder)[key] is plain
        assert _places(site.module, key) == before
