"""What to judge, and how: one list of options, from which the command's and pytest's are made."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any

from fcspec import devices
from fcspec.target.address import Address

FORK, SPAWN, NONE = "fork", "spawn", "none"
"""Kinds of isolation."""


def _option(default: Any, flag: str, help: str, **more: Any) -> Any:
    """A field of Options that is an option of the command and of pytest, without its prefix `--` or `--fcspec-`."""
    metadata = {"flag": flag, "help": help, **more}
    if callable(default):
        return field(default_factory=default, metadata=metadata)
    return field(default=default, metadata=metadata)


def _processors() -> int:
    return os.cpu_count() or 1


@dataclass(frozen=True)
class Options:
    """What to judge, and how."""

    address: Address
    profiles: tuple[str, ...] = _option((), "profile", "A profile of SPEC.md, or all; again for more.", metavar="NAME")
    clauses: tuple[str, ...] = _option(
        (), "clause", "Only clauses that match, as in 'restore.*'; again for more.", metavar="GLOB"
    )
    exclude: tuple[str, ...] = _option(
        (), "exclude", "No case whose id matches, as in 'test_drawn.py::*'; again for more.", metavar="GLOB"
    )
    cases: tuple[str, ...] = _option(
        (), "case", "Only the case of this id, or all of file.py::test; again for more.", metavar="ID"
    )
    brief: bool = _option(False, "brief", "Judge a clause up to its first case that is wrong.")
    exitfirst: bool = _option(False, "exitfirst", "End with the first case that is wrong.", short="x")
    strict: bool = _option(False, "strict", "Every SHOULD counts like a MUST.")
    workers: int = _option(_processors, "workers", "Tests at a time. [default: the number of CPUs]", minimum=1)
    timeout: float = _option(10.0, "timeout", "Seconds for one test.", minimum=0.1)
    patience: int = _option(5, "patience", "So many timeouts in a row end the run; 0: none do.", minimum=0)
    seed: int = _option(0, "seed", "Varies names in specimens and the order of tests.")
    isolation: str = _option(
        FORK,
        "isolation",
        "Tests in processes of their own (spawn: each imports the target anew), or not.",
        choices=(FORK, SPAWN, NONE),
    )
    device: str = _option(
        devices.CPU, "device", "cpu, cuda or mps; without isolation but on the CPU.", metavar="DEVICE"
    )

    @property
    def isolated(self) -> bool:
        """Whether tests run in processes of their own, as far as the device decides that."""
        return self.isolation != NONE and devices.is_cpu(self.device)

    def as_dict(self) -> dict[str, Any]:
        return {**asdict(self), "address": str(self.address)}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Options:
        values: dict[str, Any] = {key: tuple(one) if isinstance(one, list) else one for key, one in data.items()}
        if values.get("cases") and not (values.get("profiles") or values.get("clauses")):
            values["clauses"] = ("*",)  # a case is of its own profile
        return cls(Address.parse(values.pop("address")), **values)


@dataclass(frozen=True)
class Flag:
    """An option, as those need it who offer it.

    Attributes:
        field: the field of Options that it fills.
        name: the option without its prefix.
        default: None where it is found out only when the option is missing.
        several: it may be given again; the field is a tuple.
    """

    field: str
    name: str
    help: str
    default: Any
    several: bool
    metavar: str | None = None
    choices: tuple[str, ...] | None = None
    minimum: float | None = None
    short: str | None = None


def flags() -> tuple[Flag, ...]:
    """Every option but the target's address."""
    found = []
    for one in fields(Options):
        if one.metadata:
            data = dict(one.metadata)
            default = one.default if isinstance(one.default, str | float | int | tuple) else None
            found.append(
                Flag(one.name, data.pop("flag"), data.pop("help"), default, isinstance(default, tuple), **data)
            )
    return tuple(found)
