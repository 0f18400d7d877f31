"""`fcspec explore`."""

from __future__ import annotations

import random
from typing import Any

import click
from rich.text import Text

from fcspec.commands.judging import complete_target, console
from fcspec.report.verdict import ExitCode
from fcspec.report.words import clean
from fcspec.spec import load_spec
from fcspec.target.address import Address


@click.command("explore")
@click.argument("target", shell_complete=complete_target)
@click.option("--seconds", type=click.FloatRange(1), default=60.0, show_default=True, help="How long to search.")
@click.option("--topic", "globs", multiple=True, metavar="GLOB", help="Only calls about this; again for more.")
@click.option("--maxfail", type=click.IntRange(1), help="Stop after findings of so many clauses.")
@click.option("--seed", type=int, help="Repeats a search. [default: drawn, and shown]")
@click.option("--database", metavar="PLACE", help="Keep findings there, and try those first: a folder, or redis://...")
@click.option("--workers", type=click.IntRange(1), help="Searches at a time. [default: the number of CPUs]")
def command(target: str, globs: tuple[str, ...], seed: int | None, database: str | None, **options: Any) -> int:
    """Search for calls that TARGET gets wrong, beyond the fixed examples of `fcspec check`.

    Every finding is shrunk and printed as a script that reproduces it, one for each clause.
    """
    address = Address.parse(target)
    seed = random.randrange(1 << 16) if seed is None else seed
    from fcspec import explore  # imports torch
    from fcspec.calls.kept import Database, open_database

    topics = explore.chosen(globs)
    kept = None if database is None else Database(open_database(database), address)
    out, err = console(), console(stderr=True)
    with err.status("starting") as status:

        def show(search: explore.Search) -> None:
            status.update(f"{search.examples} examples, {len(search.findings)} findings")

        search = explore.explore(address, seed=seed, topics=topics, database=kept, on_progress=show, **options)
    order = load_spec().position
    for number, finding in enumerate(sorted(search.findings.values(), key=lambda one: order(one.clause)), 1):
        out.print(Text(clean(explore.as_text(finding, number))), soft_wrap=True)
    for problem in search.problems:
        err.print(Text(clean(f"the search itself failed: {problem}")), soft_wrap=True)
    known = f" ({search.again} of them kept before)" if search.again else ""
    found = _counted(len(search.findings), "finding")
    out.print(f"{_counted(search.examples, 'example')}, {found}{known} · seed {seed}")
    if search.interrupted:
        return ExitCode.INTERRUPTED
    if search.problems:
        return ExitCode.INCOMPLETE
    return ExitCode.NONCONFORMING if search.findings else 0 if search.examples else ExitCode.NOTHING


def _counted(number: int, word: str) -> str:
    return f"{number} {word}{'' if number == 1 else 's'}"
