"""Completes some features to a row that the rules allow."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Iterator
from typing import Any

from fcspec.calls.features import Row, factors
from fcspec.calls.rules import rules


def completed(table: type[Row], chosen: dict[str, Any]) -> Row | None:
    """A row with these values, and with as many defaults as the rules allow when one rule after the other is kept; None: there
    seems to be none."""
    row = table(**chosen)
    for _ in range(_ROUNDS):
        broken = next((rule for rule in rules(table) if not rule.is_kept_by(row)), None)
        if broken is None:
            return row
        changes = _changes(row, [name for name in broken.names if name not in chosen])
        fitting = (new for change in changes if broken.is_kept_by(new := dataclasses.replace(row, **change)))
        changed = next(fitting, None)
        if changed is None:
            return None
        row = changed
    return None


_ROUNDS = 8


def _changes(row: Row, names: list[str]) -> Iterator[dict[str, Any]]:
    """Other values for one of these factors, then for two of them."""
    values = factors(type(row))
    for count in (1, 2):
        for some in itertools.combinations(names, count):
            for one in itertools.product(*(values[name] for name in some)):
                yield dict(zip(some, one, strict=True))
