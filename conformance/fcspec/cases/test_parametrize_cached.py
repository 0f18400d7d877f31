"""parametrize: calls under torch.nn.utils.parametrize.cached()."""

import contextlib

import pytest
import torch
from torch.nn.utils import parametrize

from fcspec.cases.support.comparing import equal
from fcspec.plugin import clause
from fcspec.specimens.base import get, with_site
from fcspec.specimens.parametrized import doubled, nested_doubled, scaled

by_either_name = pytest.mark.parametrize("by", ["regular name", "original"])
cached_or_not = pytest.mark.parametrize("cached", [False, True], ids=["nothing cached", "own value cached"])


def _name(site, by):
    return site.name if by == "regular name" else site.originals[0]


@clause("parametrize.cached")
@by_either_name
@cached_or_not
@with_site((doubled, nested_doubled))
def test_forward_sees_the_given_value_whatever_is_cached(functional_call, site, by, cached):
    values, seen = [site.value(2), site.value(3)], []
    expected = values if by == "regular name" else [2 * value for value in values]
    site.in_forward(lambda owner: seen.append(site.current()))
    with parametrize.cached():
        for value in values:
            if cached:
                site.current()
            functional_call(site.module, {_name(site, by): value}, site.x)

    assert equal(seen, expected)


@clause("parametrize.cached")
@by_either_name
@cached_or_not
@with_site((doubled, nested_doubled))
def test_a_call_leaves_no_given_value_in_the_cache(functional_call, site, by, cached):
    own = site.module(site.x)
    with parametrize.cached():
        for seed in (2, 3):
            if cached:
                site.current()
            functional_call(site.module, {_name(site, by): site.value(seed)}, site.x)

            assert equal(site.module(site.x), own)


@clause("parametrize.cached")
@cached_or_not
@with_site((scaled,))
def test_a_value_for_a_parameter_of_the_parametrization_is_used(functional_call, site, cached):
    own, value, seen, name = site.own.detach().clone(), site.value(), [], site.originals[-1]
    original = get(site.module, site.originals[0]).detach()
    site.in_forward(lambda owner: seen.append(site.current()))
    with parametrize.cached():
        if cached:
            site.current()
        functional_call(site.module, {name: value}, site.x)

        assert equal(seen[0], original * value)
        assert equal(site.current(), own)


@clause("parametrize.cached")
@cached_or_not
@with_site((doubled, nested_doubled))
def test_a_value_for_what_is_tied_to_the_original_is_used(functional_call, names, site, cached):
    key, value, seen = names.attribute(), site.value(), []
    site.module.register_parameter(key, get(site.module, site.originals[0]))
    own = site.own.detach().clone()
    site.in_forward(lambda owner: seen.append(site.current()))
    with parametrize.cached():
        if cached:
            site.current()
        functional_call(site.module, {key: value}, site.x)

        assert equal(seen[0], 2 * value)
        assert equal(site.current(), own)


@clause("parametrize.cached")
@by_either_name
@cached_or_not
@with_site((doubled, nested_doubled))
def test_a_call_in_a_call_leaves_the_values_of_each(functional_call, site, by, cached):
    outer, inner, seen = site.value(2), site.value(3), []
    expected = [value if by == "regular name" else 2 * value for value in (outer, inner, outer)]
    own = site.own.detach().clone()

    def act(owner):
        seen.append(site.current())
        if len(seen) == 1:
            functional_call(site.module, {_name(site, by): inner}, site.x)
            seen.append(site.current())

    site.in_forward(act)
    with parametrize.cached():
        if cached:
            site.current()
        functional_call(site.module, {_name(site, by): outer}, site.x)

        assert equal(seen, expected)
        assert equal(site.current(), own)


@clause("parametrize.cached")
@by_either_name
@with_site((doubled, nested_doubled))
def test_a_context_may_be_entered_several_times(functional_call, site, by):
    value, seen, own = site.value(), [], site.own.detach().clone()
    site.in_forward(lambda owner: seen.append(site.current()))
    with contextlib.ExitStack() as contexts:
        for _ in range(3):
            contexts.enter_context(parametrize.cached())
            site.current()
            functional_call(site.module, {_name(site, by): value}, site.x)

            assert equal(seen.pop(), value if by == "regular name" else 2 * value)
            assert equal(site.current(), own)


@clause("parametrize.cached")
@by_either_name
@cached_or_not
@with_site((doubled, nested_doubled))
def test_a_call_that_is_refused_in_a_call_leaves_the_values_of_the_outer_one(functional_call, site, by, cached):
    value, seen, own = site.value(), [], site.own.detach().clone()

    def act(owner):
        for _ in range(2 - len(seen)):  # a target that does not refuse the call gets here again
            seen.append(site.current())
            with contextlib.suppress(Exception):
                functional_call(site.module, {_name(site, by): site.value(3), "nowhere.weight": value}, site.x)

    site.in_forward(act)
    with parametrize.cached():
        if cached:
            site.current()
        functional_call(site.module, {_name(site, by): value}, site.x)

        assert equal(seen, [value if by == "regular name" else 2 * value] * 2)
        assert equal(site.current(), own)


@clause("parametrize.cached")
@by_either_name
@with_site((doubled, nested_doubled))
def test_the_cache_goes_on_behind_the_call_and_ends_with_its_context(functional_call, site, by):
    original = get(site.module, site.originals[0])
    with parametrize.cached():
        functional_call(site.module, {_name(site, by): site.value()}, site.x)
        assert site.current() is site.current()

    for _ in range(2):
        assert equal(site.current(), 2 * original)
        with torch.no_grad():
            original.add_(1)


@clause("parametrize.cached")
@by_either_name
@with_site((doubled, nested_doubled))
def test_a_call_that_fails_leaves_nothing_in_the_cache(functional_call, site, by):
    own = site.own.detach().clone()
    for error in (ZeroDivisionError, KeyboardInterrupt, SystemExit):

        def act(owner, error=error):
            site.current()
            raise error

        site.in_forward(act)
        with parametrize.cached():
            with contextlib.suppress(error):
                functional_call(site.module, {_name(site, by): site.value()}, site.x)

            assert equal(site.current(), own)
