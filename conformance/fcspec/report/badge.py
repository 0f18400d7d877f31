"""A report as a badge: a small SVG that says verdict and counts."""

from __future__ import annotations

from html import escape

from fcspec.report.matrix import verdict_in_words
from fcspec.report.model import Report, counts
from fcspec.report.verdict import Overall
from fcspec.spec import Spec

_COLORS = {
    Overall.CONFORMING: "#1a7f37",
    Overall.AS_DECLARED: "#1a7f37",
    Overall.NONCONFORMING: "#b3202c",
    Overall.INCOMPLETE: "#7a4b00",
}
_CHARACTER = 7


def document(report: Report, spec: Spec) -> str:
    left = f"functional_call {report.spec_version}"
    right = f"{verdict_in_words(report, spec)} · {counts(report)}"
    widths = [len(text) * _CHARACTER + 12 for text in (left, right)]
    title = escape(f"{left}: {right}")
    labels = (
        f'<text x="{x}" y="14" textLength="{width - 12}">{escape(text)}</text>'
        for x, width, text in ((6, widths[0], left), (widths[0] + 6, widths[1], right))
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{sum(widths)}" height="20" role="img" aria-label="{title}">\n'
        f"<title>{title}</title>\n"
        f'<rect width="{widths[0]}" height="20" fill="#444"/>\n'
        f'<rect x="{widths[0]}" width="{widths[1]}" height="20" fill="{_COLORS[report.verdict]}"/>\n'
        f'<g fill="#fff" font-family="Verdana,DejaVu Sans,sans-serif" font-size="11">{"".join(labels)}</g>\n'
        "</svg>\n"
    )
