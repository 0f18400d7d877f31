"""In which order clauses are mended: what others need comes first."""

from __future__ import annotations

from collections.abc import Iterable

from fcspec.report.model import ClauseResult
from fcspec.spec import LEVELS, Spec

CHAPTERS = ("call", "args", "swap", "dicts", "restore", "inplace", "grad", "tie", "strict", "parametrize", "state")
"""What later chapters need comes first."""

FIRST_STEPS = (
    *("call.result", "args.tuple", "args.single"),
    *("swap.parameter", "swap.buffer", "swap.nested", "swap.partial"),
    *("restore.objects", "restore.exception", "dicts.one", "dicts.tuple"),
)
"""Calling at all, swapping, putting back: every chapter needs these."""


def in_order(results: Iterable[ClauseResult], spec: Spec) -> list[ClauseResult]:
    """By level; what everything needs, then by chapter, then as in SPEC.md."""

    def key(result: ClauseResult) -> tuple[int, int, int]:
        chapter = spec[result.clause].chapter
        if result.clause in FIRST_STEPS:
            return 0, -1, FIRST_STEPS.index(result.clause)
        place = CHAPTERS.index(chapter) if chapter in CHAPTERS else len(CHAPTERS)
        return LEVELS.index(result.level), place, spec.position(result.clause)

    return sorted(results, key=key)
