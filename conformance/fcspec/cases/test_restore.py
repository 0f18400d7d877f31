"""restore: after the call the module is as before, however it ended."""

import contextlib
import copy
import gc
import pickle
import weakref

import pytest
import torch
from torch import nn

from fcspec.plugin import clause
from fcspec.snapshot import snapshot
from fcspec.specimens.base import at, fresh_values, parameter, probe
from fcspec.specimens.groups import ALL_PAIRS
from fcspec.specimens.sites import BUFFERS, FLAT, NESTED, PARAMETERS, SITES, flat_parameter, keyed_parameter


@clause("restore.objects")
@at((*SITES, keyed_parameter))
def test_own_objects_come_back(functional_call, site):
    before, value, seen = snapshot(site.module), site.value(), []
    site.inside(lambda owner: seen.append(site.now()))

    functional_call(site.module, {site.name: value}, site.x)

    assert seen[0] is value
    assert snapshot(site.module).slots == before.slots


@clause("restore.objects")
@pytest.mark.parametrize("given", [nn.Parameter, torch.Tensor.requires_grad_], ids=["parameter", "requires grad"])
@at(FLAT)
def test_own_objects_come_back_whatever_was_given(functional_call, site, given):
    before = snapshot(site.module)

    functional_call(site.module, {name: given(value) for name, value in fresh_values(site.module).items()}, site.x)

    assert snapshot(site.module).slots == before.slots


@clause("restore.objects")
@at(ALL_PAIRS, "group")
def test_tied_slots_hold_their_own_again(functional_call, group):
    before = snapshot(group.module)

    for names in (group.names[:1], group.names[1:], group.names):
        functional_call(group.module, dict.fromkeys(names, group.value()), group.x)

        assert snapshot(group.module).slots == before.slots


@clause("restore.order")
@at(SITES)
def test_keys_keep_their_order(functional_call, site):
    before = snapshot(site.module)

    for name, value in fresh_values(site.module).items():
        functional_call(site.module, {name: value}, site.x)

    assert snapshot(site.module).order == before.order


@clause("restore.order")
@at(FLAT)
def test_keys_keep_their_order_when_forward_deletes_one(functional_call, site):
    before = snapshot(site.module)
    site.inside(lambda owner: delattr(owner, site.key))

    functional_call(site.module, {site.name: site.value()}, site.x)

    assert snapshot(site.module).order == before.order


@clause("restore.exception")
@at(SITES)
def test_own_objects_come_back_when_forward_raises(functional_call, names, site):
    before, error = snapshot(site.module), type(names.type(), (Exception,), {})

    def fail(owner):
        raise error

    site.inside(fail)
    with pytest.raises(error):
        functional_call(site.module, {site.name: site.value()}, site.x)

    assert snapshot(site.module).slots == before.slots


@clause("restore.exception")
@pytest.mark.parametrize("error", [TypeError, KeyError, AttributeError, RuntimeError])
@at(FLAT)
def test_own_objects_come_back_when_a_hook_raises(functional_call, site, error):
    def fail(*_):
        raise error

    before = snapshot(site.module)
    for register in (site.module.register_forward_pre_hook, site.module.register_forward_hook):
        with register(fail), pytest.raises(error):
            functional_call(site.module, {site.name: site.value()}, site.x)

        assert snapshot(site.module).slots == before.slots


@clause("restore.exception")
@at(FLAT)
def test_own_objects_come_back_when_arguments_do_not_fit(functional_call, site):
    before = snapshot(site.module)

    with pytest.raises(TypeError):
        functional_call(site.module, {site.name: site.value()}, (site.x, site.x, site.x))

    assert snapshot(site.module).slots == before.slots


@clause("restore.base-exception")
@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit, GeneratorExit, StopIteration])
@at(FLAT)
def test_own_objects_come_back_when_the_call_is_left_in_any_way(functional_call, site, error):
    before, raised = snapshot(site.module), error()

    def leave(*_):
        raise raised

    with pytest.raises(error) as left_hook, site.module.register_forward_hook(leave):
        functional_call(site.module, {site.name: site.value()}, site.x)
    after_hook = snapshot(site.module)
    site.inside(leave)
    with pytest.raises(error) as left_forward:
        functional_call(site.module, {site.name: site.value()}, site.x)

    assert (left_hook.value is raised, left_forward.value is raised) == (True, True)
    assert after_hook.slots == before.slots
    assert snapshot(site.module).slots == before.slots


FAULTS = {
    "name in two dicts": lambda site, good: ((good, {**good}), {}),
    "no dict among dicts": lambda site, good: ((good, None), {}),
    "value that is no tensor": lambda site, good: ({**good, site.other: 3.0}, {}),
    "such a value first": lambda site, good: ({site.other: 3.0, **good}, {}),
    "name that is no string": lambda site, good: ({**good, 4711: torch.ones(3)}, {}),
    "empty name": lambda site, good: ({**good, "": torch.ones(3)}, {}),
    "name without an owner": lambda site, good: ({**good, "nowhere.weight": torch.ones(3)}, {}),
    "such a name first": lambda site, good: ({"nowhere.weight": torch.ones(3), **good}, {}),
    "name of a flag": lambda site, good: ({**good, "training": torch.ones(3)}, {}),
    "missing names": lambda site, good: (good, {"strict": True}),
    "name too many": lambda site, good: ({**fresh_values(site.module), "extra": torch.ones(3)}, {"strict": True}),
}


@clause("restore.rejected")
@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
@at((flat_parameter,))
def test_a_refused_call_leaves_the_module_as_it_was(functional_call, site, fault):
    before = snapshot(site.module)
    values, flags = fault(site, {site.name: site.value()})

    with contextlib.suppress(Exception):  # that it is refused is the law of other clauses
        functional_call(site.module, values, site.x, **flags)

    after = snapshot(site.module)
    assert after.parts("slots", "plain", "order") == before.parts("slots", "plain", "order")


@clause("restore.rejected")
@at(ALL_PAIRS, "group")
def test_a_refused_conflict_leaves_the_module_as_it_was(functional_call, group):
    before = snapshot(group.module)

    with pytest.raises(Exception):
        functional_call(group.module, dict(zip(group.names, map(group.value, (1, 2)), strict=True)), group.x)

    assert snapshot(group.module).slots == before.slots


@clause("restore.nested")
@at(SITES)
def test_a_call_in_forward_gives_the_outer_call_its_value_back(functional_call, site):
    outer, inner, seen = site.value(1), site.value(2), []
    before = snapshot(site.module)

    def act(owner):
        seen.append(site.now())
        if len(seen) == 1:
            functional_call(site.module, {site.name: inner}, site.x)
            seen.append(site.now())

    site.inside(act)
    functional_call(site.module, {site.name: outer}, site.x)

    assert [one is value for one, value in zip(seen, (outer, inner, outer), strict=True)] == [True] * 3
    assert snapshot(site.module).slots == before.slots


@clause("restore.nested")
@at((*FLAT, *NESTED[:2]))
def test_a_call_in_forward_on_another_name_or_on_a_child_gives_the_values_back(functional_call, site):
    value, other, seen = site.value(1), site.value(2), []
    before = snapshot(site.module)

    def act(owner):
        seen.append(site.now())
        if len(seen) == 1:
            functional_call(site.module, {site.other: other}, site.x)
            functional_call(owner, {site.key: other}, site.x)
            seen.append(site.now())

    site.inside(act)
    functional_call(site.module, {site.name: value}, site.x)

    assert [one is expected for one, expected in zip(seen, (value, value, other, value), strict=True)] == [True] * 4
    assert snapshot(site.module).slots == before.slots


@clause("restore.nested")
@at((*FLAT, *NESTED[:2]))
def test_a_call_in_forward_that_fails_gives_the_outer_call_its_value_back(functional_call, site):
    outer, seen = site.value(1), []
    before = snapshot(site.module)

    def act(owner):
        seen.append(site.now())
        if len(seen) == 2:
            raise ZeroDivisionError
        with pytest.raises(ZeroDivisionError):
            functional_call(site.module, {site.name: site.value(2)}, site.x)
        seen.append(site.now())

    site.inside(act)
    functional_call(site.module, {site.name: outer}, site.x)

    assert (seen[0] is outer, seen[2] is outer) == (True, True)
    assert snapshot(site.module).slots == before.slots


def _bound_anew(functional_call, site, act):
    """The module's slots before and after a call in whose forward `act` binds names anew."""

    def last(owner):
        act(owner)
        return torch.zeros(())

    before = snapshot(site.module)
    site.inside(last)
    functional_call(site.module, {site.name: site.value(), site.other: site.value(2)}, site.x)
    return before, snapshot(site.module)


@clause("restore.rebound")
@pytest.mark.parametrize("new", [torch.zeros(3), None], ids=["tensor", "none"])
@at(BUFFERS)
def test_own_objects_come_back_when_forward_rebinds_a_buffer(functional_call, site, new):
    before, after = _bound_anew(functional_call, site, lambda owner: site.rebind(new))

    assert after.slots == before.slots


@clause("restore.rebound")
@pytest.mark.parametrize("new", [nn.Parameter(torch.zeros(3)), None], ids=["parameter", "none"])
@at(PARAMETERS)
def test_own_objects_come_back_when_forward_rebinds_a_parameter(functional_call, site, new):
    before, after = _bound_anew(functional_call, site, lambda owner: site.rebind(new))

    assert after.slots == before.slots


@clause("restore.rebound")
@at(SITES)
def test_own_objects_come_back_when_forward_moves_a_name_to_the_other_store(functional_call, site):
    def move(owner):
        delattr(owner, site.key)
        if isinstance(site.own, nn.Parameter):
            owner.register_buffer(site.key, torch.zeros(3), persistent=False)
        else:
            owner.register_parameter(site.key, parameter())

    before, after = _bound_anew(functional_call, site, move)

    assert after.parts("slots", "plain") == before.parts("slots", "plain")


@clause("restore.rebound-non-tensor")
@pytest.mark.parametrize("new", [7, "text", nn.Identity(), [torch.zeros(3)]], ids=["number", "text", "module", "list"])
@at((*FLAT, *NESTED[:2]))
def test_own_objects_come_back_when_forward_binds_something_else(functional_call, site, new):
    before, after = _bound_anew(functional_call, site, lambda owner: site.rebind(new))

    assert after.parts("slots", "plain") == before.parts("slots", "plain")
    assert after.shape == before.shape


@clause("restore.deleted")
@at(SITES)
def test_what_forward_deletes_comes_back_of_the_same_kind(functional_call, site):
    before, after = _bound_anew(functional_call, site, lambda owner: delattr(owner, site.key))

    assert after.parts("slots", "plain") == before.parts("slots", "plain")


@clause("restore.detached-owner")
@pytest.mark.parametrize("act", ["replace", "delete"])
@pytest.mark.parametrize("kind", ["parameter", "buffer"])
def test_a_submodule_that_forward_detaches_gets_its_own_tensors_back(functional_call, names, act, kind):
    child, key = names.attribute(), names.attribute()
    root, old, new = probe(names), probe(names), probe(names)
    for module in (old, new):
        if kind == "parameter":
            module.register_parameter(key, parameter())
        else:
            module.register_buffer(key, torch.rand(3))
    root.add_module(child, old)
    before = snapshot(old), snapshot(new)
    type(root).act = lambda self: setattr(self, child, new) if act == "replace" else delattr(self, child)

    functional_call(root, {f"{child}.{key}": torch.zeros(3)}, torch.ones(3))

    assert (snapshot(old).slots, snapshot(new).slots) == (before[0].slots, before[1].slots)
    assert getattr(root, child, None) is (new if act == "replace" else None)


@clause("restore.no-leftovers")
@pytest.mark.parametrize("fails", [False, True], ids=["returns", "raises"])
@at((*FLAT, *NESTED[:2]))
def test_names_that_the_module_did_not_have_leave_nothing_behind(functional_call, names, site, fails):
    key = names.attribute()
    before = snapshot(site.module)
    if fails:
        site.inside(lambda owner: 1 / 0)
    for extra in (torch.ones(3), parameter()):
        try:
            functional_call(site.module, {site.name: site.value(), site.beside(key): extra}, site.x)
        except ZeroDivisionError:
            assert fails

        after = snapshot(site.module)
        assert not hasattr(site.owner, key)
        assert after.parts("slots", "plain", "shape") == before.parts("slots", "plain", "shape")


@clause("restore.own-grad")
@at(PARAMETERS)
def test_grad_of_own_parameters_is_untouched(functional_call, site):
    for one in site.module.parameters():
        one.grad = torch.full_like(one, 5.0)
    before = snapshot(site.module)

    values = {name: value.requires_grad_() for name, value in fresh_values(site.module).items()}
    functional_call(site.module, values, site.x).sum().backward()

    assert snapshot(site.module).grads == before.grads


@clause("restore.versions")
@at(SITES)
def test_own_tensors_are_not_written_to(functional_call, site):
    before, output = snapshot(site.module), site.module(site.x.requires_grad_())

    functional_call(site.module, fresh_values(site.module), site.x)

    assert snapshot(site.module).versions == before.versions
    output.sum().backward()


@clause("restore.shape")
@at(SITES)
def test_nothing_else_of_the_module_is_changed(functional_call, site):
    site.owner.register_forward_hook(lambda *_: None)
    site.module.register_forward_pre_hook(lambda *_: None)
    site.module.eval()
    before = snapshot(site.module)

    functional_call(site.module, fresh_values(site.module), site.x)

    assert snapshot(site.module).shape == before.shape


@clause("restore.shape")
@at(SITES)
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
@at(SITES)
def test_nothing_keeps_the_given_tensors_alive(functional_call, site, fails):
    value = site.value()
    alive = weakref.ref(value)
    if fails:
        site.inside(lambda owner: 1 / 0)
    try:
        functional_call(site.module, {site.name: value}, site.x)
    except ZeroDivisionError:
        assert fails
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


@clause("restore.plain-attribute")
@pytest.mark.parametrize("where", ["instance", "class"])
@pytest.mark.parametrize("fails", [False, True], ids=["returns", "raises"])
@at((flat_parameter, NESTED[0]))
def test_a_plain_tensor_is_restored_where_it_stood(functional_call, names, site, where, fails):
    key, plain = names.attribute(), torch.rand(3)
    holder = site.owner if where == "instance" else type(site.owner)
    setattr(holder, key, plain)
    before = snapshot(site.module)
    if fails:
        site.inside(lambda owner: 1 / 0)
    for value in (torch.ones(3), parameter()):
        with contextlib.suppress(Exception):  # it may be refused
            functional_call(site.module, {site.beside(key): value}, site.x)

        after = snapshot(site.module)
        assert vars(holder)[key] is plain
        assert after.parts("slots", "plain", "shape") == before.parts("slots", "plain", "shape")
