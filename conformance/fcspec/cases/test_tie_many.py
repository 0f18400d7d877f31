"""tie: two names of one tensor among thousands."""

from fcspec.cases.support.many import many_tensors, values_for_all
from fcspec.cases.support.refusal import refused
from fcspec.cases.support.tied import same_objects, seen_in_forward
from fcspec.plugin import clause
from fcspec.specimens.base import with_group


@clause("tie.one-name")
@with_group((many_tensors,))
def test_a_value_for_one_name_is_in_force_for_both_among_many_tensors(functional_call, group):
    value = group.value()

    assert same_objects(seen_in_forward(functional_call, group, {group.names[1]: value}), value, value)


@clause("tie.conflict")
@with_group((many_tensors,))
def test_different_values_are_an_error_among_many_tensors(functional_call, group):
    first, last = group.names
    values = values_for_all(group)
    functional_call(group.module, values, group.x)

    with refused(group.module):
        functional_call(group.module, {**values, first: group.value(), last: group.value(2)}, group.x)
