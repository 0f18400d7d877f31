"""One statement about a call."""

from __future__ import annotations

import enum
from dataclasses import dataclass


class Context(enum.StrEnum):
    """What a call is made in, so that an assertion can look at it afterwards: the items of a with statement."""

    NONE = ""
    WARNINGS = 'warnings.catch_warnings(record=True, action="always") as heard'
    OUTPUT = "contextlib.redirect_stdout(io.StringIO()) as printed"


@dataclass(frozen=True)
class Shown:
    """What a message says where an assertion fails: *subject* is *found*, expected *expected*.

    Attributes:
        found: an expression, evaluated then.
        before: an expression of what was expected, for what only the call shows.
    """

    subject: str
    found: str
    expected: str
    before: str = ""


@dataclass(frozen=True)
class Assertion:
    """One statement about the call.

    Attributes:
        code: the assert statement.
        shown: what came out, and what was expected; None: the statement itself has to do.
        setup: statements to run before the call, which note what the assertion compares with.
        after_backward: it is about gradients, and holds after result.backward().
        context: what the call must be made in.
        drops_names: its code sets the variables to None that hold given tensors; it is the last one.
    """

    clause: str
    code: str
    shown: Shown | None = None
    setup: str = ""
    after_backward: bool = False
    context: Context = Context.NONE
    drops_names: bool = False

    @property
    def needs_return(self) -> bool:
        """Whether it says something about what the call returned, or about what followed that."""
        return not self.drops_names and any(word in self.code for word in ("result", "again"))
