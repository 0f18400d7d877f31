"""A report as a piece of HTML, for notebooks: the verdict, a line per chapter, what does not hold."""

from __future__ import annotations

from html import escape

from fcspec.report import blocks, terminal
from fcspec.report.model import ClauseResult, Report
from fcspec.report.verdict import Verdict
from fcspec.report.words import clean
from fcspec.spec import Spec


def page(report: Report, spec: Spec) -> str:
    color = "#1a7f37" if report.verdict.conforms else "#cf222e"
    wrong = [one for one in report.clauses if one.is_wrong and (one.level != "MAY" or one.verdict is Verdict.ERROR)]
    rows = "".join(_row(result, spec) for result in wrong)
    table = f"<table><tr><th>clause</th><th>law</th><th>called</th><th>found</th></tr>{rows}</table>" if rows else ""
    head, *rest = terminal.summary(report).plain.strip().splitlines()
    notes = "".join(f"<br>{_text(line)}" for line in rest[:-1])
    stale = "".join(f"<br>{_text(line)}" for line in blocks.stale_in_words(report))
    return (
        f'<div><strong style="color:{color}">{_text(report.verdict)}</strong> {_text(report.target["address"])} · '
        f"{_text(report.target['name'])}<br>{_text(head)}{notes}{stale}{table}</div>"
    )


def _row(result: ClauseResult, spec: Spec) -> str:
    case = result.plainest
    level = f"{result.level}, declared: {result.declared}" if result.declared else result.level
    cells = (
        f"<code>{_text(result.clause)}</code> {_text(level)}",
        _text(" ".join(spec[result.clause].law.split("\n\n")[0].split())),
        f"<code>{_text(case.stimulus or '')}</code>" if case else "",
        f"{_text(result.verdict or '')}: <code>{_text(result.reason or '')}</code>",
    )
    return "<tr>" + "".join(f'<td style="text-align:left">{cell}</td>' for cell in cells) + "</tr>"


def _text(text: object) -> str:
    return escape(clean(str(text)))
