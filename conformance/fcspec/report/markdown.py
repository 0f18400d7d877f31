"""A report as Markdown, for a pull request or a step summary; and the lines that GitHub Actions shows beside code."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import escape
from pathlib import Path

from fcspec.report.failure import failure_of
from fcspec.report.model import ClauseResult, Report, counts
from fcspec.report.verdict import Overall, Verdict
from fcspec.report.words import clean, cut
from fcspec.spec import Spec

_TITLES = {
    Overall.CONFORMING: "✅ conforming",
    Overall.AS_DECLARED: "✅ conforming as declared",
    Overall.NONCONFORMING: "❌ not conforming",
    Overall.INCOMPLETE: "❌ incomplete",
}
_NO_WORSE = "✅ not conforming, but nothing is newly broken"
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
        *(
            f"**`{slug}`**: the declared deviation is stale: the clause does not deviate in that way"
            for slug in report.stale
        ),
    ]
    if changes:
        parts.append("\n".join(f"* {_text(line)}" for line in changes))
    wrong = [one for one in report.clauses if one.is_wrong and (one.level != "MAY" or one.verdict is Verdict.ERROR)]
    for title, results in (
        ("", [one for one in wrong if one.declared is None]),
        ("declared", [one for one in wrong if one.declared is not None]),
    ):
        parts += _results(title, results, report, spec)
    return "\n\n".join(parts) + "\n"


def _results(title: str, results: list[ClauseResult], report: Report, spec: Spec) -> Iterator[str]:
    if not results:
        return
    if title:
        rows = (f"| `{one.clause}` | {one.level} | {_cell(one.declared or '')} |" for one in results)
        table = "\n".join(("| clause | | declared |", "|---|---|---|", *rows))
        yield f"<details><summary>{len(results)} {title}</summary>\n\n{table}\n\n</details>"
        return
    rows = (f"| `{one.clause}` | {one.level} | {_cell(f'{one.verdict}: {one.reason}')} |" for one in results)
    yield "\n".join(("| clause | | what happened |", "|---|---|---|", *rows))
    for one in results:
        text = escape(str(failure_of(one, spec, report.target["address"])), quote=False)
        yield f"<details><summary>{one.clause}</summary>\n\n<pre>\n{text}\n</pre>\n\n</details>"


def _text(text: object) -> str:
    text = escape(" ".join(clean(str(text)).split()), quote=False)
    return re.sub(r"[`*_\[\]\\|]", lambda found: f"&#{ord(found[0])};", text)


def _cell(text: str) -> str:
    return _text(cut(text, 300))


def _code(text: str) -> str:
    return clean(text).replace("`", "'")


def error_lines(report: Report) -> Iterator[str]:
    """Workflow commands: one for each clause that decides, as far as GitHub shows them."""
    place = ""
    if report.target.get("file") and Path(report.target["file"]).is_file():
        place = f"file={_property(report.target['file'])},line={report.target['line'] or 1},"
    found = [(one.clause, f"{one.level}, {one.verdict}: {one.reason}") for one in report.broken]
    found += [
        (slug, "the declared deviation is stale: the clause does not deviate in that way") for slug in report.stale
    ]
    found[:0] = [("fcspec", what) for what in (report.run.problem, report.run.draft) if what is not None]
    if len(found) > _MOST_ERRORS:
        found[_MOST_ERRORS - 1 :] = [("fcspec", f"{len(found) - _MOST_ERRORS + 1} more clauses do not hold")]
    for title, message in found:
        yield f"::error {place}title={_property(title)}::{_data(clean(message))}"


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
