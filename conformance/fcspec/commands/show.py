"""`fcspec show`: a report drawn again, without judging anything."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import click

from fcspec.commands.gating import FILE
from fcspec.commands.judging import console, width
from fcspec.errors import UsageError
from fcspec.report import reading, terminal
from fcspec.report.model import is_stdout, write_text
from fcspec.report.verdict import ExitCode
from fcspec.spec import load_spec


@click.command("show")
@click.argument("report", metavar="REPORT.json")
@click.option("--html", type=FILE, help="Write a page there that needs nothing else; -: to stdout.")
@click.option("--markdown", type=FILE, help="Write a summary in Markdown there.")
@click.option("--junit", type=FILE, help="Write JUnit XML there, a test case for each clause.")
@click.option("--badge", type=FILE, help="Write a badge there, as SVG.")
def command(report: str, **paths: Path | None) -> int:
    """Draw a report of `fcspec check --json`: in the terminal, or into files. Exits 0 whatever its verdict is."""
    from fcspec.report import badge, junit, markdown, page  # slow to import

    wanted = {kind: path for kind, path in paths.items() if path is not None}
    if sum(map(is_stdout, wanted.values())) > 1:
        raise UsageError(f"only one of {', '.join(f'--{kind}' for kind in wanted)} can go to stdout")
    spec = load_spec()
    read = reading.report(report, spec)
    views: dict[str, Callable[[], str]] = {
        "html": lambda: page.document([read], spec),
        "markdown": lambda: markdown.document(read, spec),
        "junit": lambda: junit.document(read, spec),
        "badge": lambda: badge.document(read, spec),
    }
    for kind, path in wanted.items():
        write(kind, path, views[kind]())
    if not wanted:
        out = console()
        out.print(terminal.screen(read, spec, width(out)), end="", soft_wrap=True)
    return ExitCode.CONFORMING


def write(kind: str, path: Path, text: str) -> None:
    """UsageError where the file cannot be written."""
    try:
        write_text(text, path)
    except OSError as error:
        raise UsageError(f"--{kind} {path} cannot be written: {error.strerror or error}") from None
