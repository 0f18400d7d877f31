"""A report as Markdown, for a pull request or a step summary; and the lines that GitHub Actions shows beside code."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from html import escape
from pathlib import Path

from fcspec.report import blocks
from fcspec.report.cause import Cause, causes
from fcspec.report.failure import failure_of
from fcspec.report.model import ClauseResult, Report, counts
from fcspec.report.verdict import Overall, Verdict
from fcspec.report.words import WIDTH, clean, cut, wrapped
from fcspec.spec import Spec

_TITLES = {
    Overall.CONFORMING: "✅ conforming",
    Overall.AS_DECLARED: "✅ conforming as declared",
    Overall.NONCONFORMING: "❌ not conforming",
    Overall.INCOMPLETE: "❌ incomplete",
}
_NO_WORSE = "✅ not conforming, but nothing is newly broken"
_MOST_LAWS = 10
_MOST_ERRORS = 10
"""GitHub shows no more of one step."""


def document(report: Report, spec: Spec, changes: tuple[str, ...] = (), *, no_worse: bool = False) -> str:
    """
    Args:
        changes: lines about what changed since a baseline.
        no_worse: it does not conform, and only what is newly broken counts, which nothing is.
    """
    target = report.target
    profiles = ", ".join(report.run.profiles)
    parts = [
        f"### fcspec: {_NO_WORSE if no_worse else _TITLES[report.verdict]}",
        f"`{_code(target['address'])}` · {_text(target['name'])} · torch {_text(report.environment.get('torch', '?'))}"
        f" · profile {profiles} · {counts(report)} · {report.judged} of {len(report.clauses)} clauses judged",
        *(f"**{_text(line)}**" for line in (report.run.problem, report.run.draft, *report.run.notes) if line),
        *(f"**{_text(line)}**" for line in blocks.stale_in_words(report)),
    ]
    if changes:
        parts.append("\n".join(f"* {_text(line)}" for line in changes))
    wrong = [one for one in report.clauses if one.is_wrong and (one.level != "MAY" or one.verdict is Verdict.ERROR)]
    parts += _causes([one for one in wrong if one.declared is None], report, spec)
    parts += _declared([one for one in wrong if one.declared is not None])
    return "\n\n".join(parts) + "\n"


def _causes(results: list[ClauseResult], report: Report, spec: Spec) -> Iterator[str]:
    """A row for each cause, the first to mend first; below that how its first law fails."""
    found = causes(results, spec, report.target["address"], report.run.draft)
    if not found:
        return
    rows = (f"| {_laws(one.results)} | {one.levels} | {_cell(_in_words(one))} |" for one in found)
    yield "\n".join(("| clause | | what happened |", "|---|---|---|", *rows))
    for one in found:
        first, *others = (law.clause for law in one.results)
        text = str(failure_of(one.results[0], spec, report.target["address"]))
        if others:
            text = "\n".join((*wrapped(" ".join(others), WIDTH, "so do: ", "       "), "", text))
        title = f"{first} and {len(others)} more: {one.words}" if others else first
        yield f"<details><summary>{_text(title)}</summary>\n\n<pre>\n{escape(text, quote=False)}\n</pre>\n\n</details>"


def _laws(results: Sequence[ClauseResult]) -> str:
    more = f" and {len(results) - _MOST_LAWS} more" if len(results) > _MOST_LAWS else ""
    return ", ".join(f"`{one.clause}`" for one in results[:_MOST_LAWS]) + more


def _in_words(cause: Cause) -> str:
    return cause.words if len(cause.results) > 1 else f"{cause.results[0].verdict}: {cause.results[0].reason}"


def _declared(results: list[ClauseResult]) -> Iterator[str]:
    if results:
        rows = (f"| `{one.clause}` | {one.level} | {_cell(one.declared or '')} |" for one in results)
        table = "\n".join(("| clause | | declared |", "|---|---|---|", *rows))
        yield f"<details><summary>{len(results)} declared</summary>\n\n{table}\n\n</details>"


def _text(text: object) -> str:
    text = escape(" ".join(clean(str(text)).split()), quote=False)
    return re.sub(r"[`*_\[\]\\|]", lambda found: f"&#{ord(found[0])};", text)


def _cell(text: str) -> str:
    return _text(cut(text, 300))


def _code(text: str) -> str:
    return clean(text).replace("`", "'")


def error_lines(report: Report, spec: Spec) -> Iterator[str]:
    """Workflow commands: one for each cause for which what decides does not hold, as far as GitHub shows them."""
    place = ""
    if report.target.get("file") and Path(report.target["file"]).is_file():
        place = f"file={_property(report.target['file'])},line={report.target['line'] or 1},"
    found = []
    for cause in causes(report.broken, spec, report.target["address"], report.run.draft):
        first, several = cause.results[0], len(cause.results) > 1
        found.append((first.clause, f"{cause.count if several else first.level}, {_in_words(cause)}"))
    found += [("deviations", line) for line in blocks.stale_in_words(report)]
    draft = None if report.broken else report.run.draft  # else it is the cause
    found[:0] = [("fcspec", what) for what in (report.run.problem, draft) if what is not None]
    if len(found) > _MOST_ERRORS:
        found[_MOST_ERRORS - 1 :] = [("fcspec", f"{len(found) - _MOST_ERRORS + 1} more causes")]
    for title, message in found:
        yield f"::error {place}title={_property(title)}::{_data(clean(message))}"


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
