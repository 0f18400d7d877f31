"""call: the module is called once, as a plain call would call it."""

import dataclasses
import operator

import pytest
import torch
from torch import nn

from fcspec.cases.support.refusal import refused
from fcspec.plugin import clause
from fcspec.specimens.base import with_site, fresh_values, probe
from fcspec.specimens.sites import FLAT, SITES, flat_parameter, nested_parameter

Result = dataclasses.make_dataclass("Result", ["output"])

RESULTS = {
    "tensor": torch.ones(2),
    "none": None,
    "tuple": (1, torch.ones(1)),
    "dict": {"output": [torch.ones(1)]},
    "dataclass": Result(torch.ones(1)),
}


@clause("call.result")
@pytest.mark.parametrize("result", RESULTS.values(), ids=RESULTS)
def test_the_very_object_that_forward_returns_is_returned(functional_call, names, result):
    module = probe(names, lambda self: result)

    assert functional_call(module, {}, ()) is result


@clause("call.result")
@with_site(SITES)
def test_the_given_tensor_itself_can_be_the_result(functional_call, names, site):
    root = probe(names, lambda self, x: site.current())
    root.add_module("inner", site.module)
    value = site.value()

    assert functional_call(root, {f"inner.{site.name}": value}, site.x) is value


@clause("call.once")
@with_site((flat_parameter, nested_parameter))
def test_call_and_forward_run_once(functional_call, site):
    cls, calls = type(site.module), []
    cls.__call__ = lambda self, *args: calls.append("__call__") or super(cls, self).__call__(*args)
    site.in_forward(lambda owner: calls.append("forward"))

    functional_call(site.module, {site.name: site.value()}, site.x)

    assert calls == ["__call__", "forward"]


@clause("call.once")
@pytest.mark.parametrize("error", [TypeError, ValueError, KeyError, AttributeError, RuntimeError])
@with_site((flat_parameter,))
def test_a_call_that_raises_is_not_tried_again(functional_call, site, error):
    calls = []

    def fail(owner):
        calls.append("forward")
        raise error

    site.in_forward(fail)
    with pytest.raises(Exception):
        functional_call(site.module, {site.name: site.value()}, site.x)

    assert calls == ["forward"]


@clause("call.exception")
@with_site(SITES)
def test_an_exception_of_forward_leaves_as_the_same_object(functional_call, names, site):
    error = type(names.type(), (Exception,), {})()

    def fail(owner):
        raise error

    site.in_forward(fail)
    with pytest.raises(Exception) as caught:
        functional_call(site.module, {site.name: site.value()}, site.x)

    assert caught.value is error


@clause("call.exception")
@pytest.mark.parametrize("error", [TypeError, ValueError, KeyError, AttributeError, RuntimeError])
@with_site((flat_parameter,))
def test_an_exception_that_functional_call_itself_could_raise_passes_too(functional_call, site, error):
    raised = error("forward's own")

    def fail(owner):
        raise raised

    site.in_forward(fail)
    with pytest.raises(Exception) as caught:
        functional_call(site.module, {site.name: site.value()}, site.x)

    assert caught.value is raised


@clause("call.no-values")
@with_site(SITES)
def test_without_values_the_call_is_a_plain_call(functional_call, site):
    assert torch.equal(functional_call(site.module, {}, site.x), site.module(site.x))


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
    assert torch.equal(site.own, before + 1)


@clause("call.no-values")
@with_site((flat_parameter, nested_parameter))
def test_without_values_hooks_run_as_in_a_plain_call(functional_call, site):
    site.module.register_forward_pre_hook(lambda module, args: (args[0] + 1,))
    site.module.register_forward_hook(lambda module, args, output: output * 2)

    assert torch.equal(functional_call(site.module, {}, site.x), site.module(site.x))


MODES = {
    "plain": lambda: torch.enable_grad(),
    "no_grad": torch.no_grad,
    "inference": torch.inference_mode,
    "autocast": lambda: torch.autocast("cpu", dtype=torch.bfloat16),
}


def modes():
    return torch.is_grad_enabled(), torch.is_inference_mode_enabled(), (torch.ones(1, 1) @ torch.ones(1, 1)).dtype


@clause("call.mode")
@pytest.mark.parametrize("mode", MODES.values(), ids=MODES)
@with_site((flat_parameter,))
def test_modes_of_autograd_and_autocast_stay(functional_call, site, mode):
    seen = []
    site.in_forward(lambda owner: seen.append(modes()))
    with mode():
        before = modes()
        functional_call(site.module, {site.name: site.value()}, site.x)
        after = modes()

    assert (*seen, after) == (before, before)


@clause("call.mode")
@with_site((flat_parameter,))
def test_modes_of_autograd_stay_when_forward_raises(functional_call, site):
    site.in_forward(lambda owner: 1 / 0)
    before = modes()

    with pytest.raises(ZeroDivisionError):
        functional_call(site.module, {site.name: site.value()}, site.x)

    assert modes() == before


@clause("call.mode")
@pytest.mark.parametrize("training", [True, False], ids=["train", "eval"])
@with_site((nested_parameter,))
def test_train_and_eval_mode_of_every_module_stay(functional_call, site, training):
    site.module.train(training)
    site.owner.train(not training)
    before, seen = [one.training for one in site.module.modules()], []
    site.in_forward(lambda owner: seen.append([one.training for one in site.module.modules()]))

    functional_call(site.module, {site.name: site.value()}, site.x)

    assert seen == [before]
    assert [one.training for one in site.module.modules()] == before


@clause("call.mode")
@with_site((flat_parameter,))
def test_what_forward_changes_stays_changed(functional_call, site):
    def change(owner):
        owner.eval()
        torch.set_grad_enabled(False)

    site.in_forward(change)
    try:
        functional_call(site.module, {site.name: site.value()}, site.x)

        assert (site.module.training, torch.is_grad_enabled()) == (False, False)
    finally:
        torch.set_grad_enabled(True)


@clause("call.signature")
def test_documented_names_are_keywords(functional_call, names):
    module = probe(names, lambda self, *args, **kwargs: (args, kwargs))

    result = functional_call(module=module, parameter_and_buffer_dicts={}, args=(1, 2), kwargs={"three": 3})

    assert result == ((1, 2), {"three": 3})


@clause("call.signature")
def test_kwargs_come_fourth(functional_call, names):
    module = probe(names, lambda self, *args, **kwargs: (args, kwargs))

    assert functional_call(module, {}, (1,), {"two": 2}) == ((1,), {"two": 2})
    assert functional_call(module, {}, (1,), None) == ((1,), {})


@clause("call.signature")
@pytest.mark.parametrize("flag", ["tie_weights", "strict"])
@with_site((flat_parameter,))
def test_flags_are_keyword_only(functional_call, site, flag):
    everything = fresh_values(site.module)
    functional_call(site.module, everything, (site.x,), {}, **{flag: True})

    with refused(site.module):
        functional_call(site.module, everything, (site.x,), {}, True)


@clause("call.exception")
@with_site(FLAT)
def test_what_an_exception_was_raised_from_stays(functional_call, site):
    cause, raised = KeyError("cause"), ValueError("raised")

    def act(owner):
        raise raised from cause

    site.in_forward(act)
    with pytest.raises(ValueError) as caught:
        functional_call(site.module, {site.name: site.value()}, site.x)

    assert caught.value is raised
    assert raised.__cause__ is cause


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


def _circle(names, through_child):
    """A module that contains itself, directly or through a child; forward goes round once."""
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

    result = functional_call(root, {f"{way}.{key}": value}, torch.ones(3), **flags)

    assert torch.equal(result, value)


@clause("call.circular")
@CIRCULAR_FLAGS
@pytest.mark.parametrize("through_child", [False, True], ids=["itself", "parent"])
def test_a_module_that_contains_itself_can_be_called(functional_call, names, through_child, flags):
    module, key = _circle(names, through_child)
    own, value = getattr(module, key), torch.tensor([1.0, 2.0, 3.0])

    result = functional_call(module, {key: value}, torch.ones(3), **flags)

    assert torch.equal(result, value)
    assert getattr(module, key) is own


NOT_MODULES = {
    "function": lambda x: x,
    "class": nn.Linear,
    "none": None,
    "name": "Linear",
    "method": nn.Linear(2, 2).forward,
}


@clause("call.not-a-module")
@pytest.mark.parametrize("tie_weights", [True, False], ids=["tied", "untied"])
@pytest.mark.parametrize("what", NOT_MODULES.values(), ids=NOT_MODULES)
def test_what_is_no_module_is_refused(functional_call, what, tie_weights):
    with pytest.raises(Exception, match=r"(?i)module"):
        functional_call(what, {}, (torch.ones(1, 2),), tie_weights=tie_weights)
