"""Comparisons that say, where they fail, what was found and what was expected.

`assert equal(actual, expected)` fails with the numbers of both.
"""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

WIDTH = 90
"""So many characters of a value are shown."""


class Comparison:
    """What a comparison found. It is false where there is a difference; its repr is the message of the assertion."""

    def __init__(self, difference: str | None):
        self.difference = difference

    def __bool__(self) -> bool:
        return self.difference is None

    def __repr__(self) -> str:
        return self.difference or "True"


def equal(actual: Any, expected: Any) -> Comparison:
    """Whether two tensors, or those of two sequences, have the same shape and the same numbers."""
    return _compared(actual, expected, torch.equal)


def close(actual: Any, expected: Any) -> Comparison:
    """Whether two tensors, or those of two sequences, have nearly the same numbers."""
    return _compared(actual, expected, torch.allclose)


def identical(actual: Sequence[Any], expected: Sequence[Any]) -> Comparison:
    """Whether two sequences hold the same objects, in the same order."""
    return _compared_one_by_one([*actual], [*expected], lambda one, other: one is other, "the very object")


def _compared(actual: Any, expected: Any, same: Callable[[Tensor, Tensor], bool]) -> Comparison:
    if isinstance(expected, Tensor):
        actual, expected = [actual], [expected]

    def are_same(one: Any, other: Any) -> bool:
        return isinstance(one, Tensor) and same(one, other)

    return _compared_one_by_one([*actual], [*expected], are_same, "what is equal to")


def _compared_one_by_one(
    actual: list[Any], expected: list[Any], same: Callable[[Any, Any], bool], what: str
) -> Comparison:
    if len(actual) != len(expected):
        return Comparison(
            f"{len(actual)} values, expected {len(expected)}: {shown(actual)}, expected {shown(expected)}"
        )
    for number, (one, other) in enumerate(zip(actual, expected, strict=True)):
        if not same(one, other):
            which = f"the value at {number} of {len(actual)}: " if len(actual) > 1 else ""
            return Comparison(f"{which}{shown(one)}, expected {what} {shown(other)}")
    return Comparison(None)


def shown(value: Any) -> str:
    """A value in one line."""
    try:
        text = " ".join(repr(value).replace("Parameter containing:", "Parameter").split())
    except Exception:
        text = f"{type(value).__name__} without a repr"
    return text if len(text) <= WIDTH else f"{text[: WIDTH - 3]}..."
