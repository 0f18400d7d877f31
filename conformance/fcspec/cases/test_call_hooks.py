"""call: it is the module's own call that runs, with its hooks."""

import inspect

import pytest
import torch
from torch import nn

from fcspec.cases.support.comparing import equal, identical
from fcspec.plugin import clause, unsupported
from fcspec.specimens import oracle
from fcspec.specimens.base import probe, with_site
from fcspec.specimens.sites import flat_parameter, nested_parameter

HOOKS = {
    "pre": lambda module, hook: module.register_forward_pre_hook(lambda *_: hook()),
    "pre with kwargs": lambda module, hook: module.register_forward_pre_hook(lambda *_: hook(), with_kwargs=True),
    "forward": lambda module, hook: module.register_forward_hook(lambda *_: hook()),
    "forward with kwargs": lambda module, hook: module.register_forward_hook(lambda *_: hook(), with_kwargs=True),
    "global pre": lambda _, hook: nn.modules.module.register_module_forward_pre_hook(lambda *_: hook()),
    "global": lambda _, hook: nn.modules.module.register_module_forward_hook(lambda *_: hook()),
}


@clause("call.hooks")
@with_site((flat_parameter, nested_parameter))
def test_a_forward_of_the_instance_is_used(functional_call, site):
    value, result = site.value(), object()
    site.module.forward = lambda x: (site.current(), result)

    assert [*map(id, functional_call(site.module, {site.name: value}, site.x))] == [id(value), id(result)]
    assert "forward" in vars(site.module)


@clause("call.hooks")
@with_site((nested_parameter,))
def test_a_forward_of_the_instance_of_a_submodule_is_used(functional_call, site):
    value, seen = site.value(), []
    site.caller.forward = lambda x: seen.append(site.current()) or x

    functional_call(site.module, {site.name: value}, site.x)

    assert seen[0] is value


@clause("call.hooks")
@with_site((flat_parameter, nested_parameter))
@pytest.mark.parametrize("register", HOOKS.values(), ids=HOOKS)
def test_forward_hooks_run_and_see_the_given_value(functional_call, site, register):
    value, seen = site.value(), []
    with register(site.module, lambda: seen.append(site.current())):
        functional_call(site.module, {site.name: value}, site.x)

    assert seen
    assert identical(seen, [value] * len(seen))


@clause("call.hooks")
@pytest.mark.parametrize("strict", [False, True])
@pytest.mark.parametrize("tie_weights", [False, True])
@pytest.mark.parametrize("register", HOOKS.values(), ids=HOOKS)
def test_hooks_run_where_nothing_is_given(functional_call, names, register, strict, tie_weights):
    module, seen = probe(names, lambda self, x: x), []
    with register(module, lambda: seen.append(module)):
        for values in ({}, (), ({}, {})):
            functional_call(module, values, torch.ones(3), strict=strict, tie_weights=tie_weights)

            assert seen
            seen.clear()


@clause("call.hooks")
@with_site((flat_parameter,))
def test_a_hook_that_is_always_called_runs_when_forward_raises(functional_call, site):
    if "always_call" not in inspect.signature(nn.Module.register_forward_hook).parameters:
        unsupported("always_call is new in torch 2.1")
    value, seen = site.value(), []
    site.module.register_forward_hook(lambda *_: seen.append(site.current()), always_call=True)
    site.in_forward(lambda owner: 1 / 0)

    with pytest.raises(ZeroDivisionError):
        functional_call(site.module, {site.name: value}, site.x)

    assert identical(seen, [value])


@clause("call.hooks")
@with_site((flat_parameter,))
def test_hooks_change_arguments_and_result(functional_call, site):
    site.module.register_forward_pre_hook(lambda module, args: (args[0] + 1,))
    site.module.register_forward_hook(lambda module, args, output: output * 2)

    values = {site.name: site.value()}

    result = functional_call(site.module, values, site.x)

    assert equal(result, oracle.result(site.module, values, site.x))


@clause("call.hooks")
@with_site((flat_parameter, nested_parameter))
def test_full_backward_hooks_fire(functional_call, site):
    fired = []
    site.module.register_full_backward_hook(lambda module, grad_input, grad_output: fired.append(grad_output[0]))

    functional_call(site.module, {site.name: site.value()}, site.x.requires_grad_()).sum().backward()

    assert [grad.tolist() for grad in fired] == [[1, 1, 1]]


REGISTERS = {
    "of the module": lambda module, hook: module.register_full_backward_pre_hook(hook),
    "global": lambda module, hook: nn.modules.module.register_module_full_backward_pre_hook(hook),
}


@clause("call.hooks")
@pytest.mark.parametrize("register", REGISTERS.values(), ids=REGISTERS)
@with_site((flat_parameter,))
def test_full_backward_pre_hooks_fire(functional_call, site, register):
    fired = []
    with register(site.module, lambda module, grad_output: fired.append(grad_output[0])):
        functional_call(site.module, {site.name: site.value()}, site.x.requires_grad_()).sum().backward()

    assert [grad.tolist() for grad in fired] == [[1, 1, 1]]


@clause("call.hooks")
@with_site((flat_parameter,))
def test_an_overridden_call_is_used(functional_call, site):
    type(site.module).__call__ = lambda self, x: ("its own", site.current())
    value = site.value()

    word, seen = functional_call(site.module, {site.name: value}, site.x)

    assert word == "its own"
    assert seen is value


@clause("call.hooks")
@with_site((flat_parameter,))
def test_a_compiled_module_runs_compiled(functional_call, site, monkeypatch):
    if not hasattr(nn.Module, "compile"):
        unsupported("Module.compile is new in torch 2.2")
    runs = []
    monkeypatch.setattr(torch, "compile", lambda call, **_: lambda *args: runs.append(site.current()) or call(*args))
    site.module.compile()
    value = site.value()

    functional_call(site.module, {site.name: value}, site.x)

    assert identical(runs, [value])


REGISTRIES = nn.modules.module
BACKWARD_HOOKS = {
    "full": lambda module, hook: module.register_full_backward_hook(hook),
    "pre": lambda module, hook: module.register_full_backward_pre_hook(hook),
    "global full": lambda _, hook: REGISTRIES.register_module_full_backward_hook(hook),
    "global pre": lambda _, hook: REGISTRIES.register_module_full_backward_pre_hook(hook),
}
"""Each is the only hook there is: who asks for hooks before the call of the module must ask for every kind."""


@clause("call.hooks")
@with_site((flat_parameter,))
def test_backward_hooks_fire_for_the_called_module_where_there_is_no_other_hook(functional_call, site, monkeypatch):
    flag = "_global_is_full_backward_hook"  # registering sets it, and taking the hook away does not set it back
    monkeypatch.setattr(REGISTRIES, flag, getattr(REGISTRIES, flag))
    fired, x = [], site.x.requires_grad_()
    for kind, register in BACKWARD_HOOKS.items():
        for values in ({}, {site.name: site.value()}):
            with register(site.module, lambda module, *_: fired.append(module)):
                functional_call(site.module, values, x).sum().backward()

            assert [one for one in fired if one is site.module] == [site.module], kind
            fired.clear()
