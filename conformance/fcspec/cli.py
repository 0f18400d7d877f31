"""The command fcspec. It imports no torch: it shows something at once, and survives whatever the target does."""

from __future__ import annotations

import functools
import importlib
import os
import sys
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import click
from rich.text import Text

from fcspec import __version__, index, reproducing
from fcspec.commands import examples, gating
from fcspec.commands.gating import Outputs
from fcspec.commands.judging import (
    complete_clause,
    complete_target,
    console,
    judging_options,
    options_for,
    say,
    width,
    with_progress,
)
from fcspec.errors import BrokenInstallation, UsageError, did_you_mean
from fcspec.options import Options
from fcspec.report import comparison, deviations, terminal
from fcspec.report.shard import Shard, shard_of
from fcspec.report.verdict import ExitCode
from fcspec.report.words import clean, law_in_words
from fcspec.reproducer import script_of
from fcspec.spec import Clause, Spec, load_spec
from fcspec.target.address import FORMS

_ELSEWHERE = ("compare", "deviations", "diff", "doctor", "explore", "init", "merge", "next", "show", "targets")
"""Commands that are imported when they are asked for, each from its file in fcspec.commands."""


class _Group(click.Group):
    """Usage errors exit 4, in one line, with a did-you-mean for commands."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted([*super().list_commands(ctx), *_ELSEWHERE])

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        found = super().get_command(ctx, cmd_name)
        if cmd_name in _ELSEWHERE:
            found = importlib.import_module(f"fcspec.commands.{cmd_name}").command
        if found is None:
            ctx.fail(f"no command {cmd_name!r}{did_you_mean(cmd_name, self.list_commands(ctx))}")
        found.epilog = examples.epilog(cmd_name)
        return found


@click.group(cls=_Group, epilog=examples.epilog(""), context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="fcspec")
def _fcspec() -> None:
    """Judge implementations of torch.func.functional_call against SPEC.md."""


@_fcspec.command()
@click.argument("target", required=False, shell_complete=complete_target)
@judging_options
@click.option("--deviations", "declared", metavar="FILE", help="Declared deviations: a TOML file, or 'builtin'.")
@click.option("--last-failed", metavar="FILE", help="Only the cases that failed in the report in FILE, of --json.")
@click.option("--shard", metavar="I/N", help="Every Nth clause, from the Ith on; fcspec merge puts reports together.")
@gating.options
def check(target: str | None, declared: str | None, **chosen: Any) -> int:
    """Judge TARGET clause by clause.

    TARGET is package.module:function, path/to/file.py:function, or a short name.
    """
    if not target:
        raise UsageError(f"which implementation? TARGET is {FORMS}\nas in: fcspec check torch.func:functional_call")
    outputs, spec = Outputs.from_options(chosen), load_spec()
    last, shard = chosen.pop("last_failed"), chosen.pop("shard")
    options = options_for(target, chosen)
    if last is not None:
        options = replace(options, clauses=options.clauses or ("*",), cases=(*options.cases, *comparison.failed(last)))
    options, part = _sharded(options, shard, spec)
    entries = deviations.load(declared, str(options.address), spec) if declared else None
    outputs.claim()
    report = with_progress(options)
    report = replace(report, run=replace(report.run, shard=part))
    if outputs.has_json:
        report = reproducing.with_reproducers(report, options)
    if entries is not None:
        report = deviations.apply(report, entries)
    changes = outputs.compare(report)
    out = console(stderr=outputs.use_stdout)
    details, no_worse = bool(options.cases) and last is None, outputs.is_no_worse(report, changes)
    whole = functools.partial(script_of, spec=spec, address=options.address)
    shown = terminal.screen(report, spec, width(out), details=details, whole=whole, no_worse=no_worse)
    out.print(shown, end="", soft_wrap=True)
    say(out, changes.lines() if changes is not None else (), " " * 14)
    for line in outputs.github_lines(report, load_spec(), changes):
        out.print(Text(line), soft_wrap=True)
    try:
        outputs.write(report, spec, changes)
    except UsageError as error:
        return _fail(str(error), ExitCode.INCOMPLETE)
    return outputs.exit_code(report, changes)


def _sharded(options: Options, shard: str | None, spec: Spec) -> tuple[Options, Shard | None]:
    """The options for a shard. UsageError where nothing is selected, or there is no such shard."""
    chosen = spec.select(options.profiles, options.clauses)
    if shard is None:
        return options, None
    part = shard_of(shard, options.profiles, options.clauses)
    slugs = tuple(clause.slug for clause in chosen[part.index - 1 :: part.of])
    if not slugs:
        raise UsageError(f"--shard {shard}: there are only {len(chosen)} clauses")
    return replace(options, clauses=slugs), part


@_fcspec.command()
@click.argument("globs", nargs=-1, shell_complete=complete_clause)
def clauses(globs: tuple[str, ...]) -> int:
    """List the clauses of SPEC.md that match GLOBS (default: all)."""
    out = console()
    for clause in load_spec().select(("all",), globs):
        profile = "" if clause.profile == "core" else f" · {clause.profile}"
        say(out, [f"{clause.slug:<32} {clause.level:<7}{profile} {law_in_words(clause.law)}"], " " * 8)
    return 0


@_fcspec.command()
@click.argument("slug", metavar="CLAUSE", shell_complete=complete_clause)
@click.option("--target", metavar="TARGET", shell_complete=complete_target, help="With --script: the implementation.")
@click.option("--script", is_flag=True, help="Print a script that shows alone how TARGET breaks the clause.")
def explain(slug: str, target: str | None, script: bool) -> int:
    """Show one clause whole: law, source, what torch does, example, its cases and mutants with file and line."""
    if script or target:
        from fcspec.commands.script import show

        return show(slug, target, script)
    from rich.markdown import Markdown  # slow to import

    spec = load_spec()
    clause = spec[slug]
    out = console()
    out.print(Text(f"{clause.slug} · {clause.level} · profile {clause.profile}", "bold"), end="")
    out.print(Text(f"   {spec.path.name}:{clause.line}", "dim"))
    if out.is_terminal:
        out.print(Markdown(_as_markdown(clause)))
    else:
        click.echo(f"\n{_as_markdown(clause)}")  # an example stays what can be pasted
    for title, found in (("Cases", index.cases(slug)), ("Mutants that it catches", index.mutants(slug))):
        if found:
            out.print(Text(f"\n{title}:", "bold"))
            for one in found:
                out.print(Text(f"  {one.file}:{one.line}  {one.name}"), soft_wrap=True)
    return 0


def _as_markdown(clause: Clause) -> str:
    parts = [clause.law, f"*Source:* {clause.source} Since {clause.since}."]
    for label, said in (("Known deviations", clause.deviations), ("Observed", clause.observed)):
        parts += [f"*{label}:* {said}"] if said else []
    parts += [f"```python\n{example.code}```" for example in clause.examples]
    return "\n\n".join(parts)


def main(arguments: list[str] | None = None) -> None:
    """The entry point: exit codes are those of README."""
    if sys.flags.optimize:
        sys.exit(_fail("python -O removes assert statements, and with them every test; run without it"))
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(errors="replace")  # type: ignore[union-attr]  # a terminal may know no more than ASCII
    sys.exit(_exit_code(lambda: _fcspec.main(arguments, standalone_mode=False)))


def _exit_code(command: Callable[[], Any]) -> int:
    try:
        status = int(command() or 0)
        sys.stdout.flush()
        return status
    except UsageError as error:
        return _fail(str(error))
    except click.exceptions.Exit as done:
        return done.exit_code
    except click.exceptions.NoArgsIsHelpError as error:
        error.show()
    except click.ClickException as error:
        return _fail(error.format_message())
    except (KeyboardInterrupt, click.Abort):
        return ExitCode.INTERRUPTED
    except BrokenInstallation as error:
        return _fail(str(error), ExitCode.INCOMPLETE)
    except OSError as error:  # a full disk, or nobody who reads
        if error.filename is not None:
            return _fail(f"{error.filename}: {error.strerror or error}", ExitCode.INCOMPLETE)
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        return _fail(f"what was found out cannot be written: {error.strerror or error}", ExitCode.INCOMPLETE)
    return ExitCode.USAGE


def _fail(message: str, code: ExitCode = ExitCode.USAGE) -> int:
    click.echo(f"fcspec: {clean(message)}", err=True)
    return code
