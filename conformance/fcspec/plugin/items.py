"""A case among the items of pytest: its mark, its clause, its id."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from fcspec.errors import Unsupported

if TYPE_CHECKING:
    from fcspec.options import Options
    from fcspec.target.boundary import Boundary
    from fcspec.target.preflight import Loaded

CASES = Path(__file__).parents[1] / "cases"


@dataclass(frozen=True)
class UnderTest:
    """What cases judge now; their fixtures read it."""

    boundary: Boundary
    options: Options
    loaded: Loaded


UNDER_TEST = pytest.StashKey[UnderTest]()
"""Where a pytest.Config has it."""


class Needs(Enum):
    """What a case imports when it runs, and is slow to import."""

    TORCH = auto()  # nothing more
    DRAWING = auto()  # hypothesis
    TRANSFORMS = auto()  # torch.func.grad and its like, torch.utils.checkpoint
    COMPILER = auto()  # torch.compile, torch.export, make_fx


_CLAUSE = pytest.StashKey[str]()


def clause(slug: str) -> pytest.MarkDecorator:
    """`@clause("restore.exception")`: this test is about that clause. UsageError, with a did-you-mean, where there is none."""
    from fcspec.spec import load_spec

    return pytest.mark.clause(load_spec()[slug].slug)


def needs(what: Needs) -> pytest.MarkDecorator:
    """`@needs(Needs.TRANSFORMS)`: what these cases import when they run; see plugin/grouping.py for the children they share."""
    return pytest.mark.needs(what)


def needs_of(item: pytest.Item) -> Needs:
    mark = item.get_closest_marker("needs")
    return Needs.TORCH if mark is None else mark.args[0]


def unsupported(reason: str) -> None:
    """End a case that this torch or platform cannot run."""
    raise Unsupported(reason)


def note_clause(item: pytest.Item) -> bool:
    """At collection: look up the clause of an item, once. False where it is no case of the suite."""
    mark = item.get_closest_marker("clause")
    if mark is None or not item.path.is_relative_to(CASES):
        return False
    item.stash[_CLAUSE] = str(mark.args[0])
    return True


def is_case(item: pytest.Item) -> bool:
    return _CLAUSE in item.stash


def clause_of(item: pytest.Item) -> str:
    """The slug of the clause that a case is about."""
    return item.stash[_CLAUSE]


def case_id(item: pytest.Item) -> str:
    """file::name; pytest's nodeid depends on the folder it was started in."""
    return f"{item.path.name}::{item.name}"
