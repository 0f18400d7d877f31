"""parametrize: regular names disable a parametrization, names of originals go through it."""

import contextlib
import copy
import itertools

import pytest
import torch
from torch import nn
from torch.nn.utils import parametrize

from fcspec.plugin import clause, unsupported
from fcspec.specimens import oracle
from fcspec.specimens.base import with_site, get, parameter, probe
from fcspec.specimens.parametrized import (
    PARAMETRIZED,
    buffer_doubled,
    buffer_squared,
    chained,
    doubled,
    nested_doubled,
    nested_squared,
    parametrization,
    shifted,
    squared,
    two_originals,
)
from fcspec.state.module_state import bits, snapshot


@clause("parametrize.regular-name")
@with_site((*PARAMETRIZED, chained, two_originals))
def test_forward_sees_the_object_given_for_the_regular_name(functional_call, site):
    value, seen = site.value(), []
    site.in_forward(lambda owner: seen.extend([site.current(), site.current()]))

    functional_call(site.module, {site.name: value}, site.x)
    functional_call(site.module, {site.name: value}, site.x, tie_weights=False)

    assert [one is value for one in seen] == [True] * 4


@clause("parametrize.regular-name")
@with_site((doubled, nested_doubled))
def test_forward_writes_into_the_object_given_for_the_regular_name(functional_call, site):
    value = site.value()
    site.in_forward(lambda owner: site.current().add_(1) * 0)

    functional_call(site.module, {site.name: value}, site.x)

    assert torch.equal(value, site.value() + 1)


@clause("parametrize.regular-name")
@with_site(PARAMETRIZED)
def test_the_dict_keeps_the_object_given_for_the_regular_name(functional_call, site):
    value = site.value()
    values = {site.name: value}

    functional_call(site.module, values, site.x)

    assert list(values) == [site.name]
    assert values[site.name] is value


@clause("parametrize.regular-name-gradient")
@with_site(PARAMETRIZED)
def test_the_gradient_reaches_the_tensor_given_for_the_regular_name(functional_call, site):
    value = site.value().requires_grad_()
    site.in_forward(lambda owner: site.current() ** 2)

    functional_call(site.module, {site.name: value}, site.x).sum().backward()

    assert torch.equal(value.grad, 2 * site.value())


@clause("parametrize.regular-name-gradient")
@with_site(PARAMETRIZED)
def test_the_result_of_another_operation_passes_the_gradient_on(functional_call, site):
    leaf = site.value().requires_grad_()
    site.in_forward(lambda owner: site.current() ** 2)

    functional_call(site.module, {site.name: leaf * 3}, site.x).sum().backward()

    assert torch.allclose(leaf.grad, 18 * site.value())


@clause("parametrize.no-right-inverse")
@with_site((squared, nested_squared))
def test_a_parametrization_without_right_inverse_can_be_disabled(functional_call, site):
    site.in_forward(lambda owner: site.current() * 1)

    assert torch.equal(functional_call(site.module, {site.name: site.value()}, site.x), site.value())


@clause("parametrize.not-run")
@with_site((doubled, shifted, chained, two_originals))
def test_a_disabled_parametrization_does_not_run(functional_call, site):
    before = snapshot(site.module)
    site.ran.clear()
    site.in_forward(lambda owner: site.current())

    functional_call(site.module, {site.name: site.value()}, site.x)

    assert site.ran == []
    assert snapshot(site.module).parts("slots", "versions") == before.parts("slots", "versions")


@clause("parametrize.not-run")
@pytest.mark.parametrize("training", [True, False], ids=["train", "eval"])
def test_the_vectors_of_a_disabled_spectral_norm_stay(functional_call, training):
    linear = _builtin("spectral_norm").train(training)
    before = snapshot(linear)

    functional_call(linear, {"weight": torch.ones(3, 3)}, torch.ones(1, 3))

    assert snapshot(linear).slots == before.slots


@clause("parametrize.regular-parameter")
@with_site(PARAMETRIZED)
def test_a_parameter_can_be_given_for_the_regular_name(functional_call, site):
    value, seen = nn.Parameter(site.value()), []
    before = snapshot(site.module)
    site.in_forward(lambda owner: seen.append(site.current()))

    functional_call(site.module, {site.name: value}, site.x)

    assert seen[0] is value
    assert snapshot(site.module).parts("slots", "plain") == before.parts("slots", "plain")


@clause("parametrize.original")
@with_site((squared, nested_squared, doubled))
def test_the_parametrization_is_applied_to_the_value_given_for_the_original(functional_call, site):
    value = site.value().requires_grad_()
    expected = site.value().requires_grad_()
    twin = oracle.holding(site.module, {site.originals[0]: expected})
    twin(site.x).sum().backward()

    result = functional_call(site.module, {site.originals[0]: value}, site.x)
    result.sum().backward()

    assert torch.equal(result, twin(site.x))
    assert torch.equal(value.grad, expected.grad)


@clause("parametrize.several-originals")
@with_site((two_originals,))
def test_all_or_some_of_several_originals(functional_call, site):
    assert len(site.originals) == 2
    for names in ([site.originals[0]], [site.originals[1]], site.originals, site.originals[::-1]):
        values, twins = ({name: site.value(seed).requires_grad_() for seed, name in enumerate(names, 2)} for _ in "12")
        expected = oracle.result(site.module, twins, site.x)
        expected.sum().backward()

        result = functional_call(site.module, values, site.x)
        result.sum().backward()

        assert torch.equal(result, expected)
        assert [name for name in names if not torch.equal(values[name].grad, twins[name].grad)] == []


@clause("parametrize.chained")
@with_site((chained,))
def test_chained_parametrizations_apply_in_their_order(functional_call, site):
    site.in_forward(lambda owner: site.current() * 1)

    result = functional_call(site.module, {site.originals[0]: site.value()}, site.x)

    assert torch.equal(result, 2 * site.value() + 1)


@clause("parametrize.others-stay")
def test_the_other_parametrizations_of_a_module_stay_active(functional_call, names):
    """With an exact right_inverse: that the parametrization itself is disabled, is the law of other clauses."""
    keys, double = [names.attribute() for _ in range(3)], (lambda original: 2 * original, lambda value: value / 2)
    module = probe(names, lambda self, x: torch.stack([getattr(self, key) for key in keys]))
    for key in keys:
        module.register_parameter(key, parameter())
        parametrize.register_parametrization(module, key, parametrization(names, [], *double))
    own = module(None).detach()

    for n, key in enumerate(keys):
        value = torch.tensor([1.0, 2.0, 4.0])
        result = functional_call(module, {key: value}, torch.ones(3))
        expected = own.clone()
        expected[n] = value

        assert torch.equal(result, expected)


@clause("parametrize.others-stay")
def test_a_copy_of_a_module_stays_parametrized(functional_call, names):
    """A copy made by deepcopy is of the very class of its model, which has the property."""
    module, one, key = probe(names), probe(names), names.attribute()
    one.register_parameter(key, parameter())
    double = (lambda original: 2 * original, lambda value: value / 2)
    parametrize.register_parametrization(one, key, parametrization(names, [], *double))
    for child in (one, copy.deepcopy(one)):
        module.add_module(names.attribute(), child)
    type(module).forward = lambda self, x: torch.stack([getattr(child, key) for child in self.children()])
    own, value = module(None).detach(), torch.tensor([1.0, 2.0, 4.0])

    for n, (path, _) in enumerate(module.named_children()):
        result = functional_call(module, {f"{path}.{key}": value}, torch.ones(3))

        assert torch.equal(result[n], value)
        assert torch.equal(result[1 - n], own[1 - n])


@clause("parametrize.others-stay")
def test_an_assignment_to_a_copy_goes_through_its_parametrization(functional_call, names):
    module, one, key, path = probe(names), probe(names), names.attribute(), names.attribute()
    one.register_parameter(key, parameter())
    double = (lambda original: 2 * original, lambda value: value / 2)
    parametrize.register_parametrization(one, key, parametrization(names, [], *double))
    other, bound = copy.deepcopy(one), torch.tensor([2.0, 4.0, 8.0])
    module.add_module(path, one)
    module.add_module(names.attribute(), other)
    type(module).forward = lambda self, x: setattr(other, key, bound)

    functional_call(module, {f"{path}.{key}": torch.ones(3)}, torch.ones(3))

    assert torch.equal(other.parametrizations[key].original, bound / 2)
    assert torch.equal(getattr(other, key), bound)


@clause("parametrize.still-active")
@pytest.mark.parametrize("by", ["regular name", "original"])
@pytest.mark.parametrize("fails", [False, True], ids=["returns", "raises"])
@with_site((shifted, doubled, two_originals))
def test_the_tensor_is_parametrized_as_before(functional_call, site, by, fails):
    before, kind = snapshot(site.module), type(site.owner)
    name = site.name if by == "regular name" else site.originals[0]
    if fails:
        site.in_forward(lambda owner: 1 / 0)
    try:
        functional_call(site.module, {name: site.value()}, site.x)
    except ZeroDivisionError:
        assert fails

    assert parametrize.is_parametrized(site.owner, site.key)
    assert type(site.owner) is kind
    assert snapshot(site.module).slots == before.slots
    assert torch.equal(site.current(), site.own)


@clause("parametrize.still-active")
@pytest.mark.parametrize("by", ["regular name", "original"])
@pytest.mark.parametrize("fails", [False, True], ids=["returns", "raises"])
@with_site((doubled, nested_doubled))
def test_what_is_assigned_after_the_call_goes_to_the_original(functional_call, site, by, fails):
    original = get(site.module, site.originals[0])
    if fails:
        site.in_forward(lambda owner: 1 / 0)
    with pytest.raises(ZeroDivisionError) if fails else contextlib.nullcontext():
        functional_call(site.module, {site.name if by == "regular name" else site.originals[0]: site.value()}, site.x)

    with torch.no_grad():
        setattr(site.owner, site.key, torch.tensor([2.0, 4.0, 8.0]))

    assert get(site.module, site.originals[0]) is original
    assert original.tolist() == [1.0, 2.0, 4.0]
    assert site.current().tolist() == [2.0, 4.0, 8.0]


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


@clause("parametrize.buffer")
@with_site((buffer_squared,))
def test_the_original_of_a_parametrized_buffer(functional_call, site):
    site.in_forward(lambda owner: site.current() * 1)

    assert torch.equal(functional_call(site.module, {site.originals[0]: site.value()}, site.x), site.value() ** 2)


BUILTIN = ("weight_norm", "spectral_norm", "orthogonal")


def _builtin(kind):
    normalize = getattr(nn.utils.parametrizations, kind, None)
    if normalize is None:
        unsupported(f"{kind} is no parametrization before torch 2.1")
    linear = normalize(nn.Linear(3, 3))
    if kind == "spectral_norm":  # its vectors may have settled, and then running it changes none
        nn.init.uniform_(linear.parametrizations.weight.original)
    return linear


@clause("parametrize.builtin")
@pytest.mark.parametrize("kind", BUILTIN)
@pytest.mark.parametrize("nested", [False, True], ids=["flat", "nested"])
def test_builtin_parametrizations_are_disabled_by_the_regular_name(functional_call, kind, nested):
    linear, x = _builtin(kind), torch.rand(2, 3)
    module = nn.Sequential(linear) if nested else linear
    before, value = snapshot(module), torch.arange(9.0).reshape(3, 3).requires_grad_()

    result = functional_call(module, {"0.weight" if nested else "weight": value}, x)
    result.sum().backward()

    assert torch.equal(result, nn.functional.linear(x, value, linear.bias))
    assert torch.allclose(value.grad, x.sum(0).expand(3, 3))
    assert snapshot(module).slots == before.slots


@clause("parametrize.builtin-originals")
@pytest.mark.parametrize("kind", BUILTIN)
def test_builtin_parametrizations_apply_to_given_originals(functional_call, kind):
    linear, x = _builtin(kind).eval(), torch.rand(2, 3)
    names = [name for name, _ in linear.named_parameters() if ".original" in name]
    for chosen in itertools.chain.from_iterable(itertools.combinations(names, n) for n in range(1, len(names) + 1)):
        values = {name: torch.rand_like(linear.get_parameter(name)) + 1 for name in chosen}
        before = snapshot(linear)

        result = functional_call(linear, values, x)

        assert torch.allclose(result, oracle.result(linear, values, x))
        assert snapshot(linear).slots == before.slots


@clause("parametrize.cached")
@pytest.mark.parametrize("by", ["regular name", "original"])
@pytest.mark.parametrize("first", ["given", "own"])
@with_site((doubled, nested_doubled))
def test_given_and_own_values_are_not_mixed_in_the_cache(functional_call, site, by, first):
    name = site.name if by == "regular name" else site.originals[0]
    given = [{name: site.value(seed)} for seed in (2, 3)]
    own, site.x = site.module(site.x), site.x
    expected = [site.value(seed) if by == "regular name" else 2 * site.value(seed) for seed in (2, 3)]
    seen = []
    site.in_forward(lambda owner: seen.append(site.current()))
    with parametrize.cached():
        plain = [site.module(site.x)] if first == "own" else []
        for values in given:
            functional_call(site.module, values, site.x)
            plain.append(site.module(site.x))

    assert [torch.equal(output, own) for output in plain] == [True] * len(plain)
    used = seen[1 if first == "own" else 0 :: 2]
    assert [bits(one.detach()) for one in used] == [bits(one) for one in expected]


@clause("parametrize.cached")
@pytest.mark.parametrize("by", ["regular name", "original"])
@with_site((doubled, nested_doubled))
def test_the_cache_goes_on_behind_the_call_and_ends_with_its_context(functional_call, site, by):
    name = site.name if by == "regular name" else site.originals[0]
    original = get(site.module, site.originals[0])
    with parametrize.cached():
        functional_call(site.module, {name: site.value()}, site.x)
        assert site.current() is site.current()

    for _ in range(2):
        assert torch.equal(site.current(), 2 * original)
        with torch.no_grad():
            original.add_(1)


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
