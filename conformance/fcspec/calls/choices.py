"""What hypothesis chose in an attempt, by the interface of its databases."""

from __future__ import annotations

from collections.abc import Iterable

from hypothesis.database import ExampleDatabase


class Choices(ExampleDatabase):
    """What hypothesis chose in the smallest example of one attempt.

    Args:
        again: what it is to choose first, and nothing else; empty: it draws as ever.
    """

    def __init__(self, again: bytes = b"") -> None:
        super().__init__()
        self.again, self.smallest = again, b""

    def fetch(self, key: bytes) -> Iterable[bytes]:
        return (self.again,) if self.again and _is_first(key) else ()

    def save(self, key: bytes, value: bytes) -> None:
        if _is_first(key):
            self.smallest = value

    def delete(self, key: bytes, value: bytes) -> None:
        """What has no longer a part in it is of no use to anybody."""


def _is_first(key: bytes) -> bool:
    """Hypothesis has more keys, for examples that are not the smallest ones."""
    return not key.endswith((b".secondary", b".pareto"))
