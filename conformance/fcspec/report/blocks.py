"""The parts of the screen that say what does not hold, and why."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from rich.text import Text

from fcspec.report.cause import Cause, causes
from fcspec.report.failure import Whole, failure_of
from fcspec.report.model import ClauseResult, Report
from fcspec.report.verdict import Verdict
from fcspec.report.words import LABEL, clean, joined, wrapped
from fcspec.spec import Spec

STYLES = {"MUST": "red", "SHOULD": "yellow", "MAY": "dim"}

_MOST_SLUGS = 40


def stale(report: Report, width: int) -> Text:
    """How what was declared differs from what happens, and a line that counts it all."""
    declared = [one for one in report.clauses if one.declared is not None]
    if not declared and not report.stale:
        return Text()
    gone, other = _stale(report)
    new = sum(one.is_wrong and one.declared is None and one.clause not in report.stale for one in _decisive(report))
    counted = ((new, "new"), (len(other), "in another way"), (len(gone), "stale"), (len(declared), "declared"))
    line = ", ".join(f"{number} {word}" for number, word in counted if number or word == "declared")
    text = Text("\n").append("\n".join(wrapped(f"deviations: {line}", width, "", "  ")) + "\n")
    for line in stale_in_words(report):
        text.append("\n".join(wrapped(f"✗ {line}", width, "", "  ")) + "\n", "red")
    return text


def _stale(report: Report) -> tuple[list[str], list[str]]:
    """What is declared and holds, and what deviates otherwise."""
    wrong = {one.clause for one in report.clauses if one.is_wrong}
    return [one for one in report.stale if one not in wrong], [one for one in report.stale if one in wrong]


def stale_in_words(report: Report) -> Iterator[str]:
    """A line for each way in which what was declared is not so; the first word of one about one clause is its slug."""
    gone, other = _stale(report)
    if len(gone) == 1:
        yield f"{gone[0]} is declared, and holds now: take it out of the file"
    elif gone:
        yield f"{len(gone)} laws are declared, and hold now: {', '.join(gone)}"
    if len(other) == 1:
        yield f"{other[0]} fails in another way, or in other cases, than declared"
    elif other:
        yield f"{len(other)} laws fail in another way, or in other cases, than declared: {', '.join(other)}"


def _decisive(report: Report) -> list[ClauseResult]:
    return [one for one in report.clauses if one.level != "MAY" or one.verdict is Verdict.ERROR]


def wrong(report: Report, spec: Spec, width: int, *, details: bool, whole: Whole | None = None) -> Text:
    """A block for each cause; nothing of what deviates as declared.

    Args:
        details: with the script of each; `whole` makes an example one.
    """
    results = [one for one in _decisive(report) if one.is_wrong and one.declared is None]
    found = causes(results, spec, report.target["address"], report.run.draft)
    text = Text()
    for cause in found:
        text.append("\n").append(_block(cause, report, spec, width, draft=report.run.draft is not None))
        if details:
            script = failure_of(cause.results[0], spec, report.target["address"], whole).script_lines()
            text.append("\n".join(["", *script, ""]))
    if len(found) > 1:
        line = f"{len(results)} laws do not hold, for {len(found)} causes; the first to mend: {results_first(found)}"
        text.append("\n").append("\n".join(wrapped(line, width, "", "  ")) + "\n")
    return text


def results_first(found: Sequence[Cause]) -> str:
    return found[0].results[0].clause


def _block(cause: Cause, report: Report, spec: Spec, width: int, *, draft: bool) -> Text:
    first = cause.results[0]
    failure = failure_of(first, spec, report.target["address"])
    sign = "!" if first.level == "SHOULD" else "✗"
    if len(cause.results) == 1 and not draft:
        title, *lines = failure.lines(width)
        return Text(f"{sign} {title}\n", STYLES[first.level]).append("".join(f"{line}\n" for line in lines))
    head = f"{sign} {cause.count}: {clean(cause.words)}"
    text = Text("\n".join(wrapped(head, width, "", "  ")) + "\n", STYLES[first.level])
    if not draft:
        text.append("".join(f"{line}\n" for line in _slugs(cause.results, width)))
    lines = failure.lines(width, "  ")
    lines[0] = f"  first: {lines[0].strip()}"
    return text.append("".join(f"{line}\n" for line in lines))


def _slugs(results: Sequence[ClauseResult], width: int) -> Iterator[str]:
    shown = [one.clause for one in results[:_MOST_SLUGS]]
    if len(results) > len(shown):
        shown += [f"and {len(results) - len(shown)} more"]
    yield from joined(shown, width, f"  {'laws':<{LABEL}}", " " * (LABEL + 2))


def unsupported(report: Report, width: int) -> Text:
    """Why some clauses could not be judged here: a line for each reason."""
    text = Text()
    for reason, slugs in _by_reason(report.clauses).items():
        which = slugs[0] if len(slugs) == 1 else f"{slugs[0]} and {len(slugs) - 1} more"
        lines = wrapped(clean(f"- {which}: unsupported: {reason}"), width, "", "  ")
        text.append("\n" + "\n".join(lines) + "\n", "dim")
    return text


def _by_reason(results: Iterable[ClauseResult]) -> dict[str, list[str]]:
    reasons: dict[str, list[str]] = {}
    for result in results:
        if result.verdict is Verdict.UNSUPPORTED:
            reasons.setdefault(result.reason or "", []).append(result.clause)
    return reasons
