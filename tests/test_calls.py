"""Drawn calls: a seed repeats them, the reference keeps every law in them, and what breaks one is found and made small."""

import importlib

import pytest
from fcspec.calls.comparison import broken_laws
from fcspec.calls.drawing import plans
from fcspec.calls.expected import expect
from fcspec.calls.shrinking import find_smallest
from fcspec.calls.topics import TOPICS
from fcspec_reference import functional_call
from hypothesis import strategies as st


def test_what_is_drawn_does_not_depend_on_what_is_imported(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    drawn = []

    def draw():
        drawn.clear()
        find_smallest(
            st.integers(0, 10**6),
            lambda number: drawn.append(number) or [],
            examples=200,
            seed=0,
            shrink_seconds=0.0,
        )
        return list(drawn)

    first = draw()
    (tmp_path / "numbers_of_a_target.py").write_text(f"NUMBERS = {[7 * n for n in range(1000, 2000)]}")
    importlib.import_module("numbers_of_a_target")

    assert draw() == first


@pytest.mark.parametrize("topic", TOPICS, ids=lambda topic: topic.name)
def test_a_seed_repeats_what_is_drawn_and_the_reference_keeps_every_law(topic):
    def drawn():
        seen = []
        found = find_smallest(
            plans(topic),
            lambda plan: seen.append(plan) or broken_laws(plan, functional_call),
            examples=10,
            seed=7,
            shrink_seconds=1,
        )
        assert found is None
        return seen

    first = drawn()

    assert first == drawn()
    assert any(expect(plan).refused_by is not None for plan in first) >= bool(topic.faults)


def test_an_implementation_that_does_nothing_is_found_out():
    def plain(module, values, args, **_):
        return module(args)

    for topic in (TOPICS[0], TOPICS[4]):
        found = find_smallest(
            plans(topic), lambda plan: broken_laws(plan, plain), examples=30, seed=1, shrink_seconds=5
        )

        assert found is not None
        assert len(found[0].modules) <= 2
