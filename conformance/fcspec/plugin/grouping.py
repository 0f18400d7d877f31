"""Which cases share a child process."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from fcspec.plugin.items import Needs, clause_of, needs_of
from fcspec.spec import load_spec

Cases = list[pytest.Item]


def cases_by_child(items: Iterable[pytest.Item]) -> list[tuple[Needs, Cases]]:
    """Which cases share a child, and what they need; the children that take longest come first.

    Cases share a child if they are of one chapter and need nothing but torch; if they are of one profile and need the same; or,
    where they need a compiler, if they are of one clause.
    """
    units: dict[tuple[Needs, str], Cases] = {}
    for item in items:
        clause, needs = load_spec()[clause_of(item)], needs_of(item)
        together = {Needs.TORCH: clause.chapter, Needs.COMPILER: clause.slug}.get(needs, clause.profile)
        units.setdefault((needs, together), []).append(item)
    ordered = sorted(units.items(), key=lambda one: (_SLOWEST_FIRST.index(one[0][0]), -len(one[1]), one[0][1]))
    return [(needs, cases) for (needs, _), cases in ordered]


def cases_by_needs(items: Iterable[pytest.Item]) -> list[tuple[Needs, Cases]]:
    found: dict[Needs, Cases] = {}
    for item in items:
        found.setdefault(needs_of(item), []).append(item)
    return [*found.items()]


_SLOWEST_FIRST = (Needs.TRANSFORMS, Needs.COMPILER, Needs.DRAWING, Needs.TORCH)
