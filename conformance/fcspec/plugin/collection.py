"""Which cases a run of pytest collects, which of them it judges, and in which order."""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence
from fnmatch import fnmatchcase
from pathlib import Path

import pytest
from _pytest.python import path_matches_patterns

from fcspec.errors import UsageError, did_you_mean
from fcspec.plugin.items import CASES, case_id, clause_of, note_clause
from fcspec.spec import load_spec


def _holds_cases(path: Path) -> bool:
    return path.parent == CASES and fnmatchcase(path.name, "test_*.py")


class CaseModule(pytest.Module):
    """A file of cases, which `python_functions` and `python_classes` of an ini file say nothing about."""

    def funcnamefilter(self, name: str) -> bool:
        return name.startswith("test_")

    def classnamefilter(self, name: str) -> bool:
        return name.startswith("Test")


class Collection:
    """A plugin of pytest: collects the cases of some clauses, and leaves alone whatever else is collected.

    Args:
        profiles, clauses, cases: as in Options.

    Attributes:
        cases: what was collected, in the order of SPEC.md's clauses.
    """

    def __init__(self, profiles: Iterable[str], clauses: Iterable[str], cases: Iterable[str] = ()) -> None:
        self._ids = tuple(cases)
        self._files = {_without_folder(id).partition("::")[0] for id in self._ids}
        try:
            self.slugs = {one.slug for one in load_spec().select(profiles, clauses)}
        except UsageError as error:
            raise pytest.UsageError(str(error)) from None
        self.cases: list[pytest.Item] = []

    def pytest_ignore_collect(self, collection_path: Path) -> bool | None:
        """Files that mention none of the chosen clauses need no import."""
        if not _holds_cases(collection_path):
            return None
        if self._files and collection_path.name not in self._files and (CASES / collection_path.name).is_file():
            return True
        text = collection_path.read_text(encoding="utf-8")
        return None if "SPEC.clauses" in text or any(f'"{slug}"' in text for slug in self.slugs) else True

    def pytest_collect_file(self, file_path: Path, parent: pytest.Collector) -> pytest.Module | None:
        """Cases are found by their own names, whatever `python_files` says where pytest was started."""
        if not _holds_cases(file_path) or path_matches_patterns(file_path, parent.config.getini("python_files")):
            return None
        return CaseModule.from_parent(parent, path=file_path)

    def pytest_pycollect_makemodule(self, module_path: Path, parent: pytest.Collector) -> pytest.Module | None:
        return CaseModule.from_parent(parent, path=module_path) if _holds_cases(module_path) else None

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


def chosen_cases(cases: Sequence[pytest.Item], ids: Iterable[str]) -> list[pytest.Item]:
    """Those of these ids, or of these ids without brackets; UsageError where there is none of an id. No ids: all."""
    if not (wanted := set(map(_without_folder, ids))):
        return list(cases)
    by_id: dict[str, list[pytest.Item]] = {}
    for case in cases:
        for id in {case_id(case), case_id(case).partition("[")[0]}:
            by_id.setdefault(id, []).append(case)
    for id in wanted - set(by_id):
        raise UsageError(f"no case {id!r} in what is selected{did_you_mean(id, by_id)}")
    found = {case for id in wanted for case in by_id[id]}
    return [case for case in cases if case in found]


def _without_folder(id: str) -> str:
    """pytest's nodeid begins with folders."""
    file, colons, name = id.partition("::")
    return f"{file.rpartition('/')[2]}{colons}{name}"


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
