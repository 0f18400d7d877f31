"""parametrize: forward sees the value given for a regular name, and the parametrization does not run."""

import contextlib

import pytest
import torch
from torch import nn
from torch.nn.utils import parametrize

from fcspec.cases.support.comparing import close, equal, identical
from fcspec.plugin import Needs, clause, needs
from fcspec.specimens.base import get, parameter, probe, with_site
from fcspec.specimens.parametrized import (
    PARAMETRIZED,
    buffer_doubled,
    chained,
    doubled,
    nested_doubled,
    nested_squared,
    parametrization,
    shifted,
    squared,
    two_originals,
    under_two_paths,
)
from fcspec.specimens.sites import flat_parameter, nested_parameter
from fcspec.state.module_state import snapshot


@clause("parametrize.regular-name")
@with_site((*PARAMETRIZED, chained, two_originals))
def test_forward_sees_the_object_given_for_the_regular_name(functional_call, site):
    value, seen = site.value(), []
    site.in_forward(lambda owner: seen.extend([site.current(), site.current()]))

    functional_call(site.module, {site.name: value}, site.x)
    functional_call(site.module, {site.name: value}, site.x, tie_weights=False)

    assert identical(seen, [value] * 4)


@clause("parametrize.regular-name")
@with_site((doubled, nested_doubled))
def test_none_for_the_regular_name_is_refused_or_is_what_forward_sees(functional_call, site):
    seen = []
    site.in_forward(lambda owner: seen.append(site.current()) or site.x)

    for flags in ({}, {"tie_weights": False}):
        with contextlib.suppress(Exception):  # it may be refused: dicts.none-value
            functional_call(site.module, {site.name: None}, site.x, **flags)

    assert identical(seen, [None] * len(seen))


@clause("parametrize.regular-name")
@with_site((flat_parameter, nested_parameter))
def test_a_tensor_that_was_parametrized_after_a_call_takes_the_value(functional_call, names, site):
    """What call.module-as-it-is says of any name, for one that has lost its slot, and gets it again."""
    value, seen = site.value(), []
    site.in_forward(lambda owner: seen.append(site.current()) or site.x)

    for _ in range(2):
        functional_call(site.module, {site.name: value}, site.x)
        parametrize.register_parametrization(site.owner, site.key, parametrization(names, [], lambda x: x * 2))
        functional_call(site.module, {site.name: value}, site.x)
        parametrize.remove_parametrizations(site.owner, site.key)

    assert identical(seen, [value] * 4)


@clause("parametrize.regular-name")
@with_site((doubled, nested_doubled))
def test_forward_writes_into_the_object_given_for_the_regular_name(functional_call, site):
    value = site.value()
    site.in_forward(lambda owner: site.current().add_(1) * 0)

    functional_call(site.module, {site.name: value}, site.x)

    assert equal(value, site.value() + 1)


@clause("parametrize.regular-name")
@with_site(PARAMETRIZED)
def test_the_dict_keeps_the_object_given_for_the_regular_name(functional_call, site):
    value = site.value()
    values = {site.name: value}

    functional_call(site.module, values, site.x)

    assert list(values) == [site.name]
    assert values[site.name] is value


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

    assert equal(seen, [values[key] for key in keys])


@clause("parametrize.regular-name")
@pytest.mark.parametrize("which", [0, 1], ids=["first", "second"])
@with_site((doubled, nested_doubled))
def test_a_shared_submodule_takes_it_by_any_of_its_paths(functional_call, names, site, which):
    root, keys = under_two_paths(names, site)
    value, seen = site.value(), []
    site.in_forward(lambda owner: seen.append(site.current()) or site.x)

    functional_call(root, {keys[which]: value}, site.x)

    assert equal(seen, [value] * len(seen))


@clause("parametrize.regular-name")
@pytest.mark.parametrize("tie_weights", [True, False], ids=["tied", "untied"])
@with_site((doubled, nested_doubled))
def test_what_is_tied_to_an_original_keeps_its_own(functional_call, names, site, tie_weights):
    key, value, seen = names.attribute(), site.value(), []
    original = get(site.module, site.originals[0])
    site.module.register_parameter(key, original)
    site.in_forward(lambda owner: seen.extend([site.current(), get(site.module, key)]))

    functional_call(site.module, {site.name: value}, site.x, tie_weights=tie_weights)

    assert seen[0] is value
    assert seen[1] is original


@clause("parametrize.regular-name-gradient")
@with_site(PARAMETRIZED)
def test_the_gradient_reaches_the_tensor_given_for_the_regular_name(functional_call, site):
    value = site.value().requires_grad_()
    site.in_forward(lambda owner: site.current() ** 2)

    functional_call(site.module, {site.name: value}, site.x).sum().backward()

    assert equal(value.grad, 2 * site.value())


@clause("parametrize.regular-name-gradient")
@with_site(PARAMETRIZED)
def test_the_result_of_another_operation_passes_the_gradient_on(functional_call, site):
    leaf = site.value().requires_grad_()
    site.in_forward(lambda owner: site.current() ** 2)

    functional_call(site.module, {site.name: leaf * 3}, site.x).sum().backward()

    assert close(leaf.grad, 18 * site.value())


@clause("parametrize.regular-name-gradient")
@needs(Needs.TRANSFORMS)
@with_site(PARAMETRIZED)
def test_a_transform_sees_it(functional_call, site):
    site.in_forward(lambda owner: (site.current() ** 2).sum())

    gradient = torch.func.grad(lambda value: functional_call(site.module, {site.name: value}, site.x))(site.value())

    assert equal(gradient, 2 * site.value())


@clause("parametrize.no-right-inverse")
@with_site((squared, nested_squared))
def test_a_parametrization_without_right_inverse_can_be_disabled(functional_call, site):
    site.in_forward(lambda owner: site.current() * 1)

    assert equal(functional_call(site.module, {site.name: site.value()}, site.x), site.value())


@clause("parametrize.not-run")
@with_site((doubled, shifted, chained, two_originals))
def test_a_disabled_parametrization_does_not_run(functional_call, site):
    before = snapshot(site.module)
    site.ran.clear()
    site.in_forward(lambda owner: site.current())

    functional_call(site.module, {site.name: site.value()}, site.x)

    assert site.ran == []
    assert snapshot(site.module).parts("slots", "versions") == before.parts("slots", "versions")


@clause("parametrize.regular-parameter")
@with_site(PARAMETRIZED)
def test_a_parameter_can_be_given_for_the_regular_name(functional_call, site):
    value, seen = nn.Parameter(site.value()), []
    before = snapshot(site.module)
    site.in_forward(lambda owner: seen.append(site.current()))

    functional_call(site.module, {site.name: value}, site.x)

    assert seen[0] is value
    assert snapshot(site.module).parts("slots", "plain") == before.parts("slots", "plain")


@clause("parametrize.buffer")
@with_site((buffer_doubled,))
def test_the_regular_name_of_a_parametrized_buffer(functional_call, site):
    value, seen, before = site.value(), [], snapshot(site.module)
    site.ran.clear()
    site.in_forward(lambda owner: seen.append(site.current()) or site.x)

    functional_call(site.module, {site.name: value}, site.x)

    assert seen[0] is value
    assert site.ran == []
    assert snapshot(site.module).slots == before.slots


@clause("parametrize.both")
@with_site((squared, doubled))
def test_regular_name_and_original_together(functional_call, site, observe):
    value, seen = site.value(), []
    site.in_forward(lambda owner: seen.append(site.current()))
    for values in (
        {site.name: value, site.originals[0]: site.value(2)},
        {site.originals[0]: site.value(2), site.name: value},
    ):
        try:
            functional_call(site.module, values, site.x)
            observe("the regular name is in force" if seen[-1] is value else "the original, or what comes of it")
        except Exception as error:
            observe(type(error).__name__)
