"""What the process that runs the suite tells the process that started it: one line of JSON for each event."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, get_args

from fcspec.report.model import Case


@dataclass(frozen=True)
class Alive:
    """Work goes on."""


@dataclass(frozen=True)
class TargetFound:
    """The target was imported. `target`: its address, name, file and line."""

    target: dict[str, Any]


@dataclass(frozen=True)
class Planned:
    """What will be judged.

    Attributes:
        plan: the ids of cases, by clause.
        isolation: how.
        environment: versions of Python and torch, platform, device.
    """

    plan: dict[str, list[str]]
    isolation: str
    environment: dict[str, str]


@dataclass(frozen=True)
class Judged:
    """A case has its verdict."""

    case: Case

    def __post_init__(self) -> None:
        if not isinstance(self.case, Case):
            object.__setattr__(self, "case", Case.from_dict(self.case))


@dataclass(frozen=True)
class Noted:
    """Something about the run that changes no verdict."""

    message: str


@dataclass(frozen=True)
class Drafted:
    """The target does not call a Linear; `message` says how. It is judged all the same."""

    message: str


@dataclass(frozen=True)
class Spawning:
    """A fork of a process that has imported the target cannot carry it: every child imports it anew."""


@dataclass(frozen=True)
class OutOfPatience:
    """Too many timeouts in a row: the rest is not judged."""


@dataclass(frozen=True)
class Problem:
    """The suite itself failed."""

    message: str


@dataclass(frozen=True)
class Refused:
    """The request was wrong: no such target, for example."""

    message: str


@dataclass(frozen=True)
class Done:
    """The request was carried out; nothing more comes of it."""


Event = Alive | TargetFound | Planned | Judged | Noted | Drafted | Spawning | OutOfPatience | Problem | Refused | Done

_KINDS = {one.__name__: one for one in get_args(Event)}


def as_dict(event: Event) -> dict[str, Any]:
    values = {"case": event.case.as_dict()} if isinstance(event, Judged) else asdict(event)
    return {"event": type(event).__name__, **values}


def from_dict(data: Mapping[str, Any]) -> Event:
    """KeyError, TypeError or ValueError where these are no data of an event."""
    values = dict(data)
    return _KINDS[values.pop("event")](**values)  # type: ignore[no-any-return]


def write(event: Event, descriptor: int) -> None:
    """Write one event whole."""
    view = memoryview((json.dumps(as_dict(event)) + "\n").encode())
    while view:
        view = view[os.write(descriptor, view) :]


def read(line: bytes) -> Event | None:
    """One event; None where the line holds none."""
    try:
        return from_dict(json.loads(line))
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None
