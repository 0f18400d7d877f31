"""What `fcspec check` shows: a line per chapter, the failures, the verdict."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterable, Iterator

from rich.text import Text

from fcspec.report.model import ClauseResult, Report
from fcspec.report.verdict import Overall, Verdict
from fcspec.spec import Clause, Spec

WIDTH = 100
_SIGNS = {Verdict.UNSUPPORTED: "-", Verdict.TIMEOUT: "⧗"}
_STYLES = {"MUST": "red", "SHOULD": "yellow", "MAY": "dim"}
_CONTROL = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]|[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


def clean(text: str) -> str:
    """Text that came from a target, without what controls a terminal, turns the order of text, or cannot be encoded."""
    return _CONTROL.sub("", text)


def header(report: Report) -> Text:
    target = report.target
    place = f" · {target['file']}:{target['line']}" if target.get("file") else ""
    profiles = ", ".join(report.run.profiles)
    text = Text(f"fcspec {report.fcspec_version} · spec {report.spec_version} · profile {profiles}\n")
    device = report.environment.get("device", "cpu")
    where = "" if device == "cpu" else f" · on {device}"
    return text.append(clean(f"target  {target['address']} · {target['name']}{place}{where}\n"))


def screen(report: Report, spec: Spec) -> Text:
    """The final screen."""
    text = header(report).append("\n")
    selected = len(report.clauses) < len(spec.select(report.run.profiles))
    for chapter, results in _by_chapter(report.clauses):
        text.append(_chapter(chapter, results)).append("\n")
        for result in results if selected else ():
            if result.observed:
                text.append(clean(f"    {result.clause.partition('.')[2]}: {result.observed}\n"), "dim")
    for result in report.clauses:
        if result.is_wrong and (result.level != "MAY" or result.verdict is Verdict.ERROR):
            text.append("\n").append(_failure(result, spec[result.clause], spec.path.name))
    text.append(_unsupported(report))
    for slug in report.stale:
        text.append(
            f"\n✗ {slug}: the declared deviation is stale: the clause does not deviate in that way now\n", "red"
        )
    return text.append("\n").append(summary(report, selected))


def _by_chapter(results: Iterable[ClauseResult]) -> Iterator[tuple[str, list[ClauseResult]]]:
    chapters: dict[str, list[ClauseResult]] = {}
    for result in results:
        chapters.setdefault(result.clause.partition(".")[0], []).append(result)
    yield from chapters.items()


def _chapter(chapter: str, results: list[ClauseResult]) -> Text:
    decisive = [result for result in results if result.level != "MAY"]
    held = sum(result.holds for result in decisive)
    counts = f"{held:>3}/{len(_judged(decisive)):<3}" if decisive else f"{len(results):>3} obs"
    text = Text(f"  {chapter:<13}{counts}")
    unjudged = sum(result.verdict is None for result in results)
    for result in decisive:
        if result.holds or result.verdict is None:
            continue
        sign = "!" if result.level == "SHOULD" else _SIGNS.get(result.verdict, "✗")
        name = result.clause.partition(".")[2]
        declared = " (declared)" if result.declared else ""
        text.append(f"  {sign} {name}{declared}", "dim" if result.declared else _STYLES[result.level])
    return text.append(f"  {unjudged} not judged", "dim") if unjudged else text


def _judged(results: Iterable[ClauseResult]) -> list[ClauseResult]:
    return [result for result in _supported(results) if result.verdict is not None]


def _supported(results: Iterable[ClauseResult]) -> list[ClauseResult]:
    return [result for result in results if result.verdict is not Verdict.UNSUPPORTED]


def _unsupported(report: Report) -> Text:
    """Why some clauses could not be judged here: a line for each reason."""
    reasons: dict[str, list[str]] = {}
    for result in report.clauses:
        if result.verdict is Verdict.UNSUPPORTED:
            reasons.setdefault(result.reason or "", []).append(result.clause)
    text = Text()
    for reason, slugs in reasons.items():
        which = slugs[0] if len(slugs) == 1 else f"{slugs[0]} and {len(slugs) - 1} more"
        text.append(f"\n- {which}: unsupported: {reason}\n", "dim")
    return text


def _failure(result: ClauseResult, clause: Clause, file: str) -> Text:
    place = f"{file}:{clause.line}"
    title = f"{'!' if result.level == 'SHOULD' else '✗'} {result.clause} · {result.level}"
    text = Text(title, _STYLES[result.level]).append(place.rjust(max(1, WIDTH - len(title))), "dim").append("\n")
    for line in textwrap.wrap(_plain(clause.law.split("\n\n")[0]), WIDTH - 2):
        text.append(f"  {line}\n")
    case = result.worst
    rows = {}
    if result.declared:
        rows["declared"] = result.declared
    if case is not None:
        wrong = [one for one in result.cases if one.verdict == case.verdict]
        more = f"  (and {len(wrong) - 1} more of {len(result.cases)} cases)" if len(wrong) > 1 else ""
        rows |= {"case": f"{case.id}{more}", "called": case.stimulus or "", result.verdict or "": case.reason or ""}
    rows["more"] = f"fcspec explain {result.clause}"
    for label, value in rows.items():
        if value:
            text.append(f"    {label:<10}", "dim").append(_clipped(clean(value))).append("\n")
    return text


def _plain(law: str) -> str:
    return " ".join(law.replace("`", "").split())


def _clipped(text: str, width: int = 300) -> str:
    text = " ".join(text.split())
    return text if len(text) <= width else f"{text[: width - 3]}..."


def summary(report: Report, selected: bool = False) -> Text:
    """
    Args:
        selected: not every clause of the profiles was asked for.
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
    text = Text(" · ".join(parts)).append(f"{report.run.seconds:>12.1f} s\n", "dim")
    if report.run.isolation == "none":
        text.append("without isolation: the target ran in the suite's own process\n", "dim")
    for note in report.run.notes:
        text.append(clean(f"{note}\n"), "dim")
    if report.run.interrupted:
        text.append("interrupted\n", "red")
    if report.run.problem:
        text.append(clean(f"{report.run.problem}\n"), "red")
    if report.run.out_of_patience:
        text.append("too many timeouts in a row: the rest was not judged (--patience)\n", "red")
    verdicts = {
        Overall.CONFORMING: ("CONFORMING", "bold green"),
        Overall.AS_DECLARED: ("CONFORMING AS DECLARED", "bold green"),
        Overall.NONCONFORMING: ("NOT CONFORMING", "bold red"),
        Overall.INCOMPLETE: ("INCOMPLETE", "bold red"),
    }
    text.append(*verdicts[report.verdict])
    return text.append(" in the clauses that were selected\n" if report.verdict.conforms and selected else "\n")
