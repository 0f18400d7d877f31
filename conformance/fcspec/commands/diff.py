"""`fcspec diff`."""

from __future__ import annotations

import click

from fcspec.commands.judging import console, say
from fcspec.report import comparison
from fcspec.report.verdict import ExitCode


@click.command("diff")
@click.argument("before", metavar="A.json")
@click.argument("now", metavar="B.json")
def command(before: str, now: str) -> int:
    """Say what changed from the report A.json to B.json: newly broken, newly held, failing otherwise.

    Exits 1 where a MUST is newly broken (a SHOULD too, where B.json is of a strict run).
    """
    changes = comparison.compare(comparison.load(before), comparison.load(now))
    say(console(), changes.lines(), " " * 14)
    return ExitCode.NONCONFORMING if changes.worse or changes.draft is not None else ExitCode.CONFORMING
