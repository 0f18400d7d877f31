"""Tables of features as `fcspec explore` draws them: with an addition."""

from __future__ import annotations

# ruff: noqa: RUF009  (a field's default is made by factor)
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

from fcspec.calls.addition import Addition
from fcspec.calls.additions import ADDITIONS
from fcspec.calls.features import AcceptedFeatures, Row, Rule, Split, factor, factors


def _rules(table: type[Row]) -> Iterator[Rule]:
    """What an addition leaves at its default."""
    for name, values in factors(table).items():
        if any(name in addition.defaults for addition in ADDITIONS):
            yield Rule(("addition", name), _Keeps(name, values[0]))


@dataclass(frozen=True)
class _Keeps:
    name: str
    default: Any

    def __call__(self, addition: Addition | None, value: Any) -> bool:
        return addition is None or self.name not in addition.defaults or value == self.default


def _complete(addition: Addition | None, strict: bool | None) -> bool:
    return not strict or addition is None or addition.complete


def _cached(addition: Addition | None, in_cached: bool) -> bool:
    return not in_cached or addition is None or addition.cached


def _has_a_tuple(addition: Addition | None, split: Split) -> bool:
    return addition is None or not addition.dicts or split is not Split.ONE_DICT


@dataclass(frozen=True, kw_only=True)
class SearchedFeatures(AcceptedFeatures):
    """A call with an addition, which can make it an error."""

    addition: Addition | None = factor(None, *ADDITIONS)

    further_rules: ClassVar[tuple[Rule, ...]] = (
        *_rules(AcceptedFeatures),
        Rule.of(_complete),
        Rule.of(_cached),
        Rule.of(_has_a_tuple),
    )

    @property
    def added(self) -> Addition | None:
        return self.addition
