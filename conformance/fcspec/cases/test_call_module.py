"""call: the module itself is called, as in a plain call, also where it contains itself."""

import operator

import pytest
import torch
from torch import nn

from fcspec.calls.execution import few_frames
from fcspec.cases.support.comparing import equal, identical
from fcspec.cases.support.outcomes import raises_if, returns_or_raises
from fcspec.plugin import clause
from fcspec.specimens.base import probe, with_site
from fcspec.specimens.parametrized import doubled, nested_doubled
from fcspec.specimens.sites import FLAT, SITES, flat_parameter, nested_parameter


@clause("call.no-values")
@with_site(SITES)
def test_without_values_the_call_is_a_plain_call(functional_call, site):
    assert equal(functional_call(site.module, {}, site.x), site.module(site.x))


@clause("call.no-values")
@with_site(FLAT)
def test_without_values_forward_changes_the_module_as_in_a_plain_call(functional_call, site):
    def count(self):
        with torch.no_grad():
            getattr(self, site.key).add_(1)

    type(site.module).in_forward = staticmethod(count)
    before = site.own.detach().clone()

    functional_call(site.module, {}, site.x)

    assert site.current() is site.own
    assert equal(site.own, before + 1)


@clause("call.no-values")
@with_site((flat_parameter, nested_parameter))
def test_without_values_hooks_run_as_in_a_plain_call(functional_call, site):
    site.module.register_forward_pre_hook(lambda module, args: (args[0] + 1,))
    site.module.register_forward_hook(lambda module, args, output: output * 2)

    assert equal(functional_call(site.module, {}, site.x), site.module(site.x))


@clause("call.same-module")
@with_site(SITES)
def test_forward_runs_on_the_module_and_its_submodules(functional_call, site):
    types = [type(one) for one in site.module.modules()]
    seen = []
    site.in_forward(lambda owner: seen.append((owner, [type(one) for one in site.module.modules()])))
    called, root = [], type(site.module)
    forward = root.forward
    root.forward = lambda self, x: called.append(self) or forward(self, x)
    for one in [*site.module.modules()][1:]:
        one.register_forward_pre_hook(lambda module, args: called.append(module))

    functional_call(site.module, {site.name: site.value()}, site.x)

    assert called[0] is site.module
    assert all(any(one is own for own in site.module.modules()) for one in called)
    ((owner, inside),) = seen
    assert owner is site.owner
    assert all(map(operator.is_, inside, types)), "in forward the class of a module is another one"


@clause("call.plain-state")
@with_site((flat_parameter, nested_parameter))
def test_plain_attributes_of_any_kind_that_forward_sets_are_those_it_set(functional_call, names, site):
    keys, value, made = [names.attribute() for _ in range(4)], site.value().requires_grad_(), []

    def act(owner):
        made[:] = site.current() * 2, site.current().detach(), [site.current()], len
        owner.__dict__[keys[0]] = made[0]
        for key, one in zip(keys, made, strict=True):
            setattr(owner, key, one)

    site.in_forward(act)
    for given in ({site.name: value}, {}):
        functional_call(site.module, given, site.x)

        assert [vars(site.owner)[key] is one for key, one in zip(keys, made, strict=True)] == [True] * 4


@clause("call.plain-state")
@with_site(SITES)
def test_plain_attributes_that_forward_changes_are_changed(functional_call, site):
    module = site.caller
    module.calls, module.log = 0, []

    def count(self):
        self.calls += 1
        self.log.append("forward")

    type(module).in_forward = staticmethod(count)

    functional_call(site.module, {site.name: site.value()}, site.x)

    assert (module.calls, module.log) == (1, ["forward"])
    module.register_forward_hook(lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        functional_call(site.module, {site.name: site.value()}, site.x)

    assert (module.calls, module.log) == (2, ["forward"] * 2)


@clause("call.plain-state")
@returns_or_raises
@with_site((flat_parameter, nested_parameter))
def test_plain_attributes_that_forward_makes_stay(functional_call, names, site, fails):
    keys, made = [names.attribute() for _ in range(5)], []

    def make(owner):
        made.extend((site.current() * 2, site.current().detach(), torch.zeros(3), [owner], None))
        for key, one in zip(keys, made, strict=True):
            setattr(owner, key, one)
            setattr(site.module, f"{key}_too", one)
        return 1 / 0 if fails else site.x

    site.in_forward(make)
    with raises_if(fails):
        functional_call(site.module, {site.name: site.value().requires_grad_()}, site.x)

    assert identical([vars(site.owner).get(key, "gone") for key in keys], made)
    assert identical([vars(site.module).get(f"{key}_too", "gone") for key in keys], made)


def _circle(names, through_child):
    """A module that contains itself, directly or through a child; its forward runs once."""
    key, way = names.attribute(), names.attribute()
    root = probe(names, lambda self, x: x * getattr(self, key))
    root.register_parameter(key, nn.Parameter(torch.rand(3)))
    below = root
    if through_child:
        below = probe(names, lambda self, x: x)
        root.add_module(names.attribute(), below)
    below.add_module(way, root)
    return root, key


CIRCULAR_FLAGS = pytest.mark.parametrize(
    "flags", [{}, {"strict": True}, {"tie_weights": False}], ids=["default", "strict", "untied"]
)


@clause("call.circular")
@CIRCULAR_FLAGS
def test_a_module_with_a_circle_below_it_can_be_called(functional_call, names, flags):
    below, key = _circle(names, through_child=True)
    root, way = probe(names), names.attribute()
    root.add_module(way, below)
    value = torch.tensor([1.0, 2.0, 3.0])

    with few_frames():
        result = functional_call(root, {f"{way}.{key}": value}, torch.ones(3), **flags)

    assert equal(result, value)


@clause("call.circular")
@CIRCULAR_FLAGS
@pytest.mark.parametrize("through_child", [False, True], ids=["itself", "parent"])
def test_a_module_that_contains_itself_can_be_called(functional_call, names, through_child, flags):
    module, key = _circle(names, through_child)
    own, value = getattr(module, key), torch.tensor([1.0, 2.0, 3.0])

    with few_frames():
        result = functional_call(module, {key: value}, torch.ones(3), **flags)

    assert equal(result, value)
    assert getattr(module, key) is own


@clause("call.same-module")
@pytest.mark.parametrize("by", ["regular name", "original"])
@with_site((doubled, nested_doubled))
def test_a_parametrized_module_is_of_its_class_in_forward(functional_call, site, by):
    kind, seen = type(site.owner), []
    site.in_forward(lambda owner: seen.append(type(owner)))

    functional_call(site.module, {site.name if by == "regular name" else site.originals[0]: site.value()}, site.x)

    assert seen == [kind]
