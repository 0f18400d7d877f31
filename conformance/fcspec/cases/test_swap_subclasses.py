"""swap: tensors of a subclass that answers no question are used, and left, as they are."""

from fcspec.cases.support.comparing import identical
from fcspec.cases.support.subclasses import refusing_subclass
from fcspec.plugin import clause
from fcspec.specimens.base import with_group, with_site
from fcspec.specimens.groups import PAIRS
from fcspec.specimens.sites import FLAT

ALL_FLAGS: tuple[dict[str, bool], ...] = ({}, {"tie_weights": False})


@clause("swap.subclass")
@with_site(FLAT)
def test_a_value_that_answers_no_question_is_used_as_it_is(functional_call, names, site):
    value, seen = refusing_subclass(names, site.value()), []
    site.in_forward(lambda owner: seen.append(site.current()) or site.x)
    for flags in ALL_FLAGS:
        functional_call(site.module, {site.name: value}, site.x, **flags)

    assert identical(seen, [value, value])


@clause("swap.subclass")
@with_group(PAIRS[:2])
def test_a_value_that_answers_no_question_is_used_for_every_tied_name(functional_call, names, group):
    value, seen = refusing_subclass(names, group.value()), []
    group.in_forward(lambda module: seen.extend(group.current()) or group.x)
    for given in (group.names, group.names[:1]):
        functional_call(group.module, dict.fromkeys(given, value), group.x)

    assert identical(seen, [value] * 4)


@clause("swap.subclass")
@with_site(FLAT)
def test_own_tensors_that_answer_no_question_are_left_as_they_are(functional_call, names, site):
    own, key = refusing_subclass(names, site.value()), names.attribute()
    site.module.register_buffer(key, own)
    value, seen = site.value(), []
    site.in_forward(lambda owner: seen.append((site.current(), getattr(owner, key))) or site.x)
    for values in ({site.name: value}, {key: value}, {}):
        functional_call(site.module, values, site.x)

    assert identical([one for each in seen for one in each], [value, own, site.own, value, site.own, own])
    assert getattr(site.module, key) is own
