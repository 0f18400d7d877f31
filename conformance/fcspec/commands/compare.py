"""`fcspec compare`: clauses x implementations."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource

from fcspec.commands.gating import FILE
from fcspec.commands.judging import complete_target, console, judging_options, options_for, width, with_progress
from fcspec.commands.show import write
from fcspec.errors import UsageError
from fcspec.report import reading, side_by_side
from fcspec.report.matrix import Matrix
from fcspec.report.model import Report, is_stdout
from fcspec.report.verdict import ExitCode
from fcspec.report.words import clean
from fcspec.spec import Spec, load_spec
from fcspec.target.address import Address

_SELECTING = ("profiles", "clauses")
"""Options that say what is shown, so they are of use without a target, too."""


@click.command("compare")
@click.argument("sources", metavar="TARGET|REPORT.json ...", nargs=-1, shell_complete=complete_target)
@judging_options
@click.option("--html", type=FILE, help="Write a page there that needs nothing else; -: to stdout.")
@click.option("--every", is_flag=True, help="Show every clause, not only those in which they differ.")
@click.pass_context
def command(ctx: click.Context, /, sources: tuple[str, ...], html: Path | None, every: bool, **chosen: Any) -> int:
    """Show implementations side by side, clause by clause. What is no .json file is judged first.

    Exits 4 where one of them cannot be judged or read (the others are shown), 3 where one is incomplete, else 0.
    """
    if not sources:
        raise UsageError("which implementations? as in: fcspec compare torch reference report.json")
    spec = load_spec()
    selected = spec.select(chosen["profiles"], chosen["clauses"]) if chosen["profiles"] or chosen["clauses"] else None
    targets = [source for source in sources if not source.endswith(".json")]
    _check_options(ctx, targets)
    for target in targets:
        Address.parse(target)
    reports, refused = _reports(sources, chosen, spec)
    if reports:
        matrix = Matrix.of(reports, spec, selected)
        out = console(stderr=html is not None and is_stdout(html))
        out.print(side_by_side.screen(matrix, every=every, width=width(out)), end="", soft_wrap=True)
        if html is not None:
            from fcspec.report import page  # slow to import

            write("html", html, page.document(reports, spec, selected))
    if refused:
        return ExitCode.USAGE
    if any(report.run.interrupted for report in reports):
        return ExitCode.INTERRUPTED
    return ExitCode.CONFORMING if all(report.complete for report in reports) else ExitCode.INCOMPLETE


def _check_options(ctx: click.Context, targets: list[str]) -> None:
    """UsageError where an option of the command says how to judge, and nothing is judged."""
    for parameter in ctx.command.params:
        name = parameter.name or ""
        given = ctx.get_parameter_source(name) is ParameterSource.COMMANDLINE
        if given and not targets and name not in ("sources", "html", "every", *_SELECTING):
            raise UsageError(f"{parameter.opts[0]} says how to judge, and only reports are compared; leave it out")


def _reports(sources: tuple[str, ...], chosen: dict[str, Any], spec: Spec) -> tuple[list[Report], bool]:
    """The reports, and whether a source was refused, which is said on stderr."""
    reports, refused = [], False
    for source in sources:
        try:
            is_file = source.endswith(".json")
            reports.append(reading.report(source, spec) if is_file else with_progress(options_for(source, chosen)))
        except UsageError as error:
            click.echo(f"fcspec: {clean(str(error))}", err=True)
            refused = True
            continue
        if reports[-1].run.interrupted:
            break
    return reports, refused
