"""What `fcspec check` leaves for others: reports as files, what changed since a baseline, a summary in GitHub Actions."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from fcspec.errors import UsageError
from fcspec.report import comparison
from fcspec.report.model import Report, as_json, is_stdout, is_stream, write_text
from fcspec.report.reading import Data
from fcspec.report.verdict import ExitCode
from fcspec.spec import Spec

FILE = click.Path(dir_okay=False, allow_dash=True, path_type=Path)

_UNFINISHED = {
    "json": as_json({"format": "fcspec-report", "format_version": 1, "run": {"complete": False}}),
    "junit": '<testsuites><testsuite name="fcspec" tests="1" errors="1"><testcase classname="fcspec" name="run">'
    '<error message="the run has not ended"/></testcase></testsuite></testsuites>\n',
    "markdown": "### fcspec: INCOMPLETE\n\nThe run has not ended.\n",
}
"""Yesterday's report must not stand in for a run that failed."""

_OPTIONS = (
    click.option("--json", "json", type=FILE, help="Write the report there; -: to stdout."),
    click.option("--junit", "junit", type=FILE, help="Write JUnit XML there, a test case for each clause."),
    click.option("--markdown", "markdown", type=FILE, help="Write a summary in Markdown there."),
    click.option("--baseline", metavar="FILE", help="Say what changed since the report in FILE, written by --json."),
    click.option("--only-changes", is_flag=True, help="Exit 1 only where a clause is newly broken since --baseline."),
)


def options(command: Callable[..., int]) -> Callable[..., int]:
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


@dataclass(frozen=True)
class Outputs:
    """Where a report goes.

    Attributes:
        paths: by format.
        baseline: the report to compare with.
        only_changes: what changed since then decides alone.
    """

    paths: Mapping[str, Path]
    baseline: Data | None = None
    only_changes: bool = False

    @classmethod
    def from_options(cls, chosen: dict[str, Any]) -> Outputs:
        """Take the options out of `chosen`. UsageError where they do not fit, or the baseline is no report."""
        paths = {kind: path for kind in _UNFINISHED if (path := chosen.pop(kind)) is not None}
        baseline, only_changes = chosen.pop("baseline"), chosen.pop("only_changes")
        if only_changes and baseline is None:
            raise UsageError("--only-changes needs --baseline FILE, a report of fcspec check --json")
        if sum(map(is_stdout, paths.values())) > 1:
            raise UsageError(f"only one of {', '.join(f'--{kind}' for kind in paths)} can go to stdout")
        return cls(paths, comparison.load(baseline) if baseline is not None else None, only_changes)

    def claim(self) -> None:
        """Replace what an earlier run has left. UsageError, before the run, where a file can't be written."""
        for kind, path in self.paths.items():
            try:
                if not is_stream(path):
                    write_text(_UNFINISHED[kind], path)
            except OSError as error:
                raise UsageError(f"--{kind} {path} cannot be written: {error.strerror or error}") from None

    @property
    def has_json(self) -> bool:
        return "json" in self.paths

    @property
    def use_stdout(self) -> bool:
        return any(str(path) == "-" for path in self.paths.values())

    def compare(self, report: Report) -> comparison.Comparison | None:
        return comparison.compare(self.baseline, report.as_dict()) if self.baseline is not None else None

    def write(self, report: Report, spec: Spec, changes: comparison.Comparison | None) -> None:
        """UsageError where a file cannot be written."""
        summary = os.environ.get("GITHUB_STEP_SUMMARY")
        if not (self.paths or summary):
            return
        from fcspec.report import junit, markdown  # slow to import

        lines = tuple(changes.lines()) if changes is not None else ()
        texts: dict[str, Callable[[], str]] = {
            "json": lambda: as_json(report.as_dict()),
            "junit": lambda: junit.document(report, spec),
            "markdown": lambda: markdown.document(report, spec, lines, no_worse=self.is_no_worse(report, changes)),
        }
        for kind, path in self.paths.items():
            try:
                write_text(texts[kind](), path)
            except OSError as error:
                raise UsageError(f"--{kind} {path} cannot be written: {error.strerror or error}") from None
        if summary:
            try:
                with open(summary, "a", encoding="utf-8") as file:
                    file.write(texts["markdown"]())
            except OSError:
                pass  # it is GitHub's, and the verdict does not depend on it

    def exit_code(self, report: Report, changes: comparison.Comparison | None) -> ExitCode:
        if changes is None or not self.only_changes or report.exit_code != ExitCode.NONCONFORMING:
            return report.exit_code
        wrong = changes.worse or not report.complete or report.run.draft is not None
        return ExitCode.NONCONFORMING if wrong else ExitCode.CONFORMING

    def is_no_worse(self, report: Report, changes: comparison.Comparison | None) -> bool:
        """Whether it does not conform, and that does not count, since it did not before."""
        return report.exit_code == ExitCode.NONCONFORMING != self.exit_code(report, changes)

    def github_lines(self, report: Report, spec: Spec, changes: comparison.Comparison | None) -> tuple[str, ...]:
        """What GitHub Actions shows beside the code; nothing elsewhere."""
        if os.environ.get("GITHUB_ACTIONS") != "true" or self.is_no_worse(report, changes):
            return ()
        from fcspec.report import markdown  # slow to import

        return tuple(markdown.error_lines(report, spec))
