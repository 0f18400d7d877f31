"""Generated mutants that no case catches, and why: survivors.toml, read."""

import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from mutants._changes import Replace

SURVIVORS = Path(__file__).with_name("survivors.toml")


@dataclass(frozen=True)
class Survivor:
    """One of them.

    Attributes:
        file: the name of the file that it is a mutant of.
        reason: in one line, why it is no wrong implementation.
    """

    file: str
    change: Replace
    reason: str


def survivors() -> Iterator[Survivor]:
    """All that survivors.toml lists."""
    for entry in tomllib.loads(SURVIVORS.read_text(encoding="utf-8"))["survivors"]:
        for old, new in entry["changes"]:
            yield Survivor(entry["file"], Replace(entry["function"], old, new), entry["reason"])
