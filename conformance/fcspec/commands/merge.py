"""`fcspec merge`."""

from __future__ import annotations

from typing import Any

import click

from fcspec.commands import gating
from fcspec.commands.gating import Outputs
from fcspec.commands.judging import console, width
from fcspec.errors import UsageError
from fcspec.report import comparison, merging, reading, terminal
from fcspec.spec import load_spec


@click.command("merge")
@click.argument("shards", metavar="SHARD.json...", nargs=-1, required=True)
@gating.options
def command(shards: tuple[str, ...], **chosen: Any) -> int:
    """Put the reports of `fcspec check --shard I/N --json` together, and exit as one run of all would.

    The report is incomplete, exit 3, where a shard is missing, or was cut off.
    """
    if len(set(shards)) < len(shards):
        raise UsageError("one file is named twice")
    spec, outputs = load_spec(), Outputs.from_options(chosen)
    unfinished = [name for name in shards if not merging.has_ended(reading.data(name))]
    read = {name: comparison.load(name, whole=False) for name in shards if name not in unfinished}
    report = merging.merge(read, spec, unfinished)
    outputs.claim()
    changes = outputs.compare(report)
    out = console(stderr=outputs.use_stdout)
    out.print(terminal.screen(report, spec, width(out)), end="", soft_wrap=True)
    for line in changes.lines() if changes is not None else ():
        click.echo(line, err=outputs.use_stdout)
    outputs.write(report, spec, changes)
    return outputs.exit_code(report, changes)
