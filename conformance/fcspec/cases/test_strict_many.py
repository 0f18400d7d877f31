"""strict: one name among thousands."""

import pytest

from fcspec.cases.support.many import many_tensors, values_for_all
from fcspec.cases.support.refusal import refused
from fcspec.plugin import clause
from fcspec.specimens.base import with_group


@with_group((many_tensors,))
@pytest.mark.parametrize(
    "wrong",
    [
        pytest.param(lambda values, name: values.pop(name), marks=clause("strict.buffers"), id="missing"),
        pytest.param(
            lambda values, name: values.update({f"{name}x": values[name]}),
            marks=clause("strict.unexpected"),
            id="unexpected",
        ),
    ],
)
def test_one_name_among_many_is_an_error(functional_call, group, wrong):
    values = values_for_all(group)
    functional_call(group.module, values, group.x, strict=True)
    wrong(values, [*values][-2])

    with refused(group.module):
        functional_call(group.module, values, group.x, strict=True)
