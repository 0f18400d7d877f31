"""swap: what a class answers about its modules and tensors, by methods that it overrides, decides nothing."""

import itertools
from typing import Any

import torch
from torch import nn

from fcspec.cases.support.refusal import refused
from fcspec.plugin import clause
from fcspec.specimens.base import Names, fresh_values, probe
from fcspec.specimens.sites import Site, nested_buffer, nested_parameter


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


def _override(module: nn.Module, methods: dict[str, Any]) -> None:
    for name, method in methods.items():
        setattr(type(module), name, method)


def _sites(names: Names) -> list[tuple[str, Site, dict[str, Any]]]:
    """Sites whose outermost module is about to get these methods."""
    return [
        (f"{kind} {make.__name__}", make(names), methods)
        for (kind, methods), make in itertools.product(HIDING.items(), (nested_parameter, nested_buffer))
    ]


@clause("swap.custom-access")
def test_given_values_reach_slots_whatever_the_methods_of_a_module_show(functional_call, names):
    for kind, site, methods in _sites(names):
        values, seen = fresh_values(site.module), []
        site.in_forward(lambda owner, site=site, seen=seen: seen.append(site.current()))
        for module in (site.module, site.owner):
            _override(module, methods)
        for given, flags in (({site.name: values[site.name]}, {}), (values, {"strict": True})):
            functional_call(site.module, given, site.x, **flags)

            assert seen.pop() is values[site.name], kind
        assert site.current() is site.own, kind


@clause("swap.custom-access")
def test_strict_counts_slots_whatever_the_methods_of_a_module_show(functional_call, names):
    for _, site, methods in _sites(names):
        values = fresh_values(site.module)
        _override(site.module, methods)
        functional_call(site.module, values, site.x, strict=True)

        del values[site.name]
        with refused(site.module):
            functional_call(site.module, values, site.x, strict=True)


@clause("swap.custom-access")
def test_ties_reach_slots_whatever_the_methods_of_a_module_show(functional_call, names):
    for kind, methods in HIDING.items():
        root, first, second, keys = probe(names), nn.Module(), nn.Module(), (names.attribute(), names.attribute())
        first.weight = second.weight = nn.Parameter(torch.ones(3))
        root._modules.update(zip(keys, (first, second), strict=True))
        seen: list[Any] = []
        type(root).forward = lambda self, x, both=(first, second), seen=seen: seen.extend(one.weight for one in both)
        _override(root, methods)
        for key in keys:
            value = torch.ones(3)
            functional_call(root, {f"{key}.weight": value}, torch.ones(3))

            assert [one is value for one in seen[-2:]] == [True, True], kind


HIDERS = {"none": None, "another module": nn.Identity()}


@clause("swap.custom-access")
def test_a_submodule_that_an_attribute_hides_takes_values_under_all_flags(functional_call, names):
    flags = {"tie_weights": False}, {"strict": True}
    for (kind, hider), of_class, flag in itertools.product(HIDERS.items(), (True, False), flags):
        site, seen = nested_parameter(names), []
        child, values = site.name.partition(".")[0], fresh_values(site.module)
        below = site.module._modules[child]
        site.in_forward(lambda owner, site=site, seen=seen: seen.append(site.owner._parameters[site.key]) or site.x)
        type(site.module).forward = lambda self, x, below=below: below(x)
        if of_class:
            setattr(type(site.module), child, property(lambda self, hider=hider: hider))
        else:
            vars(site.module)[child] = hider
        given = values if "strict" in flag else {site.name: values[site.name]}

        functional_call(site.module, given, site.x, **flag)

        assert [one is values[site.name] for one in seen] == [True], kind


def _reversed(self):
    return iter([*self._modules.values()][::-1])


@clause("swap.nested")
def test_names_go_by_keys_where_a_container_lists_its_modules_in_another_way(functional_call, names):
    odd = {"__iter__": _reversed, "__getitem__": lambda self, at: [*self][at]}
    for container, flags in itertools.product((nn.Sequential, nn.ModuleList), ({}, {"tie_weights": False})):
        inner = [nn.Linear(1, 1, bias=False), nn.Linear(1, 1, bias=False)]
        kind, seen = type(names.type(), (container,), odd), []
        root, key = probe(names), names.attribute()
        type(root).forward = lambda self, x, inner=inner, seen=seen: seen.extend(one.weight for one in inner)
        root.add_module(key, kind(*inner) if container is nn.Sequential else kind(inner))
        values = {f"{key}.{number}.weight": torch.ones(1, 1) for number in (0, 1)}

        functional_call(root, values, torch.ones(()), **flags)

        assert [one is value for one, value in zip(seen, values.values(), strict=True)] == [True, True]
