"""parametrize: several tensors, paths, calls and transforms."""

import contextlib

import pytest
import torch
from torch.nn.utils import parametrize

from fcspec.plugin import clause
from fcspec.specimens.base import with_site, parameter, probe
from fcspec.specimens.parametrized import PARAMETRIZED, doubled, nested_doubled, parametrization


@clause("parametrize.regular-name")
def test_several_regular_names_have_their_own_values(functional_call, names):
    module, keys, ran = probe(names), [names.attribute() for _ in range(3)], []
    for key in keys:
        module.register_parameter(key, parameter())
        parametrize.register_parametrization(
            module, key, parametrization(names, ran, lambda original: 2 * original, lambda value: value / 2)
        )
    values, seen = {key: torch.rand(3) for key in keys}, []
    type(module).in_forward = staticmethod(
        lambda module: seen.extend(getattr(module, key) for key in keys) or torch.zeros(())
    )

    functional_call(module, values, torch.ones(3))

    assert [torch.equal(one, values[key]) for one, key in zip(seen, keys, strict=True)] == [True] * 3


@clause("parametrize.regular-name")
@pytest.mark.parametrize("which", [0, 1], ids=["first", "second"])
@with_site((doubled, nested_doubled))
def test_a_shared_submodule_takes_it_by_any_of_its_paths(functional_call, names, site, which):
    root, paths = probe(names), [names.attribute(), names.attribute()]
    for path in paths:
        root.add_module(path, site.module)
    value, seen = site.value(), []
    site.in_forward(lambda owner: seen.append(site.current()) or site.x)

    functional_call(root, {f"{paths[which]}.{site.name}": value}, site.x)

    assert all(torch.equal(one, value) for one in seen)


@clause("parametrize.regular-name-gradient")
@with_site(PARAMETRIZED)
def test_a_transform_sees_it(functional_call, site):
    site.in_forward(lambda owner: (site.current() ** 2).sum())

    gradient = torch.func.grad(lambda value: functional_call(site.module, {site.name: value}, site.x))(site.value())

    assert torch.equal(gradient, 2 * site.value())


@clause("parametrize.cached")
@pytest.mark.parametrize("by", ["regular name", "original"])
@with_site((doubled, nested_doubled))
def test_a_call_that_fails_leaves_nothing_in_the_cache(functional_call, site, by):
    def act(owner):
        site.current()
        return 1 / 0

    name, own = site.name if by == "regular name" else site.originals[0], site.own.detach().clone()
    site.in_forward(act)
    with parametrize.cached():
        with contextlib.suppress(ZeroDivisionError):
            functional_call(site.module, {name: site.value()}, site.x)

        assert torch.equal(site.current(), own)
