"""`fcspec targets`: implementations with a short name, and which of them can be judged here."""

from __future__ import annotations

import click

from fcspec.known import ADDRESSES, Known, known


@click.command("targets")
def command() -> int:
    """List the implementations that have a short name: tried with, the version here, what it is; else what to install."""
    click.echo(_row("name", "tried with", "here", ""))
    for one in sorted(map(known, ADDRESSES), key=lambda one: one.by_hand):
        click.echo(_row(one.name, one.tried.replace("==", " "), _here(one), one.what.rstrip(".")))
        if one.version is None:
            click.echo(_row("", "", "", one.to_install))
    return 0


def _row(*cells: str) -> str:
    return "{:<16} {:<18} {:<8} {}".format(*cells).rstrip()


def _here(one: Known) -> str:
    version = one.version
    return "-" if version is None else version.partition("+")[0]
