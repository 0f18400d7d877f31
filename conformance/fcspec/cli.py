"""The command fcspec. It imports no torch: it shows something at once, and survives whatever the target does."""

from __future__ import annotations

import os
import random
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.text import Text

from fcspec import __version__, index, runner
from fcspec.errors import UsageError, did_you_mean
from fcspec.options import Flag, Options, flags
from fcspec.report import deviations, terminal
from fcspec.report.model import Report, is_stdout, is_stream, write_json
from fcspec.report.verdict import ExitCode
from fcspec.spec import Clause, load_spec
from fcspec.target.address import FORMS, KNOWN, Address

_FILE = click.Path(dir_okay=False, allow_dash=True, path_type=Path)


class _Group(click.Group):
    """Usage errors exit 4, in one line, with a did-you-mean for commands."""

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        found = super().get_command(ctx, cmd_name)
        if found is None:
            ctx.fail(f"no command {cmd_name!r}{did_you_mean(cmd_name, self.list_commands(ctx))}")
        return found


@click.group(cls=_Group)
@click.version_option(__version__, prog_name="fcspec")
def _fcspec() -> None:
    """Judge implementations of torch.func.functional_call against SPEC.md."""


def _judging_options(command: Callable[..., int]) -> Callable[..., int]:
    """Every option of fcspec.options, for a command that judges."""
    for flag in reversed(flags()):
        kind = type(flag.default)
        more: dict[str, Any] = {"is_flag": True} if kind is bool else {"type": _type(flag), "multiple": flag.several}
        default = {} if flag.default is None else {"default": flag.default, "show_default": not flag.several}
        names = f"--{flag.name}", flag.field
        command = click.option(*names, help=flag.help, metavar=flag.metavar, **more, **default)(command)
    return command


def _type(flag: Flag) -> Any:
    if flag.choices is not None:
        return click.Choice(flag.choices)
    if flag.minimum is not None:
        return click.FloatRange(flag.minimum) if isinstance(flag.default, float) else click.IntRange(int(flag.minimum))
    return str if flag.several else type(flag.default)


@_fcspec.command()
@click.argument("target", required=False)
@_judging_options
@click.option("--deviations", "declared", metavar="FILE", help="Declared deviations: a TOML file, or 'builtin'.")
@click.option("--json", "json_path", type=_FILE, help="Write the report there; -: to stdout.")
def check(target: str | None, declared: str | None, json_path: Path | None, **chosen: Any) -> int:
    """Judge TARGET clause by clause.

    TARGET is package.module:function, path/to/file.py:function, or a short name.
    """
    if not target:
        raise UsageError(f"which implementation? TARGET is {FORMS}\nas in: fcspec check torch.func:functional_call")
    spec, options = load_spec(), _options(target, chosen)
    spec.select(options.profiles, options.clauses)
    entries = deviations.load(declared, str(options.address), spec) if declared else None
    if json_path is not None:
        _claim(json_path)
    report = _with_progress(options)
    if entries is not None:
        report = deviations.apply(report, entries)
    dash = json_path is not None and str(json_path) == "-"
    _console(stderr=dash).print(terminal.screen(report, spec), end="", soft_wrap=True)
    if json_path is not None:
        try:
            write_json(report.as_dict(), json_path)
        except OSError as error:
            return _fail(f"--json {json_path} cannot be written: {error.strerror or error}", ExitCode.INCOMPLETE)
    return report.exit_code


def _options(target: str, chosen: dict[str, Any]) -> Options:
    return Options.from_dict({"address": target, **{name: one for name, one in chosen.items() if one is not None}})


def _claim(path: Path) -> None:
    """Yesterday's report must not stand in for a failed run; and what can't be written is said before the run."""
    try:
        if is_stream(path):
            return
        write_json({"format": "fcspec-report", "format_version": 1, "run": {"complete": False}}, path)
    except OSError as error:
        raise UsageError(f"--json {path} cannot be written: {error.strerror or error}") from None


def _with_progress(options: Options) -> Report:
    console = _console(stderr=True)
    if not console.is_terminal:
        return runner.run(options)
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn  # slow to import

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task("starting", total=None)

        def show(progress: runner.Progress) -> None:
            wrong = sum(case.verdict.is_wrong for case in progress.cases)
            latest = progress.cases[-1].clause if progress.cases else "collecting"
            bar.update(
                task,
                total=progress.planned or None,
                completed=len(progress.cases),
                description=f"{latest:<32}" + (f" {wrong} ✗" if wrong else ""),
            )

        return runner.run(options, show)


@_fcspec.command()
@click.argument("globs", nargs=-1)
def clauses(globs: tuple[str, ...]) -> int:
    """List the clauses of SPEC.md that match GLOBS (default: all)."""
    console = _console()
    for clause in load_spec().select(("all",), globs):
        profile = "" if clause.profile == "core" else f" · {clause.profile}"
        law = " ".join(clause.law.split("\n\n")[0].replace("`", "").split())
        console.print(Text(f"{clause.slug:<32} {clause.level:<7}{profile} {law}"), soft_wrap=not console.is_terminal)
    return 0


@_fcspec.command()
@click.argument("slug", metavar="CLAUSE")
def explain(slug: str) -> int:
    """Show one clause whole: law, source, what torch does, example, its cases and mutants with file and line."""
    from rich.markdown import Markdown  # slow to import

    spec = load_spec()
    clause = spec[slug]
    console = _console()
    console.print(Text(f"{clause.slug} · {clause.level} · profile {clause.profile}", "bold"), end="")
    console.print(Text(f"   {spec.path.name}:{clause.line}", "dim"))
    if console.is_terminal:
        console.print(Markdown(_as_markdown(clause)))
    else:
        click.echo(f"\n{_as_markdown(clause)}")  # an example stays what can be pasted
    for title, found in (("Cases", index.cases(slug)), ("Mutants that it catches", index.mutants(slug))):
        if found:
            console.print(Text(f"\n{title}:", "bold"))
            for one in found:
                console.print(Text(f"  {one.file}:{one.line}  {one.name}"), soft_wrap=True)
    return 0


def _as_markdown(clause: Clause) -> str:
    parts = [clause.law, f"*Source:* {clause.source} Since {clause.since}."]
    for label, said in (("Known deviations", clause.deviations), ("Observed", clause.observed)):
        parts += [f"*{label}:* {said}"] if said else []
    parts += [f"```python\n{example.code}```" for example in clause.examples]
    return "\n\n".join(parts)


@_fcspec.command("deviations")
@click.argument("target")
@click.option("-o", "output", type=_FILE, help="Write there, not to the terminal.")
def write_deviations(target: str, output: Path | None) -> int:
    """Write the deviations file of TARGET as it is now, with empty reasons.

    A file with an empty reason does not load: say why each clause deviates. Reasons that the file already has are kept.
    """
    address = Address.parse(target)
    if output is not None and is_stdout(output):
        output = None
    known: tuple[deviations.Deviation, ...] = ()
    if output is not None:
        known = deviations.load(str(output), str(address), load_spec()) if output.is_file() else ()
        _check_writable(output)
    report = _with_progress(Options(address, ("all",)))
    if not report.complete:
        raise click.ClickException(f"the run is incomplete, nothing is written: {report.run.problem or 'interrupted'}")
    text = deviations.write(report, known)
    if output is None:
        click.echo(text, nl=False)
        return 0
    try:
        output.write_text(text, encoding="utf-8")
    except OSError as error:
        return _fail(f"-o {output} cannot be written: {error.strerror or error}", ExitCode.INCOMPLETE)
    return 0


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
        raise UsageError(f"-o {output} cannot be written: {error.strerror or error}") from None


@_fcspec.command()
@click.argument("target")
@click.option("--seconds", type=click.FloatRange(1), default=60.0, show_default=True, help="How long to search.")
@click.option("--topic", "globs", multiple=True, metavar="GLOB", help="Only calls about this; again for more.")
@click.option("--maxfail", type=click.IntRange(1), help="Stop after findings of so many clauses.")
@click.option("--seed", type=int, help="Repeats a search. [default: drawn, and shown]")
@click.option("--workers", type=click.IntRange(1), help="Searches at a time. [default: the number of CPUs]")
def explore(target: str, globs: tuple[str, ...], seed: int | None, **options: Any) -> int:
    """Search for calls that TARGET gets wrong, beyond the fixed examples of `fcspec check`.

    Every finding is shrunk and printed as a script that reproduces it, one for each clause.
    """
    address = Address.parse(target)
    seed = random.randrange(1 << 16) if seed is None else seed
    from fcspec import explore  # imports torch

    topics = explore.chosen(globs)
    console, err = _console(), _console(stderr=True)
    with err.status("starting") as status:

        def show(search: explore.Search) -> None:
            status.update(f"{search.examples} examples, {len(search.findings)} findings")

        search = explore.explore(address, seed=seed, topics=topics, on_progress=show, **options)
    order = load_spec().position
    for number, finding in enumerate(sorted(search.findings.values(), key=lambda one: order(one.clause)), 1):
        console.print(Text(terminal.clean(explore.as_text(finding, number))), soft_wrap=True)
    for problem in search.problems:
        err.print(Text(terminal.clean(f"the search itself failed: {problem}")), soft_wrap=True)
    console.print(f"{search.examples} examples, {len(search.findings)} findings · seed {seed}")
    if search.interrupted:
        return ExitCode.INTERRUPTED
    if search.problems:
        return ExitCode.INCOMPLETE
    return ExitCode.NONCONFORMING if search.findings else 0 if search.examples else ExitCode.NOTHING


@_fcspec.command()
def targets() -> int:
    """List the short names of known implementations."""
    for name, address in KNOWN.items():
        click.echo(f"{name:<12} {address}")
    return 0


def _console(stderr: bool = False) -> Console:
    return Console(stderr=stderr, highlight=False)


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
    except OSError as error:  # a full disk, or nobody who reads
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        return _fail(f"what was found out cannot be written: {error.strerror or error}", ExitCode.INCOMPLETE)
    return ExitCode.USAGE


def _fail(message: str, code: ExitCode = ExitCode.USAGE) -> int:
    click.echo(f"fcspec: {terminal.clean(message)}", err=True)
    return code
