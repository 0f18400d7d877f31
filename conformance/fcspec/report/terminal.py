"""What `fcspec check` shows: a line per chapter, what does not hold, grouped by cause, the verdict."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from rich.text import Text

from fcspec.report import blocks
from fcspec.report.failure import Whole
from fcspec.report.model import ClauseResult, Report
from fcspec.report.verdict import Overall, Verdict
from fcspec.report.words import WIDTH, clean, joined, wrapped
from fcspec.spec import Spec

_DECLARED = "~"
_SIGNS = {
    "✗": "a MUST that does not hold",
    "!": "a SHOULD that does not hold",
    "⧗": "timed out",
    "-": "cannot be judged here",
    _DECLARED: "deviates as declared",
}
_FEW = 3
"""So many names are always shown."""

_NAMES = 24
"""Columns before the names of a chapter."""


def header(report: Report, width: int = WIDTH) -> Text:
    target = report.target
    place = f" · {target['file']}:{target['line']}" if target.get("file") else ""
    profiles = ", ".join(report.run.profiles)
    shard = f" · shard {report.run.shard.index}/{report.run.shard.of}" if report.run.shard is not None else ""
    text = Text(f"fcspec {report.fcspec_version} · spec {report.spec_version} · profile {profiles}{shard}\n")
    device = report.environment.get("device", "cpu")
    where = "" if device == "cpu" else f" · on {device}"
    line = clean(f"{target['address']} · {target['name']}{place}{where}")
    return text.append("\n".join(wrapped(line, width, "target  ", " " * 8)) + "\n")


def screen(
    report: Report,
    spec: Spec,
    width: int = WIDTH,
    *,
    details: bool = False,
    whole: Whole | None = None,
    no_worse: bool = False,
) -> Text:
    """The final screen.

    Args:
        width: of its lines; what can be pasted is not broken.
        details: with the script of each failure; `whole` makes an example one.
        no_worse: it does not conform, and only what is newly broken counts, which nothing is.
    """
    text = header(report, width).append("\n")
    selected = report.run.in_part or len(report.clauses) < len(spec.select(report.run.profiles))
    for chapter, results in _by_chapter(report.clauses):
        text.append(_chapter(chapter, results, width))
        for result in results if selected else ():
            if result.observed:
                line = f"{result.clause.partition('.')[2]}: {result.observed}"
                text.append("\n".join(wrapped(clean(line), width, "    ", " " * 6)) + "\n", "dim")
    text.append(_legend(report.clauses, width))
    text.append(blocks.stale(report, width))
    text.append(blocks.wrong(report, spec, width, details=details, whole=whole))
    text.append(blocks.unsupported(report, width))
    return text.append("\n").append(summary(report, selected, width, no_worse=no_worse))


def _by_chapter(results: Iterable[ClauseResult]) -> Iterator[tuple[str, list[ClauseResult]]]:
    chapters: dict[str, list[ClauseResult]] = {}
    for result in results:
        chapters.setdefault(result.clause.partition(".")[0], []).append(result)
    yield from chapters.items()


def _chapter(chapter: str, results: list[ClauseResult], width: int) -> Text:
    decisive = [result for result in results if result.level != "MAY"]
    held = sum(result.holds for result in decisive)
    counts = f"{held:>3}/{len(_judged(decisive)):<3}" if decisive else f"{len(results):>3} obs"
    shown = [result for result in decisive if not result.holds and result.verdict is not None]
    names = {f"{_sign(result)} {result.clause.partition('.')[2]}": _style(result) for result in shown}
    if len(shown) == len(decisive) > _FEW and all(result.is_wrong and result.declared is None for result in shown):
        names = {f"{_worst_sign(shown)} all": _style(shown[0])}
    unjudged = sum(result.verdict is None for result in results)
    text, start = Text(), f"  {chapter:<13}{counts}"
    lines = joined((f"{name} " for name in names), width, f"{start}  ", " " * _NAMES) or [start]
    if unjudged:
        lines[-1] += f"  {unjudged} not judged"
    for line in lines:
        text.append(f"{line.rstrip()}\n")
    for name, style in names.items():
        text.highlight_words([name], style)
    return text


def _worst_sign(results: Iterable[ClauseResult]) -> str:
    return min(map(_sign, results), key=[*_SIGNS].index)


def _sign(result: ClauseResult) -> str:
    if result.declared is not None:
        return _DECLARED
    if result.verdict is Verdict.UNSUPPORTED:
        return "-"
    if result.level == "SHOULD":
        return "!"
    return "⧗" if result.verdict is Verdict.TIMEOUT else "✗"


def _style(result: ClauseResult) -> str:
    return "dim" if _sign(result) in "~-" else blocks.STYLES[result.level]


def _legend(results: Iterable[ClauseResult], width: int) -> Text:
    used = {_sign(one) for one in results if one.level != "MAY" and not one.holds and one.verdict is not None}
    items = [f"{sign} {meaning}  " for sign, meaning in _SIGNS.items() if sign in used]
    lines = [line.rstrip() for line in joined(items, width, "  ", "  ")]
    return Text("\n".join(("", *lines, "")) if lines else "", "dim")


def _judged(results: Iterable[ClauseResult]) -> list[ClauseResult]:
    return [result for result in _supported(results) if result.verdict is not None]


def _supported(results: Iterable[ClauseResult]) -> list[ClauseResult]:
    return [result for result in results if result.verdict is not Verdict.UNSUPPORTED]


def summary(report: Report, selected: bool = False, width: int = WIDTH, *, no_worse: bool = False) -> Text:
    """
    Args:
        selected: not every clause of the profiles was asked for.
        no_worse: it does not conform, and only what is newly broken counts, which nothing is.
    """
    parts = []
    for level in ("MUST", "SHOULD"):
        of = _judged(result for result in report.clauses if result.level == level)
        if of:
            parts.append(f"{level} {sum(result.holds for result in of)} of {len(of)} hold")
    observed = sum(result.level == "MAY" and result.verdict is not None for result in report.clauses)
    if observed:
        parts.append(f"MAY {observed} observed")
    unsupported = len(report.clauses) - len(_supported(report.clauses))
    if unsupported:
        parts.append(f"{unsupported} unsupported")
    parts.append(f"{report.judged} of {len(report.clauses)} clauses judged")
    parts.append(f"{report.run.seconds:.1f} s")
    text = Text("\n".join(wrapped(" · ".join(parts), width, "", "  ")) + "\n")
    for note, style in _notes(report):
        text.append("\n".join(wrapped(clean(note), width, "", "  ")) + "\n", style)
    verdicts = {
        Overall.CONFORMING: ("CONFORMING", "bold green"),
        Overall.AS_DECLARED: ("CONFORMING AS DECLARED", "bold green"),
        Overall.NONCONFORMING: ("NOT CONFORMING", "bold red"),
        Overall.INCOMPLETE: ("INCOMPLETE", "bold red"),
    }
    if no_worse:
        return text.append("NOT CONFORMING, BUT NOTHING IS NEWLY BROKEN\n", "bold yellow")
    text.append(*verdicts[report.verdict])
    part = "cases" if report.run.in_part else "clauses"
    return text.append(f" in the {part} that were selected\n" if report.verdict.conforms and selected else "\n")


def _notes(report: Report) -> Iterator[tuple[str, str]]:
    run = report.run
    if run.isolation == "none":
        yield "without isolation: the target ran in the suite's own process", "dim"
    for note in run.notes:
        yield note, "dim"
    if run.draft is not None:
        yield run.draft, "red"
    if run.interrupted:
        yield "interrupted", "red"
    if run.problem:
        yield run.problem, "red"
    if run.out_of_patience:
        yield "too many timeouts in a row: the rest was not judged (--patience)", "red"
