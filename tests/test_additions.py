"""Additions, and topics of rows: a seed repeats what is drawn, and the reference keeps every law in it."""

import pytest
from fcspec.calls.additions import ADDITIONS
from fcspec.calls.comparison import broken_laws
from fcspec.calls.completion import completed
from fcspec.calls.expected import expect
from fcspec.calls.features import AcceptedFeatures, Given, Split, non_default
from fcspec.calls.kinds import Kind, ValueKind
from fcspec.calls.plan import CallPlan, PlannedModule, PlannedSlot, Value
from fcspec.calls.plan_source import dicts
from fcspec.calls.row_topics import ROW_TOPICS
from fcspec.calls.rows import plan_of
from fcspec.calls.rules import allowed
from fcspec.calls.searched import SearchedFeatures
from fcspec.calls.smaller import smallest
from fcspec.spec import load_spec
from fcspec_reference import functional_call


def test_every_addition_says_which_laws_it_is_about():
    spec = load_spec()
    for addition in ADDITIONS:
        slugs = {addition.clause, *(assertion.clause for assertion in addition.assertions)}
        assert all(spec[slug].profile == "core" or slug.startswith("transforms.") for slug in slugs), addition


def test_every_addition_can_be_drawn_and_makes_a_call_an_error_only_where_it_says_so():
    for addition in ADDITIONS:
        row = completed(SearchedFeatures, {"addition": addition})
        assert row is not None, addition
        assert allowed(row), addition
        assert expect(plan_of(row)).refused_by == addition.refused_by


@pytest.mark.parametrize("split", Split)
def test_what_an_addition_gives_is_given_however_much_else_is(split):
    for addition in ADDITIONS:
        row = completed(SearchedFeatures, {"addition": addition, "given": Given.NONE, "split": split})
        if row is not None:
            assert [name for name, _ in addition.entries if f'"{name}"' not in dicts(plan_of(row))] == [], addition


@pytest.mark.slow
@pytest.mark.parametrize("topic", ROW_TOPICS, ids=lambda topic: topic.name)
def test_a_seed_repeats_a_batch_and_the_reference_keeps_every_law(topic):
    for number in range(2):
        rows = topic.batch(3, number)

        assert rows == topic.batch(3, number)
        assert len(rows) > 20
        assert all(map(allowed, rows))
        wrong = [(non_default(row), found) for row in rows if (found := broken_laws(plan_of(row), functional_call))]
        assert not wrong, wrong[0]


def test_batches_differ():
    for topic in ROW_TOPICS:
        assert topic.batch(3, 1) != topic.batch(3, 2)
        assert topic.batch(3, 1) != topic.batch(4, 1)


def test_a_plan_loses_what_has_no_part_in_its_law():
    def no_ties(module, values, args, kwargs=None, *, tie_weights=True, strict=False):
        return functional_call(module, values, args, kwargs, tie_weights=False)

    slots = (PlannedSlot("a", Kind.PARAMETER, 1), PlannedSlot("b", Kind.PARAMETER, 1), PlannedSlot("c", Kind.BUFFER, 2))
    child = PlannedModule("Child", slots=(PlannedSlot("d", Kind.BUFFER, 3),))
    modules = (
        PlannedModule("Model", slots=slots, children=(("left", 1), ("right", 2))),
        child,
        PlannedModule("Second"),
    )
    plan = CallPlan(modules, (Value(11.0, ValueKind.TENSOR),), ((("a", 0),),))

    def judge(plan):
        return broken_laws(plan, no_ties)

    small, broken = smallest(plan, judge(plan)[0], judge)

    assert broken.clause == "tie.one-name"
    assert [[slot.key for slot in module.slots] for module in small.modules] == [["a", "b"]]


def test_a_row_without_an_addition_has_none():
    assert AcceptedFeatures().added is None
