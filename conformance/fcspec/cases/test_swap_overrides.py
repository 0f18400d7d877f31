"""swap: what a class answers about its modules and tensors, by methods that it overrides, decides nothing."""

from typing import Any

import pytest
import torch
from torch import nn

from fcspec.cases.support.refusal import refused
from fcspec.plugin import clause
from fcspec.specimens.base import fresh_values, probe, with_site
from fcspec.specimens.sites import nested_buffer, nested_parameter


def _nothing(self: Any, *args: Any, **kwargs: Any) -> Any:
    return iter(())


def _refuse(self: Any, *args: Any, **kwargs: Any) -> Any:
    raise NotImplementedError("asked for")


LISTING = ("children", "named_children", "modules", "named_modules", "parameters", "named_parameters", "buffers")
ASKING = ("get_submodule", "get_parameter", "get_buffer", "set_submodule", "state_dict", "load_state_dict", "apply")
SPECIAL = ("named_buffers", "_named_members", "__dir__", "_apply", "register_module", "extra_repr", "__repr__")
HIDING: dict[str, dict[str, Any]] = {
    "hide": dict.fromkeys((*LISTING, "named_buffers", "_named_members"), _nothing),
    "refuse": dict.fromkeys((*LISTING, *ASKING, *SPECIAL, "requires_grad_", "zero_grad", "train"), _refuse),
    "hide modules": dict.fromkeys(LISTING[:4], _nothing),
    "refuse modules": dict.fromkeys((*LISTING[:4], "get_submodule"), _refuse),
}

overriding = pytest.mark.parametrize("methods", HIDING.values(), ids=HIDING)


def _override(cls, methods):
    for name, method in methods.items():
        setattr(cls, name, method)


@clause("swap.custom-access")
@overriding
@with_site((nested_parameter, nested_buffer))
def test_given_values_reach_slots_whatever_the_methods_of_a_module_show(functional_call, site, methods):
    values, seen = fresh_values(site.module), []
    site.in_forward(lambda owner: seen.append(site.current()))
    for cls in {type(site.module), type(site.owner)}:
        _override(cls, methods)
    for given, flags in (({site.name: values[site.name]}, {}), (values, {"strict": True})):
        functional_call(site.module, given, site.x, **flags)

        assert seen.pop() is values[site.name]
    assert site.current() is site.own


@clause("swap.custom-access")
@overriding
def test_ties_reach_slots_whatever_the_methods_of_a_module_show(functional_call, names, methods):
    root, first, second = probe(names), nn.Module(), nn.Module()
    first.weight = second.weight = nn.Parameter(torch.ones(3))
    shown, hidden, seen = names.attribute(), names.attribute(), []
    root.add_module(shown, first)
    root.add_module(hidden, second)
    type(root).forward = lambda self, x: seen.extend([first.weight, second.weight])
    _override(type(root), methods)
    for name in (shown, hidden):
        value = torch.ones(3)
        functional_call(root, {f"{name}.weight": value}, torch.ones(3))

        assert [one is value for one in seen[-2:]] == [True, True]


@clause("swap.custom-access")
@overriding
@with_site((nested_parameter, nested_buffer))
def test_strict_counts_slots_whatever_the_methods_of_a_module_show(functional_call, site, methods):
    values = fresh_values(site.module)
    _override(type(site.module), methods)
    functional_call(site.module, values, site.x, strict=True)

    del values[site.name]
    with refused(site.module):
        functional_call(site.module, values, site.x, strict=True)


@clause("swap.custom-access")
@pytest.mark.parametrize("flags", [{"tie_weights": False}, {"strict": True}], ids=["untied", "strict"])
@pytest.mark.parametrize("where", ["instance", "class", "class, another module"])
@with_site((nested_parameter,))
def test_a_submodule_that_an_attribute_hides_takes_values_under_all_flags(functional_call, names, site, where, flags):
    child = site.name.partition(".")[0]
    values, seen = fresh_values(site.module), []
    site.in_forward(lambda owner: seen.append(site.current()) or site.x)
    below = site.module._modules[child]
    type(site.module).forward = lambda self, x: below(x)
    other = site.module.__class__() if "another" in where else None
    if where == "instance":
        vars(site.module)[child] = None
    else:
        setattr(type(site.module), child, property(lambda self: other))

    functional_call(site.module, values if "strict" in flags else {site.name: values[site.name]}, site.x, **flags)

    assert seen == [values[site.name]]


def _reversed(self):
    return iter([*self._modules.values()][::-1])


@clause("swap.nested")
@pytest.mark.parametrize("flags", [{}, {"tie_weights": False}, {"strict": True}], ids=["default", "untied", "strict"])
@pytest.mark.parametrize("container", [nn.Sequential, nn.ModuleList])
def test_names_go_by_keys_where_a_container_lists_its_modules_in_another_way(functional_call, names, container, flags):
    inner = [nn.Linear(1, 1, bias=False), nn.Linear(1, 1, bias=False)]
    odd = {"__iter__": _reversed, "__getitem__": lambda self, at: [*self][at]}
    kind = type(names.type(), (container,), odd)
    module, seen = kind(*inner) if container is nn.Sequential else kind(inner), []
    root, key = probe(names, lambda self, x: seen.extend(one.weight for one in inner)), names.attribute()
    root.add_module(key, module)
    values = {f"{key}.{number}.weight": torch.ones(1, 1) for number in (0, 1)}

    functional_call(root, values, torch.ones(()), **flags)

    assert [one is value for one, value in zip(seen, values.values(), strict=True)] == [True, True]
