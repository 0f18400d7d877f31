"""Many implementations, given as source code, each searched by `fcspec explore` in a process of its own."""

import multiprocessing
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from fcspec import explore
from fcspec.target.address import Address


@dataclass(frozen=True)
class Explored:
    """What a search found.

    Attributes:
        clauses: with the message of each.
        seconds: until the first finding, or of the whole search.
    """

    clauses: dict[str, str]
    scripts: dict[str, str]
    examples: int
    problems: list[str]
    seconds: float


def explore_source(source: str, seconds: float, seed: int) -> Explored:
    """Search a file with this source until something is found, with one worker."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "implementation.py"
        path.write_text(source, encoding="utf-8")
        started = time.monotonic()
        search = explore.explore(
            Address(str(path), "functional_call"), seconds=seconds, seed=seed, workers=1, maxfail=1
        )
        found = search.findings.values()
        return Explored(
            {one.clause: one.message for one in found},
            {one.clause: one.script for one in found},
            search.examples,
            search.problems,
            time.monotonic() - started,
        )


def explore_all(jobs: Iterable[tuple[Any, str]], seconds: float, seed: int) -> Iterator[tuple[Any, Explored]]:
    """One after the other."""
    fork = multiprocessing.get_context("fork")
    for key, source in jobs:
        with fork.Pool(1) as pool:
            yield key, pool.apply(explore_source, (source, seconds, seed))
