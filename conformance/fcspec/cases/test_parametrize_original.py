"""parametrize: the parametrization is applied to the values given for its originals."""

import torch

from fcspec.cases.support.comparing import equal
from fcspec.plugin import clause
from fcspec.specimens import oracle
from fcspec.specimens.base import with_site
from fcspec.specimens.parametrized import (
    buffer_squared,
    chained,
    doubled,
    nested_squared,
    squared,
    two_originals,
)


@clause("parametrize.original")
@with_site((squared, nested_squared, doubled))
def test_the_parametrization_is_applied_to_the_value_given_for_the_original(functional_call, site):
    value = site.value().requires_grad_()
    expected = site.value().requires_grad_()
    plain = oracle.holding(site.module, {site.originals[0]: expected})
    plain(site.x).sum().backward()

    result = functional_call(site.module, {site.originals[0]: value}, site.x)
    result.sum().backward()

    assert equal(result, plain(site.x))
    assert equal(value.grad, expected.grad)


@clause("parametrize.several-originals")
@with_site((two_originals,))
def test_all_or_some_of_several_originals(functional_call, site):
    assert len(site.originals) == 2
    for names in ([site.originals[0]], [site.originals[1]], site.originals, site.originals[::-1]):
        values, held = ({name: site.value(seed).requires_grad_() for seed, name in enumerate(names, 2)} for _ in "12")
        expected = oracle.result(site.module, held, site.x)
        expected.sum().backward()

        result = functional_call(site.module, values, site.x)
        result.sum().backward()

        assert equal(result, expected)
        assert [name for name in names if not torch.equal(values[name].grad, held[name].grad)] == []


@clause("parametrize.chained")
@with_site((chained,))
def test_chained_parametrizations_apply_in_their_order(functional_call, site):
    site.in_forward(lambda owner: site.current() * 1)

    result = functional_call(site.module, {site.originals[0]: site.value()}, site.x)

    assert equal(result, 2 * site.value() + 1)


@clause("parametrize.buffer")
@with_site((buffer_squared,))
def test_the_original_of_a_parametrized_buffer(functional_call, site):
    site.in_forward(lambda owner: site.current() * 1)

    assert equal(functional_call(site.module, {site.originals[0]: site.value()}, site.x), site.value() ** 2)
