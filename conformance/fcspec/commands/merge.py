"""`fcspec merge`."""

from __future__ import annotations

from typing import Any

import click

from fcspec.commands import gating
from fcspec.commands.gating import Outputs
from fcspec.commands.judging import console, say, width
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
    shown = terminal.screen(report, spec, width(out), no_worse=outputs.is_no_worse(report, changes))
    out.print(shown, end="", soft_wrap=True)
    say(out, changes.lines() if changes is not None else (), " " * 14)
    outputs.write(report, spec, changes)
    return outputs.exit_code(report, changes)
