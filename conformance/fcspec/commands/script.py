"""`fcspec explain CLAUSE --target TARGET --script`: a script that shows alone how TARGET breaks one clause."""

from __future__ import annotations

import click

from fcspec import reproducing
from fcspec.commands.judging import with_progress
from fcspec.errors import UsageError
from fcspec.options import Options
from fcspec.report.model import ClauseResult
from fcspec.report.plainest import is_example
from fcspec.report.verdict import ExitCode, Verdict
from fcspec.report.words import clean
from fcspec.spec import load_spec
from fcspec.target.address import Address
from fcspec.workers.processes import AVAILABLE


def show(slug: str, target: str | None, script: bool) -> int:
    """Print the script. UsageError where the options do not fit, or the target can't be judged."""
    if not target:
        raise UsageError(f"--script needs --target TARGET, as in: fcspec explain {slug} --target torch --script")
    if not script:
        raise UsageError(f"--target needs --script: fcspec check {target} --clause {slug} judges it")
    if load_spec()[slug].level == "MAY":
        return _refuse(f"{slug} is a MAY, which no implementation breaks; fcspec explain {slug} shows its example")
    options = Options(Address.parse(target), clauses=(slug,))
    report = with_progress(options)
    if not report.complete:
        click.echo(f"fcspec: the run is incomplete: {clean(report.run.problem or 'interrupted')}", err=True)
        return report.exit_code
    (result,) = reproducing.with_reproducers(report, options).clauses
    if result.reproducer is not None:
        click.echo(result.reproducer, nl=False)
        return ExitCode.CONFORMING
    return _refuse(_why_none(result, target))


def _refuse(why: str) -> int:
    click.echo(f"fcspec: no script: {clean(why)}", err=True)
    return ExitCode.NONCONFORMING


def _why_none(result: ClauseResult, target: str) -> str:
    if result.verdict is Verdict.UNSUPPORTED:
        return f"{result.clause} can't be judged here: {result.reason}"
    case = result.plainest
    if not result.is_wrong or case is None:
        return f"{target} keeps {result.clause} in every case"
    again = f"fcspec check {target} --clause {result.clause} --json FILE has the whole message"
    if not AVAILABLE:
        return f"scripts are tried in forked processes, which only Linux has; {target} breaks {case.id}; {again}"
    if is_example(case.id):
        return f"{target} breaks the example of {result.clause} in the suite, but not alone: {case.reason}; {again}"
    return f"{target} keeps the example of {result.clause}, and breaks {case.id}; {again}"
