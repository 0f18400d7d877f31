"""The words for verdicts, and the numbers of exit codes; report/model.py decides which applies."""

from __future__ import annotations

from collections.abc import Iterable
from enum import IntEnum, StrEnum


class Verdict(StrEnum):
    """How a case ended, the worst first. Of one clause the worst of its cases counts.

    UNSUPPORTED, this torch or platform cannot run the case, counts only where there is nothing else.
    """

    ERROR = "error"
    CRASH = "crash"
    EXIT = "exit"
    TIMEOUT = "timeout"
    EVADED = "evaded"
    FAIL = "fail"
    PASS = "pass"
    UNSUPPORTED = "unsupported"

    @property
    def is_wrong(self) -> bool:
        return self not in (Verdict.PASS, Verdict.UNSUPPORTED)

    @staticmethod
    def worst(verdicts: Iterable[Verdict]) -> Verdict | None:
        """None where there are none."""
        return min(verdicts, key=[*Verdict].index, default=None)


class Overall(StrEnum):
    """The verdict of a whole run."""

    CONFORMING = "conforming"
    AS_DECLARED = "conforming-as-declared"
    NONCONFORMING = "nonconforming"
    INCOMPLETE = "incomplete"

    @property
    def conforms(self) -> bool:
        return self in (Overall.CONFORMING, Overall.AS_DECLARED)


class ExitCode(IntEnum):
    """Of several, the first that applies: USAGE, INTERRUPTED, INCOMPLETE, NONCONFORMING, NOTHING, CONFORMING."""

    CONFORMING = 0
    NONCONFORMING = 1
    INTERRUPTED = 2
    INCOMPLETE = 3
    USAGE = 4
    NOTHING = 5
