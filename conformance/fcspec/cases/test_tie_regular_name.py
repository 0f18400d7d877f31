"""tie: the regular name of one parametrized tensor, given by two paths."""

from fcspec.cases.support.comparing import shown
from fcspec.cases.support.refusal import refused
from fcspec.plugin import clause
from fcspec.specimens.base import with_site
from fcspec.specimens.parametrized import doubled, nested_doubled, under_two_paths


@clause("tie.shared-regular-name")
@with_site((doubled, nested_doubled))
def test_different_values_for_one_regular_name_are_refused(functional_call, names, site):
    root, keys = under_two_paths(names, site)
    functional_call(root, dict.fromkeys(keys, site.value()), site.x, tie_weights=True)

    with refused(root):
        functional_call(root, dict(zip(keys, map(site.value, (1, 2)), strict=True)), site.x, tie_weights=True)


@clause("tie.shared-regular-name")
@with_site((doubled, nested_doubled))
def test_equal_values_for_one_regular_name_are_accepted(functional_call, names, site):
    root, keys = under_two_paths(names, site)
    seen = []
    site.in_forward(lambda owner: seen.append(site.current()) or site.x)
    one, other = site.value(), site.value()

    functional_call(root, dict(zip(keys, (one, other), strict=True)), site.x, tie_weights=True)

    assert {id(value) for value in seen} <= {id(one), id(other)}, (
        f"forward computes with {shown(seen)}, expected {shown(one)}"
    )
