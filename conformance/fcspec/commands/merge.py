"""`fcspec merge`."""

from __future__ import annotations

from typing import Any

import click

from fcspec.commands import gating
from fcspec.commands.gating import Outputs
from fcspec.commands.judging import console, width
from fcspec.errors import UsageError
from fcspec.report import comparison, merging, terminal
from fcspec.spec import load_spec


@click.command("merge")
@click.argument("shards", metavar="SHARD.json...", nargs=-1, required=True)
@gating.options
def command(shards: tuple[str, ...], **chosen: Any) -> int:
    """Put the reports of `fcspec check --shard I/N --json` together, and exit as one run of all would.

    The report is incomplete, exit 3, where a shard is missing.
    """
    if len(set(shards)) < len(shards):
        raise UsageError("one file is named twice")
    spec, outputs = load_spec(), Outputs.from_options(chosen)
    report = merging.merge({name: comparison.load(name, whole=False) for name in shards}, spec)
    outputs.claim()
    changes = outputs.compare(report)
    out = console(stderr=outputs.use_stdout)
    out.print(terminal.screen(report, spec, width(out)), end="", soft_wrap=True)
    for line in comparison.in_lines(changes, width(out)) if changes is not None else ():
        click.echo(line, err=outputs.use_stdout)
    outputs.write(report, spec, changes)
    return outputs.exit_code(report, changes)
