"""`fcspec next`: for whoever writes an implementation clause by clause."""

from __future__ import annotations

import functools
import textwrap
from dataclasses import replace
from typing import Any

import click
from rich.text import Text

from fcspec import index, reproducing
from fcspec.commands.judging import complete_target, console, judging_options, options_for, with_progress
from fcspec.options import Options
from fcspec.report.cause import causes
from fcspec.report.failure import Failure, failure_of
from fcspec.report.model import Report, counts
from fcspec.report.terminal import summary
from fcspec.report.words import clean
from fcspec.reproducer import script_of
from fcspec.spec import load_spec
from fcspec.target.address import Address


@click.command("next")
@click.argument("target", shell_complete=complete_target)
@judging_options
@click.option(
    "--watch", is_flag=True, help="Judge again whenever a Python file beside TARGET changes, first what failed."
)
def command(target: str, watch: bool, **chosen: Any) -> int:
    """Show the first clause that TARGET does not keep, in an order made for implementers, and nothing else.

    Every MUST comes before every SHOULD. Exits as `fcspec check` does.
    """
    options = replace(options_for(target, chosen), brief=True)
    if not watch:
        report = with_progress(options)
        _show_first(report, options)
        return report.exit_code
    from fcspec.commands.watch import Watching

    with Watching(options, _show_with_time, lambda line: click.echo(clean(line))) as watching:
        return watching.run()


def _show_with_time(report: Report, seconds: float) -> str | None:
    click.clear()
    failed = _show_first(report)
    click.echo(f"after {seconds:.1f} s; waiting for a change ...")
    return failed


def _show_first(report: Report, options: Options | None = None) -> str | None:
    """Show the first clause that does not hold, or a summary; the id of its case.

    Args:
        options: those of the run, to try a script that shows it; None: none is tried.
    """
    spec = load_spec()
    results = [one for one in report.clauses if one.level != "MAY" and one.is_wrong]
    found = causes(results, spec, str(report.target["address"]), report.run.draft)
    if not found:
        console().print(summary(report), end="", soft_wrap=True)
        return None
    wrong = found[0].results[0]
    if options is not None:
        (wrong,) = reproducing.with_reproducers(replace(report, clauses=(wrong,)), options).clauses
    case = wrong.plainest
    address = str(report.target["address"])
    whole = functools.partial(script_of, spec=spec, address=Address.parse(address))
    _show(failure_of(wrong, spec, address, whole), index.source(case.id) if case is not None else None)
    for line in (report.run.draft, report.run.problem, *report.run.notes):
        if line:
            click.echo(clean(line))
    click.echo(f"\n{counts(report)}, next: {wrong.clause}")
    return case.id if case is not None else None


def _show(failure: Failure, source: str | None) -> None:
    out = console()
    out.print(Text(str(failure)), soft_wrap=True)
    if source is not None:
        out.print(Text("\n    the test:\n\n" + textwrap.indent(source, "    ")), soft_wrap=True)
