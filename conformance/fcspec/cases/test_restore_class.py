"""restore: the classes of modules, and what forward adds before it raises, are as a plain call would have left them."""

import contextlib
from typing import Any

import pytest
import torch
from torch import nn

from fcspec.cases.support.comparing import identical
from fcspec.cases.support.outcomes import raises_if, returns_or_raises
from fcspec.plugin import clause
from fcspec.specimens.base import fresh_values, with_group, with_site
from fcspec.specimens.groups import PAIRS
from fcspec.specimens.parametrized import doubled
from fcspec.specimens.sites import flat_buffer, flat_parameter, nested_parameter

OF_PYTHON = ("__slotnames__", "__annotations__", "__annotations_cache__", "__abstractmethods__", "_abc_impl")


def _of_classes(module: nn.Module) -> dict[str, dict[str, Any]]:
    """What the classes of a module and its submodules hold, and the classes above these."""
    classes = {cls for one in module.modules() for cls in type(one).__mro__ if issubclass(cls, nn.Module)}
    return {
        f"{cls.__module__}.{cls.__qualname__}": {key: one for key, one in vars(cls).items() if key not in OF_PYTHON}
        for cls in classes
        if cls is not nn.Module
    }


ALL_FLAGS: tuple[dict[str, bool], ...] = ({}, {"tie_weights": False}, {"strict": True})


@clause("restore.shape")
@returns_or_raises
@with_site((nested_parameter, flat_buffer, doubled))
def test_classes_of_modules_hold_what_they_held(functional_call, site, fails):
    site.in_forward(lambda owner: 1 / 0 if fails else site.x)
    before = _of_classes(site.module)
    for flags in ALL_FLAGS:
        with raises_if(fails):
            functional_call(site.module, fresh_values(site.module), site.x, **flags)

    assert _of_classes(site.module) == before


@clause("restore.shape")
@with_group(PAIRS[:1])
def test_classes_of_modules_with_ties_hold_what_they_held(functional_call, group):
    before = _of_classes(group.module)
    functional_call(group.module, {group.names[0]: group.value()}, group.x)

    assert _of_classes(group.module) == before


@clause("restore.shape")
@returns_or_raises
@with_site((flat_parameter,))
def test_what_forward_adds_stays_also_when_it_raises(functional_call, names, site, fails):
    """A parameter or a buffer, too, under a name that was not given."""
    keys, hooks = [names.attribute() for _ in range(4)], len(site.owner._forward_hooks)

    def act(owner):
        owner.add_module(keys[0], nn.Identity())
        owner.register_parameter(keys[1], nn.Parameter(torch.ones(3)))
        owner.register_buffer(keys[2], torch.ones(3))
        setattr(owner, keys[3], (3,))
        owner.register_forward_hook(lambda *_: None)
        return 1 / 0 if fails else site.x

    site.in_forward(act)
    with raises_if(fails):
        functional_call(site.module, {site.name: site.value()}, site.x)

    assert [key for key in keys if not hasattr(site.owner, key)] == []
    assert len(site.owner._forward_hooks) == hooks + 1


@clause("restore.plain-attribute")
@pytest.mark.parametrize("of_class", [True, False], ids=["of the class", "of the module"])
@with_site((nested_parameter,))
def test_what_a_call_gives_for_a_plain_tensor_stands_again_after_a_call_in_forward(
    functional_call, names, site, of_class
):
    """For the inner call the value of the outer one is the plain tensor that stood there. Either call may be refused."""
    key, own, value, seen = names.attribute(), torch.zeros(3), torch.ones(3), []
    setattr(type(site.owner) if of_class else site.owner, key, own)
    name = site.sibling_name(key)

    def look(owner):
        seen.append(getattr(owner, key))
        if len(seen) == 1:
            with contextlib.suppress(Exception):
                functional_call(site.module, {name: torch.ones(3)}, site.x)
            seen[1:] = [getattr(owner, key)]
        return site.x

    site.in_forward(look)
    with contextlib.suppress(Exception):
        functional_call(site.module, {name: value}, site.x)

    assert identical(seen, seen[:1] * len(seen))
    assert getattr(site.owner, key) is own


@clause("restore.shape")
@with_site((flat_parameter, nested_parameter))
def test_attributes_keep_their_order(functional_call, names, site):
    """Also where the name of one is given, and accepted or refused."""
    keys = [names.attribute() for _ in range(3)]
    for key in keys:
        site.owner.__dict__[key] = torch.rand(3)
    before = [*vars(site.owner)]
    for values in ({site.name: site.value()}, {site.sibling_name(keys[1]): site.value()}):
        with contextlib.suppress(Exception):
            functional_call(site.module, values, site.x)

        assert [*vars(site.owner)] == before
