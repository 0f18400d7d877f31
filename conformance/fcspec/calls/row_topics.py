"""Topics whose calls are rows of features: all pairs first, then what is drawn at random, with additions.

A topic has batches without end. What is in one depends on the seed and its number, and on nothing else.
"""

from __future__ import annotations

import random
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from fcspec.calls.addition import Addition
from fcspec.calls.additions import ADDITIONS
from fcspec.calls.additions.leaving import INTERPRETER, TENSORS
from fcspec.calls.completion import completed
from fcspec.calls.covering import covering_rows
from fcspec.calls.features import AcceptedFeatures, RefusedFeatures, Row, factors, non_default
from fcspec.calls.meetings import rows_where_laws_meet
from fcspec.calls.searched import SearchedFeatures

Rows = Callable[[random.Random, int], Iterator[Row | None]]
"""Takes what draws, and the number of the batch. None: features that cannot meet."""

_SIZE = 100


@dataclass(frozen=True)
class RowTopic:
    """Calls that are rows of features."""

    name: str
    rows: Rows

    def batch(self, seed: int, number: int) -> list[Row]:
        chance = random.Random(zlib.crc32(f"{seed} {self.name} {number}".encode()))
        return [row for row in self.rows(chance, number) if row is not None]


def _features(chance: random.Random, table: type[Row], count: int, **chosen: Any) -> Row | None:
    """A row with so many factors at any other value than their defaults, and with those that are chosen."""
    values = factors(table)
    names = chance.sample([name for name in values if name not in (*chosen, "addition")], count)
    return completed(table, {name: chance.choice(values[name][1:]) for name in names} | chosen)


def _pairs(chance: random.Random, number: int) -> Iterator[Row | None]:
    """All pairs; then the same with what looks at tensors, and with any addition."""
    if number == 0:
        yield from rows_where_laws_meet()
        yield from covering_rows()
        return
    for row in chance.sample(covering_rows(), _SIZE):
        if isinstance(row, AcceptedFeatures):
            yield _fitting(row, TENSORS if number % 2 else chance.choice(ADDITIONS))


def _fitting(row: AcceptedFeatures, addition: Addition) -> Row | None:
    """The features of a row, but for those that the addition leaves at their defaults, and the addition."""
    chosen = {name: value for name, value in non_default(row).items() if name not in addition.defaults}
    if not addition.cached:
        chosen.pop("in_cached", None)
    return completed(SearchedFeatures, chosen | {"addition": addition})


def _additions(chance: random.Random, number: int) -> Iterator[Row | None]:
    """Every addition; alone at first."""
    yield _features(
        chance, SearchedFeatures, min(number, 2), addition=INTERPRETER
    )  # in a process that has made no call
    rest = [addition for addition in ADDITIONS if addition is not INTERPRETER]
    for addition in rest if number == 0 else chance.sample(rest, _SIZE):
        yield _features(chance, SearchedFeatures, min(number, 1 + number % 3), addition=addition)


def _several(chance: random.Random, _: int) -> Iterator[Row | None]:
    for _ in range(_SIZE):
        yield _features(chance, AcceptedFeatures, chance.choice((3, 3, 4, 5)))


def _several_of_refused(chance: random.Random, _: int) -> Iterator[Row | None]:
    for _ in range(_SIZE):
        yield _features(chance, RefusedFeatures, chance.choice((2, 3, 3)))


def _several_looked_at(chance: random.Random, _: int) -> Iterator[Row | None]:
    for _ in range(_SIZE):
        yield _features(chance, SearchedFeatures, chance.choice((2, 3)), addition=TENSORS)


ROW_TOPICS = (
    RowTopic("additions", _additions),
    RowTopic("pairs of features", _pairs),
    RowTopic("several features", _several),
    RowTopic("several features, refused", _several_of_refused),
    RowTopic("several features, looked at", _several_looked_at),
)
