"""What commands that judge have in common: options, a bar that shows progress."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from typing import Any

import click
from click.shell_completion import CompletionItem
from rich.console import Console
from rich.text import Text

from fcspec import runner
from fcspec.known import ADDRESSES
from fcspec.options import NONE, Flag, Options, flags
from fcspec.progress import Progress as Judged
from fcspec.report.model import Report
from fcspec.report.words import WIDTH, wrapped
from fcspec.spec import load_spec


def judging_options(command: Callable[..., int]) -> Callable[..., int]:
    """Every option of fcspec.options, for a command that judges."""
    for flag in reversed(flags()):
        kind = type(flag.default)
        more: dict[str, Any] = {"is_flag": True} if kind is bool else {"type": _type(flag), "multiple": flag.several}
        default = {} if flag.default is None else {"default": flag.default, "show_default": not flag.several}
        if flag.name in _COMPLETE:
            more["shell_complete"] = _COMPLETE[flag.name]
        names = (f"--{flag.name}", flag.field, *((f"-{flag.short}",) if flag.short else ()))
        command = click.option(*names, help=flag.help, metavar=flag.metavar, **more, **default)(command)
    return command


def _type(flag: Flag) -> Any:
    if flag.choices is not None:
        return click.Choice(flag.choices)
    if flag.minimum is not None:
        return click.FloatRange(flag.minimum) if isinstance(flag.default, float) else click.IntRange(int(flag.minimum))
    return str if flag.several else type(flag.default)


def complete_target(_ctx: click.Context, _parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """What a shell may write for TARGET: a short name, else a file."""
    names = [name for name in ADDRESSES if name.startswith(incomplete)]
    return [*map(CompletionItem, names), *([] if names else [CompletionItem(incomplete, type="file")])]


def complete_clause(_ctx: click.Context, _parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    return [CompletionItem(one.slug) for one in load_spec().clauses if one.slug.startswith(incomplete)]


def _complete_profile(_ctx: click.Context, _parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    return [CompletionItem(name) for name in (*load_spec().profiles, "all") if name.startswith(incomplete)]


_COMPLETE = {"clause": complete_clause, "profile": _complete_profile}


def options_for(target: str, chosen: dict[str, Any]) -> Options:
    return Options.from_dict({"address": target, **{name: one for name, one in chosen.items() if one is not None}})


def with_progress(options: Options) -> Report:
    err = console(stderr=True)
    if not err.is_terminal or options.isolation == NONE:  # a debugger has the terminal then
        return runner.run(options)
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn  # slow to import

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=err, transient=True) as bar:
        task = bar.add_task("starting", total=None)

        def show(progress: Judged) -> None:
            wrong = sum(case.verdict.is_wrong for case in progress.cases)
            latest = progress.cases[-1].clause if progress.cases else "collecting"
            bar.update(
                task,
                total=progress.planned or None,
                completed=len(progress.cases),
                description=f"{latest:<32}" + (f" {wrong} ✗" if wrong else ""),
            )

        return runner.run(options, show)


def console(stderr: bool = False) -> Console:
    return Console(stderr=stderr, highlight=False)


def say(out: Console, lines: Iterable[str], hanging: str = "  ") -> None:
    """Print lines: wrapped to a terminal; whole where something else reads them.

    Args:
        hanging: what a line begins with that goes on with the one above.
    """
    for line in lines:
        for part in wrapped(line, width(out), "", hanging) if out.is_terminal else (line,):
            out.print(Text(part), soft_wrap=True)


def width(out: Console) -> int:
    """Of what is shown; lines longer than that of a book are hard to read."""
    return min(out.width, 120) if out.is_terminal or os.environ.get("COLUMNS") else WIDTH
