"""Plots as SVG: inside a page they take its colours, as files they have the same ones, light and dark."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from markupsafe import Markup, escape

from fcspec.report.matrix import Matrix
from fcspec.report.words import clean

_HERE = Path(__file__).parent
_ROW, _BARS, _NUMBERS, _LETTER = 20, 210, 60, 7.4


@dataclass(frozen=True)
class Bar:
    """How many laws of each level are broken by what the label names."""

    label: str
    must: int
    should: int


def by_release(matrix: Matrix) -> list[Markup]:
    """A plot for each target that was judged with several releases of torch, and breaks a law with one of them."""
    found: dict[str, list[Bar]] = {}
    for column in matrix.columns:
        release = str(column.report.environment.get("torch", "?")).partition("+")[0]
        bar = Bar(release, column.broken("MUST"), column.broken("SHOULD"))
        found.setdefault(str(column.report.target["address"]), []).append(bar)
    return [
        bars(f"Broken laws by release of torch: {address}", rows)
        for address, rows in found.items()
        if len({row.label for row in rows}) > 1 and any(row.must + row.should for row in rows)
    ]


def bars(title: str, rows: Sequence[Bar]) -> Markup:
    """A line for each row: MUST is the high bar, SHOULD the low one behind it, and both stand there as numbers."""
    left = max(90, 10 + round(_LETTER * max(len(clean(row.label)) for row in rows)))
    scale = _BARS / (max(row.must + row.should for row in rows) or 1)
    said = "; ".join(f"{row.label}: {row.must} MUST and {row.should} SHOULD" for row in rows)
    lines = [_line(row, 30 + _ROW * number, left, scale) for number, row in enumerate(rows)]
    return svg(title, f"Broken are {said}.", left + _BARS + _NUMBERS, 34 + _ROW * len(rows), lines)


def _line(row: Bar, y: int, left: int, scale: float) -> str:
    must, should = round(row.must * scale, 1), round(row.should * scale, 1)
    numbers = f"{row.must} + {row.should}" if row.must + row.should else "none"
    return (
        f'<text x="{left - 8}" y="{y + 13}" text-anchor="end">{escape(clean(row.label))}</text>'
        f'<rect class="axis" x="{left - 1}" y="{y}" width="1" height="{_ROW}"/>'
        f'<rect class="must" x="{left}" y="{y + 3}" width="{must}" height="14"/>'
        f'<rect class="should" x="{left + must:.1f}" y="{y + 6}" width="{should}" height="8"/>'
        f'<text class="dim" x="{left + must + should + 6:.1f}" y="{y + 13}">{numbers}</text>'
    )


def svg(title: str, said: str, width: int, height: int, lines: Sequence[str]) -> Markup:
    """
    Args:
        title: what is shown; it stands above the plot, too.
        said: what the plot says, for those who do not see it.
    """
    return Markup(
        f'<svg xmlns="http://www.w3.org/2000/svg" class="plot" role="img" width="{width}" height="{height}" '
        f'viewBox="0 0 {width} {height}">\n<title>{escape(clean(title))}</title>\n<desc>{escape(clean(said))}</desc>\n'
        f'<text class="head" x="4" y="18">{escape(clean(title))}</text>\n' + "\n".join(lines) + "\n</svg>\n"
    )


def standalone(plot: Markup) -> str:
    """The plot as a file of its own: with the page's colours, and with its ground, whatever it lies upon."""
    style = "".join((_HERE / name).read_text(encoding="utf-8") for name in ("colors.css", "plot.css"))
    begin, end, rest = plot.partition("</desc>\n")
    return f'{begin}{end}<style>\n{style}</style>\n<rect fill="var(--page)" width="100%" height="100%"/>\n{rest}'
