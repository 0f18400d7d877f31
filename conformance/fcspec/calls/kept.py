"""Calls that broke a law, kept in a database of hypothesis: for the next search, and for those of other machines.

What is kept names features, or what hypothesis chose, and is no code: whoever writes to a database makes nobody run anything but
calls that could have been drawn.
"""

from __future__ import annotations

import enum
import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from hypothesis.database import DirectoryBasedExampleDatabase, ExampleDatabase

from fcspec import __version__
from fcspec.calls.addition import Addition
from fcspec.calls.features import AcceptedFeatures, RefusedFeatures, Row, factors, non_default
from fcspec.calls.rules import allowed
from fcspec.calls.searched import SearchedFeatures
from fcspec.errors import UsageError, in_words
from fcspec.target.address import Address

_TABLES: Mapping[str, type[Row]] = {one.__name__: one for one in (AcceptedFeatures, RefusedFeatures, SearchedFeatures)}
_SCHEMES = ("redis", "rediss", "unix")


@dataclass(frozen=True)
class Kept:
    """A call that broke a law.

    Attributes:
        choices: what hypothesis chose, in hexadecimal digits; empty: it is a row.
        table, features: of the row, those features that are not at their default.
    """

    topic: str
    clause: str
    choices: str = ""
    table: str = ""
    features: Mapping[str, Any] = field(default_factory=dict)

    def as_bytes(self) -> bytes:
        return json.dumps(asdict(self), sort_keys=True).encode()

    @classmethod
    def from_bytes(cls, data: bytes) -> Kept | None:
        """None where it is of another kind."""
        try:
            read = cls(**json.loads(data))
            texts = (read.topic, read.clause, read.choices, read.table)
            if not all(isinstance(one, str) for one in texts) or not isinstance(read.features, dict):
                return None
            bytes.fromhex(read.choices)
        except (ValueError, TypeError):
            return None
        return read if read.choices or read.row() is not None else None

    def row(self) -> Row | None:
        """None where there is no such row here."""
        table = _TABLES.get(self.table)
        if table is None:
            return None
        chosen = {}
        for name, text in self.features.items():
            fitting = [value for value in factors(table).get(name, ()) if _text(value) == text]
            if not fitting:
                return None
            chosen[name] = fitting[0]
        row = table(**chosen)
        return row if allowed(row) else None


def features_of(row: Row) -> dict[str, Any]:
    """The fields `table` and `features` of a row."""
    return {"table": type(row).__name__, "features": {name: _text(one) for name, one in non_default(row).items()}}


def _text(value: Any) -> Any:
    return value.name if isinstance(value, enum.Enum | Addition) else value


class Database:
    """What this release of fcspec has kept: of one target, and of every target.

    A call that breaks one implementation is worth trying on another; and one implementation has other addresses elsewhere.
    """

    def __init__(self, examples: ExampleDatabase, address: Address) -> None:
        self._examples, self._key = examples, f"fcspec {__version__} {address}".encode()
        self._of_all = f"fcspec {__version__}".encode()

    def kept(self, *, own: bool = False) -> list[Kept]:
        """First those of this target, in the same order, whatever the order of the database. UsageError where it can't be read.

        Args:
            own: only those.
        """
        try:
            found = sorted(self._examples.fetch(self._key))
            others = [] if own else sorted({*self._examples.fetch(self._of_all)} - {*found})
        except Exception as error:
            raise UsageError(f"--database cannot be read: {in_words(error)}") from None
        return [one for data in (*found, *others) if (one := Kept.from_bytes(data)) is not None]

    def keep(self, one: Kept) -> None:
        for key in (self._key, self._of_all):
            self._examples.save(key, one.as_bytes())

    def drop(self, one: Kept) -> None:
        """It holds now in this target; others may break it still."""
        self._examples.delete(self._key, one.as_bytes())


def open_database(place: str) -> ExampleDatabase:
    """The database in a folder, which is made where it is missing, or at redis://... UsageError where there is none."""
    scheme, separator, _ = place.partition("://")
    if not separator:
        return DirectoryBasedExampleDatabase(_folder(place))
    if scheme not in _SCHEMES:
        raise UsageError(f"--database {scheme}://...: expected a folder, or a URL of {', '.join(_SCHEMES)}")
    try:
        from hypothesis.extra.redis import RedisExampleDatabase
        from redis import Redis
    except ImportError:
        raise UsageError("--database with a URL needs redis: python -m pip install 'hypothesis[redis]'") from None
    shown = f"--database {scheme}://{urlsplit(place).hostname or urlsplit(place).path}"  # without a password
    try:
        redis = Redis.from_url(place)
        redis.ping()
    except Exception as error:
        raise UsageError(f"{shown} does not answer: {in_words(error)}") from None
    return RedisExampleDatabase(redis)


def _folder(place: str) -> Path:
    folder = Path(place)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"--database {place} is no folder: {error.strerror or error}") from None
    if not os.access(folder, os.R_OK | os.W_OK | os.X_OK):
        raise UsageError(f"--database {place}: the folder cannot be read and written")
    return folder
