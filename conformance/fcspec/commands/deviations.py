"""`fcspec deviations`: writes a file of declared deviations, or brings one up to date."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import click

from fcspec.commands import gating
from fcspec.commands.judging import complete_target, with_progress
from fcspec.errors import UsageError
from fcspec.options import Options
from fcspec.report import declarations, declaring, deviations, updating
from fcspec.report.model import Report, is_stdout, write_text
from fcspec.report.verdict import ExitCode
from fcspec.report.words import clean
from fcspec.spec import load_spec
from fcspec.target.address import Address


@click.command("deviations")
@click.argument("target", shell_complete=complete_target)
@click.option("-o", "output", type=gating.FILE, help="Write there, not to the terminal.")
@click.option("--update", "old", metavar="FILE", help="Bring FILE up to date: its comments and its order stay.")
def command(target: str, output: Path | None, old: str | None) -> int:
    """Write the deviations file of TARGET as it is now: an entry for each cause, with an empty reason.

    A file with an empty reason does not load: say why these clauses deviate. Reasons that the file already has are kept. With
    --update, what holds now is taken out, what deviates otherwise is corrected, what is new comes last, and each is said.
    """
    address = Address.parse(target)
    if old is not None and output is not None:
        raise UsageError("-o writes a file anew and --update changes one: leave one of them out")
    if old is not None:
        updating.tomlkit()
    path = Path(old) if old is not None else None if output is None or is_stdout(output) else output
    text, known = _known(path, str(address), needed=old is not None)
    if path is not None:
        _check_writable(path)
    report = with_progress(Options(address, ("all",)))
    if not report.complete:
        click.echo(
            f"fcspec: the run is incomplete, nothing is written: {clean(report.run.problem or 'interrupted')}", err=True
        )
        return report.exit_code
    if report.run.draft is not None:
        raise UsageError(f"nothing is written: {report.run.draft}")
    if old is None:
        whole = declaring.write(report, load_spec(), known)
    else:
        whole, lines = updating.update(text, known, report, load_spec(), date.today())
        for line in lines:
            click.echo(clean(line))
    status = _write(whole, path, text)
    click.echo(clean(_in_words(whole, path, report)), err=True)
    return status


def _known(path: Path | None, address: str, *, needed: bool) -> tuple[str, tuple[declarations.Entry, ...]]:
    """The text of a file, and its entries. UsageError where it can't be read, or there is none and one is needed."""
    if path is None or not (needed or path.is_file()):
        return "", ()
    if needed and not path.is_file():
        raise UsageError(f"--update {path}: no such file; fcspec deviations ... -o {path} writes one")
    text = deviations.read_text(path, str(path))
    return text, declarations.entries(text, str(path), address, load_spec(), unfinished=True)


def _write(whole: str, path: Path | None, text: str) -> ExitCode:
    if path is None:
        click.echo(whole, nl=False)
        return ExitCode.CONFORMING
    try:
        if whole != text:
            write_text(whole, path)
    except OSError as error:
        click.echo(f"fcspec: {path} cannot be written: {error.strerror or error}", err=True)
        return ExitCode.INCOMPLETE
    return ExitCode.CONFORMING


def _in_words(whole: str, path: Path | None, report: Report) -> str:
    """What the file holds, in a line."""
    entries = declarations.entries(whole, str(path), str(report.target["address"]), load_spec(), unfinished=True)
    clauses = {slug for slug, _ in declarations.owners(entries, load_spec())}
    empty = sum(not entry.reason.strip() for entry in entries)
    place = f"{path}: " if path is not None else ""
    need = f"; {empty} need{'s' if empty == 1 else ''} a reason" if empty else ""
    return (
        f"{place}{len(clauses)} clause{'s' if len(clauses) != 1 else ''} in "
        f"{len(entries)} entr{'ies' if len(entries) != 1 else 'y'}{need}"
    )


def _check_writable(output: Path) -> None:
    """UsageError before a run whose result could not be written."""
    new = not output.exists()
    if not new and not output.is_file():
        return  # to open a pipe may wait for its reader
    try:
        output.open("a").close()
        if new:
            output.unlink()
    except OSError as error:
        raise UsageError(f"{output} cannot be written: {error.strerror or error}") from None
