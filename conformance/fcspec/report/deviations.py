"""Declared deviations: a TOML file that says how a target is known to deviate, judged strictly both ways."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path

from fcspec.errors import UsageError
from fcspec.report import declarations
from fcspec.report.declarations import Deviation, Entry
from fcspec.report.model import ClauseResult, Report
from fcspec.report.verdict import Verdict
from fcspec.spec import Spec

BUILTIN = Path(__file__).parent / "declared"


def load(name: str, address: str, spec: Spec) -> tuple[Deviation, ...]:
    """Read and check a file. UsageError with file and line where it is unreadable, invalid or for another target.

    Args:
        name: a path, or "builtin" for the file that the package carries for this target.
    """
    path = BUILTIN / (address.replace(":", ".") + ".toml") if name == "builtin" else Path(name)
    if name == "builtin" and not path.is_file():
        raise UsageError(f"the package carries no deviations file for {address}; name a file")
    text = read_text(path, f"--deviations {name}")
    return declarations.deviations(declarations.entries(text, name, address, spec), spec)


def read_text(path: Path, name: str) -> str:
    """With the ends of lines that it has. UsageError where it can't be read; `name` is what messages call it."""
    try:
        return path.read_bytes().decode("utf-8")
    except OSError as error:
        raise UsageError(f"{name} cannot be read: {error.strerror or error}") from None
    except UnicodeDecodeError as error:
        raise UsageError(f"{path} is no TOML: {error}") from None


def apply(report: Report, declared: Sequence[Deviation], today: date | None = None) -> Report:
    """Mark declared deviations; those that do not deviate as declared are stale.

    What is declared for other releases of torch, or until a day that is over, does not count.

    Args:
        today: None: the day on which this is called.
    """
    today = today or date.today()
    in_part = report.run.in_part
    of_release = [one for one in declared if one.matches(torch_version(report))]
    active = {one.clause: one for one in of_release if not one.has_ended(today)}
    results = tuple(_mark(result, active.get(result.clause), in_part) for result in report.clauses)
    judged = {one.clause: one for one in results if one.verdict not in (None, Verdict.UNSUPPORTED)}
    stale = tuple(slug for slug in active if slug in judged and judged[slug].declared is None and not in_part)
    notes = tuple(_notes([one for one in of_release if one.clause in judged], today))
    run = replace(report.run, notes=(*report.run.notes, *notes))
    return replace(report, clauses=results, stale=stale, run=run)


def torch_version(report: Report) -> str:
    return str(report.environment.get("torch", "0"))


def _mark(result: ClauseResult, entry: Deviation | None, in_part: bool) -> ClauseResult:
    if entry is None or result.verdict != entry.verdict:
        return result
    wrong = {case.id for case in result.cases if case.verdict.is_wrong}
    if entry.cases and not (wrong <= set(entry.cases) if in_part else wrong == set(entry.cases)):
        return result
    return replace(result, declared=entry.reason)


def _notes(declared: Sequence[Deviation], today: date) -> Iterator[str]:
    """A line for each reason that has ended, or that somebody should look at again."""
    groups: dict[object, list[Deviation]] = {}
    for one in declared:
        groups.setdefault(one.said, []).append(one)
    for (first, *_), slugs in ((group, ", ".join(one.clause for one in group)) for group in groups.values()):
        if first.has_ended(today):
            yield ended(first, slugs)
        elif first.is_to_review(today):
            yield f"declared, to be reviewed since {first.review}: {slugs} ({first.reason})"


def ended(one: Deviation | Entry, slugs: str) -> str:
    """That a declaration does not count any more, in a line."""
    return f"declared until {one.until}, which is over: {slugs} ({one.reason})"
