"""Which cases a pytest collects, in which order, which of them share a child, and when patience is over."""

from pathlib import Path
from types import SimpleNamespace

import pytest
from fcspec.options import Options
from fcspec.plugin import warmup
from fcspec.plugin.collection import Collection, excluded, planned, shuffled
from fcspec.plugin.grouping import cases_by_child, cases_by_needs
from fcspec.plugin.isolation import Patience
from fcspec.plugin.items import CASES, Needs, case_id, clause_of, is_case, needs_of
from fcspec.plugin.warmup import preload_for
from fcspec.report.verdict import Verdict
from fcspec.target.address import Address
from support.items import Item, some

# ------------------------------------------------------------------------------------------------------------ collection


def names(items):
    return "".join(item.name for item in items)


def collected(items, profiles=(), clauses=()):
    """What a Collection makes of items: (itself, what is left of them, what is deselected)."""
    plugin, items, deselected = Collection(profiles, clauses), list(items), []
    hook = SimpleNamespace(pytest_deselected=lambda items: deselected.extend(items))
    plugin.pytest_collection_modifyitems(SimpleNamespace(hook=hook), items)
    return plugin, items, deselected


def test_a_case_has_one_clause_one_id_and_maybe_needs():
    case = Item("test_a[b]", "call.once", Needs.COMPILER)

    assert (clause_of(case), case_id(case), needs_of(case)) == ("call.once", "test_call.py::test_a[b]", Needs.COMPILER)
    assert needs_of(Item("a")) is Needs.TORCH


def test_what_stands_elsewhere_is_no_case_whatever_its_mark_says(tmp_path):
    assert is_case(Item("a"))
    assert not is_case(Item("a", folder=tmp_path))
    assert not is_case(Item("a", clause=None))


def test_cases_come_in_the_order_of_the_clauses_and_keep_their_own(tmp_path):
    somebody = Item("s", folder=tmp_path)
    items = [Item("c", "strict.none"), somebody, Item("a", "call.result"), Item("b", "call.result")]

    plugin, left, deselected = collected(items, ("core",))

    assert names(plugin.cases) == "abc"
    assert (left, deselected) == (items, [])


def test_what_was_not_chosen_is_deselected_and_somebodys_tests_are_not(tmp_path):
    somebody = Item("s", folder=tmp_path)
    items = [Item("a", "call.result"), somebody, Item("b", "strict.none"), Item("c", "compile.fullgraph")]

    plugin, left, deselected = collected(items, clauses=("call.*",))

    assert (names(plugin.cases), names(left), sorted(names(deselected))) == ("a", "as", ["b", "c"])


def test_an_unknown_clause_is_an_error_of_usage():
    with pytest.raises(pytest.UsageError, match=r"did you mean 'call\.result'"):
        Collection((), ("call.resul",))


@pytest.mark.parametrize(
    ("path", "ignored"),
    [
        (CASES / "test_args.py", True),
        (CASES / "test_call_result.py", None),
        (CASES / "test_examples.py", None),
        (CASES / "conftest.py", None),
        (Path(__file__), None),
    ],
    ids=lambda one: one.name if isinstance(one, Path) else "",
)
def test_a_file_of_cases_that_mentions_no_chosen_clause_is_not_imported(path, ignored):
    assert Collection((), ("call.result",)).pytest_ignore_collect(path) is ignored


@pytest.mark.parametrize(
    ("globs", "left"),
    [
        ((), "abc"),
        (("test_call.py::*",), ""),
        (("*::a",), "bc"),
        (("*::[ab]",), "c"),
        (("*::a", "*::c"), "b"),
        (("a",), "abc"),
        (("TEST_CALL.py::*",), "abc"),
    ],
)
def test_cases_are_excluded_by_the_whole_of_their_ids(globs, left):
    assert names(case for case in some("abc") if not excluded(case, globs)) == left


def test_a_seed_gives_an_order_and_0_leaves_it():
    cases = some("abcdefgh")

    assert names(shuffled(cases, 0)) == "abcdefgh"
    assert names(shuffled(cases, 1)) == names(shuffled(cases, 1)) != names(shuffled(cases, 2))
    assert sorted(names(shuffled(cases, 1))) == sorted("abcdefgh")


def test_the_plan_has_every_clause_in_order_also_one_without_cases():
    plan = planned(some("ab", "strict.none"), {"strict.none", "call.result"})

    assert list(plan.items()) == [("call.result", []), ("strict.none", ["test_call.py::a", "test_call.py::b"])]


# ---------------------------------------------------------------------------------------------------------------- needs


def units(*items):
    return [(needs, names(cases)) for needs, cases in cases_by_child(items)]


def test_cases_of_a_chapter_share_a_child():
    assert units(Item("a", "call.result"), Item("b", "strict.none"), Item("c", "call.once")) == [
        (Needs.TORCH, "ac"),
        (Needs.TORCH, "b"),
    ]


def test_what_is_imported_lazily_is_shared_by_a_profile_and_what_compiles_by_a_clause():
    found = units(
        Item("a", "grad.transform", Needs.TRANSFORMS),
        Item("b", "call.result", Needs.TRANSFORMS),
        Item("c", "compile.fullgraph", Needs.TRANSFORMS),
        Item("d", "compile.fullgraph", Needs.COMPILER),
        Item("e", "compile.tuple", Needs.COMPILER),
    )

    assert sorted(found, key=lambda one: one[1]) == [
        (Needs.TRANSFORMS, "ab"),
        (Needs.TRANSFORMS, "c"),
        (Needs.COMPILER, "d"),
        (Needs.COMPILER, "e"),
    ]


def test_what_takes_longest_begins_first():
    order = [
        needs
        for needs, _ in units(
            *(Item("a", needs=needs) for needs in (None, Needs.DRAWING, Needs.COMPILER, Needs.TRANSFORMS)),
        )
    ]

    assert order == [Needs.TRANSFORMS, Needs.COMPILER, Needs.DRAWING, Needs.TORCH]
    assert units(Item("a", "call.result"), Item("b", "strict.none"), Item("c", "strict.none"))[0][1] == "bc"


def test_units_do_not_depend_on_how_the_cases_are_ordered_but_for_the_order_within():
    cases = [*some("ab"), *some("cd", "strict.none"), *some("ef", needs=Needs.DRAWING)]

    assert [set(one) for _, one in units(*cases)] == [set(one) for _, one in units(*reversed(cases))]


def test_cases_by_what_they_need():
    cases = [*some("ab"), *some("c", "strict.none", Needs.DRAWING), *some("d", "strict.none")]

    assert [(needs, names(those)) for needs, those in cases_by_needs(cases)] == [
        (Needs.TORCH, "abd"),
        (Needs.DRAWING, "c"),
    ]


@pytest.mark.parametrize(
    ("needs", "before_any_fork"),
    [
        ([], []),
        ([Needs.TORCH, Needs.TORCH, Needs.DRAWING], []),
        ([Needs.TRANSFORMS], []),
        ([Needs.COMPILER], []),
        ([Needs.TRANSFORMS, Needs.TRANSFORMS], [Needs.TRANSFORMS]),
        ([Needs.TRANSFORMS, Needs.COMPILER], [Needs.TRANSFORMS]),
        ([Needs.COMPILER, Needs.COMPILER], [Needs.COMPILER]),
    ],
)
def test_what_several_children_need_is_imported_before_any_fork(monkeypatch, needs, before_any_fork):
    imported = []
    monkeypatch.setattr(warmup, "preload", imported.append)

    preload_for(needs)

    assert imported == before_any_fork


# ------------------------------------------------------------------------------------------------------------- patience


def test_patience_ends_after_timeouts_in_a_row_only():
    patience = Patience(2)

    for verdict, over in (("timeout", False), ("fail", False), ("timeout", False), ("timeout", True)):
        patience.count(Verdict(verdict))
        assert patience.over is over


def test_patience_of_0_never_ends():
    patience = Patience(0)
    patience.count(Verdict.TIMEOUT)

    assert not patience.over


# -------------------------------------------------------------------------------------------------------------- options


@pytest.mark.parametrize(
    "options",
    [
        Options(Address.parse("torch")),
        Options(Address.parse("a.py:b"), ("all",), ("call.*",), ("*::a",), True, True, True, 3, 0.5, 0, 7, "none"),
    ],
)
def test_options_survive_the_trip(options):
    assert Options.from_dict(options.as_dict()) == options


@pytest.mark.parametrize(
    ("isolation", "device", "isolated"),
    [("fork", "cpu", True), ("fork", "cpu:0", True), ("none", "cpu", False), ("fork", "cuda:1", False)],
)
def test_nothing_is_forked_on_another_device(isolation, device, isolated):
    assert Options(Address.parse("torch"), isolation=isolation, device=device).isolated is isolated
