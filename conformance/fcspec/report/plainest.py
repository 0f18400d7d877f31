"""Which case of a clause every view shows, where several do not pass."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol, TypeVar

from fcspec.report.verdict import Verdict

_EXAMPLES = "test_examples.py"
_RANKS = {_EXAMPLES: 0, "test_covering.py": 2, "test_drawn.py": 2}


class _Judged(Protocol):
    @property
    def id(self) -> str: ...

    @property
    def verdict(self) -> Verdict: ...


_Case = TypeVar("_Case", bound=_Judged)


def plainest(cases: Iterable[_Case], verdict: Verdict | None) -> _Case | None:
    """Of the cases that have the clause's verdict: the example, else one written for the clause, else a drawn one."""
    worst = (case for case in cases if case.verdict == verdict)
    return min(worst, key=lambda case: _RANKS.get(_file(case.id), 1), default=None)


def is_example(id: str) -> bool:
    return _file(id) == _EXAMPLES


def _file(id: str) -> str:
    return id.partition("::")[0]
