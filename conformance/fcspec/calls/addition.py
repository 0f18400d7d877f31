"""An addition to a plan: source code beside what its features say."""

from __future__ import annotations

import textwrap
from dataclasses import dataclass

from fcspec.calls.assertion import Assertion, Shown

ALONE = ("act", "raises", "in_cached", "calls_inside", "circular", "prior", "location", "mixin")
"""Factors that an addition leaves at their defaults, where its own statements call the module."""


@dataclass(frozen=True)
class Addition:
    """Something that a call has beside its features. Its slots are registered under names of its own, and no forward reads them.

    Attributes:
        name: what it is.
        clause: what is broken where the call with it raises, or gives another result.
        model: statements that follow the construction of `model`, also where the outcome is computed.
        before: statements before the call, and before its values are made; they can make other calls.
        entries: pairs of a name and an expression, which the last dict has, too.
        refused_by: the clause by which the call is an error; with `tie_weights=False` it is none.
        contexts: items of the with statement that the call is made in.
        passing: the arguments after the dicts, instead of the plan's: `{x}` is the expression of the input.
        dicts: what is made of a tuple of dicts: `{dicts}` is its expression.
        result: the statement of the call: `{call}` is its expression.
        assertions: what must hold besides.
        no_grad: a context switches gradients off.
        cached: the call may be made inside parametrize.cached(), between two plain calls.
        defaults: the factors that must be at their defaults.
        complete: every slot that it registers is given, so that the call may be strict.
    """

    name: str
    clause: str
    model: str = ""
    before: str = ""
    entries: tuple[tuple[str, str], ...] = ()
    refused_by: str | None = None
    contexts: tuple[str, ...] = ()
    passing: str = ""
    dicts: str = ""
    result: str = ""
    assertions: tuple[Assertion, ...] = ()
    no_grad: bool = False
    cached: bool = False
    defaults: tuple[str, ...] = ()
    complete: bool = True

    def __repr__(self) -> str:
        return f"<{self.name}>"


def code(text: str) -> str:
    """Statements as they stand in a file, written indented."""
    return textwrap.dedent(text).strip("\n")


def in_forward(clause: str, expression: str) -> Assertion:
    """What must hold when forward begins; the expression says `module`."""
    setup = f"held_too = []\nmodel.register_forward_pre_hook(lambda module, args: held_too.append({expression}))"
    return Assertion(clause, "assert all(held_too)", setup=setup)


def afterwards(clause: str, statements: str) -> Assertion:
    """Statements after the call, the last of which is an assertion; they can make other calls."""
    return Assertion(clause, code(statements))


def unchanged(clause: str, variable: str, expression: str) -> Assertion:
    shown = Shown(expression, expression, "", variable)
    return Assertion(clause, f"assert {expression} == {variable}", shown, f"{variable} = {expression}")
