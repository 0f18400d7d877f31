"""Which cases a run of pytest collects, which of them it judges, and in which order."""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence
from fnmatch import fnmatchcase
from pathlib import Path

import pytest

from fcspec.errors import UsageError
from fcspec.plugin.items import CASES, case_id, clause_of, note_clause
from fcspec.spec import load_spec


class Collection:
    """A plugin of pytest: collects the cases of some clauses, and leaves alone whatever else is collected.

    Args:
        profiles, clauses: as in Options.

    Attributes:
        cases: what was collected, in the order of SPEC.md's clauses.
    """

    def __init__(self, profiles: Iterable[str], clauses: Iterable[str]) -> None:
        try:
            self.slugs = {one.slug for one in load_spec().select(profiles, clauses)}
        except UsageError as error:
            raise pytest.UsageError(str(error)) from None
        self.cases: list[pytest.Item] = []

    def pytest_ignore_collect(self, collection_path: Path) -> bool | None:
        """Files that mention none of the chosen clauses need no import."""
        if collection_path.parent != CASES or not collection_path.name.startswith("test_"):
            return None
        text = collection_path.read_text(encoding="utf-8")
        return None if "SPEC.clauses" in text or any(slug in text for slug in self.slugs) else True

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, config: pytest.Config, items: list[pytest.Item]) -> None:
        cases = [item for item in items if note_clause(item)]
        left_out = {item for item in cases if clause_of(item) not in self.slugs}
        if left_out:
            config.hook.pytest_deselected(items=list(left_out))
            items[:] = [item for item in items if item not in left_out]
        position = {clause.slug: number for number, clause in enumerate(load_spec().clauses)}
        self.cases = sorted(
            (item for item in cases if item not in left_out), key=lambda item: position[clause_of(item)]
        )


def excluded(case: pytest.Item, globs: Iterable[str]) -> bool:
    return any(fnmatchcase(case_id(case), glob) for glob in globs)


def shuffled(cases: Sequence[pytest.Item], seed: int) -> list[pytest.Item]:
    """In the order that a seed gives them; 0: as they are."""
    cases = list(cases)
    if seed:
        random.Random(seed).shuffle(cases)
    return cases


def planned(cases: Iterable[pytest.Item], slugs: Iterable[str]) -> dict[str, list[str]]:
    """The ids of cases, by clause, in SPEC.md's order."""
    plan: dict[str, list[str]] = {slug: [] for slug in sorted(slugs, key=load_spec().position)}
    for case in cases:
        plan[clause_of(case)].append(case_id(case))
    return plan
