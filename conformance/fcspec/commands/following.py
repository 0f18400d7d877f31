"""`fcspec next`: for whoever writes an implementation clause by clause."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import click
from rich.text import Text

from fcspec import index, reproducing
from fcspec.commands.judging import console, judging_options, options_for, with_progress
from fcspec.errors import UsageError
from fcspec.report.failure import Failure, failure_of, plainest
from fcspec.report.model import ClauseResult, counts
from fcspec.report.terminal import clean, summary
from fcspec.report.verdict import ExitCode
from fcspec.spec import LEVELS, Clause, Spec, load_spec
from fcspec.target import implementation

_CHAPTERS = ("call", "args", "swap", "dicts", "restore", "inplace", "grad", "tie", "strict", "parametrize", "state")
"""What later chapters need comes first."""

_FIRST_STEPS = (
    *("call.result", "args.tuple", "args.single"),
    *("swap.parameter", "swap.buffer", "swap.nested", "swap.partial"),
    *("restore.objects", "restore.exception", "dicts.one", "dicts.tuple"),
)
"""Calling at all, swapping, putting back: every chapter needs these."""


@click.command("next")
@click.argument("target")
@judging_options
def command(target: str, **chosen: Any) -> int:
    """Show the first clause that TARGET does not keep, in an order made for implementers, and nothing else.

    Every MUST comes before every SHOULD. Exits as `fcspec check` does.
    """
    spec, options = load_spec(), replace(options_for(target, chosen), brief=True)
    try:
        report = with_progress(options)
    except UsageError as error:
        if not implementation.does_not_work_yet(error):
            raise
        _show(_first_step(str(error), spec), None)
        clauses = spec.select(options.profiles, options.clauses)
        total = sum(clause.level == "MUST" for clause in clauses)
        click.echo(f"\n0 of {total} MUST hold, next: {_FIRST_STEPS[0]}")
        return ExitCode.NONCONFORMING
    results = in_order((one for one in report.clauses if one.level != "MAY"), spec)
    wrong = next((one for one in results if one.is_wrong), None)
    if wrong is None:
        console().print(summary(report), end="", soft_wrap=True)
        return report.exit_code
    (wrong,) = reproducing.with_reproducers(replace(report, clauses=(wrong,)), options).clauses
    case = plainest(wrong)
    _show(failure_of(wrong, spec, str(options.address)), index.source(case.id) if case is not None else None)
    for line in (report.run.problem, *report.run.notes):
        if line:
            click.echo(clean(line))
    click.echo(f"\n{counts(report)}, next: {wrong.clause}")
    return report.exit_code


def in_order(results: Iterable[ClauseResult], spec: Spec) -> list[ClauseResult]:
    """By level; what everything needs, then by chapter, then as in SPEC.md."""

    def key(result: ClauseResult) -> tuple[int, int, int]:
        chapter = spec[result.clause].chapter
        if result.clause in _FIRST_STEPS:
            return 0, -1, _FIRST_STEPS.index(result.clause)
        place = _CHAPTERS.index(chapter) if chapter in _CHAPTERS else len(_CHAPTERS)
        return LEVELS.index(result.level), place, spec.position(result.clause)

    return sorted(results, key=key)


def _first_step(actual: str, spec: Spec) -> Failure:
    clause: Clause = spec[_FIRST_STEPS[0]]
    call = 'functional_call(torch.nn.Linear(2, 2), {"weight": ..., "bias": ...}, (torch.ones(1, 2),))'
    law = " ".join(clause.law.split("\n\n")[0].replace("`", "").split())
    rows = ("called", call), ("actual", clean(actual))
    script = "\n".join(example.code for example in clause.examples)
    return Failure(f"{clause.slug} · {clause.level} · {spec.path.name}:{clause.line}", law, rows, script)


def _show(failure: Failure, source: str | None) -> None:
    out = console()
    out.print(Text(str(failure)), soft_wrap=True)
    if source is not None:
        out.print(Text("\n    the test:\n\n" + textwrap.indent(source, "    ")), soft_wrap=True)
