"""Rows of features in which every pair of values meets that can meet: a covering array, made greedily.

Where no pair asks for another value a factor has its default, so that a row's features hide each other as little as possible.
Making the rows takes seconds, so they are shipped as data (covering.json). This writes them anew:

    python -m fcspec.calls.covering
"""

from __future__ import annotations

import itertools
import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from fcspec.calls.features import AcceptedFeatures, RefusedFeatures, Row, Rule, factors
from fcspec.calls.rules import rules

_CANDIDATES = 12
_TRIES = 30
_SEED = 0

Pair = tuple[tuple[int, int], tuple[int, int]]
"""Two factors, in order, each with the index of its value."""


_TABLES: tuple[type[Row], ...] = (AcceptedFeatures, RefusedFeatures)
_FILE = Path(__file__).with_name("covering.json")


def covering_rows() -> list[Row]:
    """The rows that were made last."""
    rows = json.loads(_FILE.read_text(encoding="utf-8"))
    return [_row(table, indices) for table in _TABLES for indices in rows[table.__name__]]


def as_json() -> str:
    """Newly made rows: for each table a list of rows, for each row the indices of the values of its factors."""
    lists = (
        f'"{table.__name__}": [\n' + ",\n".join(map(json.dumps, _Array(table).rows())) + "\n]" for table in _TABLES
    )
    return "{\n" + ",\n".join(lists) + "\n}\n"


def _row(table: type[Row], indices: list[int]) -> Row:
    values: dict[str, Any] = {
        name: its[index] for (name, its), index in zip(factors(table).items(), indices, strict=True)
    }
    return table(**values)


Wanted = dict[tuple[int, int], set[tuple[int, int]]]
"""For each value of a factor, those of other factors that it has not met yet."""


class _Array:
    """A row is a list of the indices of the values of its factors; None: not chosen yet."""

    def __init__(self, table: type[Row]) -> None:
        self._factors = factors(table)
        self._names = [*self._factors]
        self._sizes = [len(values) for values in self._factors.values()]
        self._random = random.Random(_SEED)
        tabulated = [_Tabulated(rule, self._factors) for rule in rules(table)]
        self._rules_of = [[rule for rule in tabulated if i in rule.positions] for i in range(len(self._names))]

    def rows(self) -> Iterator[list[int]]:
        left = dict.fromkeys(self._pairs())
        while left:
            best = max(self._candidates([*left]), key=lambda row: len(self._met(row) & left.keys()))
            for pair in self._met(best):
                left.pop(pair, None)
            yield best

    def _pairs(self) -> list[Pair]:
        """The pairs of values that can meet."""
        every = (
            ((i, value), (j, other))
            for i, j in itertools.combinations(range(len(self._names)), 2)
            for value in range(self._sizes[i])
            for other in range(self._sizes[j])
        )
        return [pair for pair in every if self._completed(dict(pair), {}) is not None]

    @staticmethod
    def _met(row: list[int]) -> set[Pair]:
        return set(itertools.combinations(enumerate(row), 2))

    def _candidates(self, left: list[Pair]) -> Iterator[list[int]]:
        """Rows that have some pair which is left, and of the other pairs that are left as many as fit."""
        wanted: Wanted = {}
        for one, other in left:
            wanted.setdefault(one, set()).add(other)
            wanted.setdefault(other, set()).add(one)
        for _ in range(_CANDIDATES):
            row = self._completed(dict(self._random.choice(left)), wanted)
            if row is not None:
                yield row

    def _completed(self, fixed: dict[int, int], wanted: Wanted) -> list[int] | None:
        """A row with these values: each other factor takes the value that most pairs ask for. None: there seems to be none."""
        for _ in range(_TRIES):
            row: list[int | None] = [fixed.get(i) for i in range(len(self._names))]
            if not all(self._is_possible(row, i) for i in fixed):
                return None
            order = [i for i in range(len(row)) if i not in fixed]
            self._random.shuffle(order)
            if all(self._choose(row, i, wanted) for i in order):
                return [value for value in row if value is not None]
        return None

    def _choose(self, row: list[int | None], i: int, wanted: Wanted) -> bool:
        present = {(j, value) for j, value in enumerate(row) if value is not None}
        asked = [len(wanted.get((i, value), set()) & present) for value in range(self._sizes[i])]
        for value in sorted(range(self._sizes[i]), key=lambda value: -asked[value]):
            row[i] = value
            if self._is_possible(row, i):
                return True
        return False

    def _is_possible(self, row: list[int | None], i: int) -> bool:
        """Whether every rule about a factor can still be kept."""
        return all(rule.is_possible(tuple([row[j] for j in rule.positions])) for rule in self._rules_of[i])


class _Tabulated:
    """A rule, about indices of values.

    Attributes:
        positions: of its factors.
    """

    def __init__(self, rule: Rule, values: dict[str, tuple[Any, ...]]) -> None:
        self.positions = tuple(map([*values].index, rule.names))
        numbered = [[*enumerate(values[name])] for name in rule.names]
        self._allowed = [
            tuple(i for i, _ in one)
            for one in itertools.product(*numbered)
            if rule.allows(*(value for _, value in one))
        ]
        self._known: dict[tuple[int | None, ...], bool] = {}

    def is_possible(self, chosen: tuple[int | None, ...]) -> bool:
        """Whether some allowed combination has these values; None: not chosen yet."""
        if chosen not in self._known:
            self._known[chosen] = any(
                all(its is None or its == i for its, i in zip(chosen, one, strict=True)) for one in self._allowed
            )
        return self._known[chosen]


if __name__ == "__main__":
    _FILE.write_text(as_json(), encoding="utf-8")
