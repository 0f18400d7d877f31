"""One or more reports as a page of HTML that needs nothing else: no file, no network, and no JavaScript to be read."""

from __future__ import annotations

import base64
import functools
import hashlib
from collections.abc import Sequence
from pathlib import Path

from jinja2 import Environment, StrictUndefined, Template
from markdown_it import MarkdownIt
from markupsafe import Markup

from fcspec.report.matrix import Matrix
from fcspec.report.model import Report
from fcspec.report.page import plots
from fcspec.report.page.findings import allowance, findings
from fcspec.report.words import clean
from fcspec.spec import LEVELS, Clause, Spec

_HERE = Path(__file__).parent


def document(
    reports: Sequence[Report],
    spec: Spec,
    selected: Sequence[Clause] | None = None,
    *,
    title: str | None = None,
    figures: Sequence[Markup] | None = None,
) -> str:
    """
    Args:
        selected: the clauses to show; None: all that a report has.
        title: of the page; None: it names the implementation, or says how many there are.
        figures: plots as SVG; None: broken laws by release, where a target was judged with several.
    """
    matrix = Matrix.of(reports, spec, selected)
    rows = list(matrix.rows)
    words = {cell.word for row in rows for cell in row.cells if cell.result is not None}
    style, script = "".join(map(_part, ("colors.css", "plot.css", "page.css"))), _part("page.js")
    most = max((column.broken("MUST") + column.broken("SHOULD") for column in matrix.columns), default=0)
    return _template().render(
        matrix=matrix,
        spec=spec,
        title=title or _title(matrix),
        figures=plots.by_release(matrix) if figures is None else figures,
        levels=[level for level in LEVELS if any(row.clause.level == level for row in rows)],
        profiles=list(dict.fromkeys(row.clause.profile for row in rows)),
        words=[word for _, word in matrix.legend() if word in words],
        total=len(rows),
        most=most or 1,
        allowance=allowance(matrix),
        findings=findings,
        first=_first,
        style=Markup(style),
        script=Markup(script),
        style_hash=_hash(style),
        script_hash=_hash(script),
    )


def _title(matrix: Matrix) -> str:
    if len(matrix.columns) == 1:
        return f"functional_call: {matrix.columns[0].name}"
    return f"functional_call: {len(matrix.columns)} implementations"


def _first(clause: Clause) -> str:
    return " ".join(clause.law.split("\n\n")[0].replace("`", "").split())


@functools.cache
def _template() -> Template:
    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True, finalize=_finalized
    )
    environment.filters["law"] = _law
    return environment.from_string(_part("page.html"))


def _finalized(value: object) -> object:
    return clean(value) if isinstance(value, str) and not isinstance(value, Markup) else value


def _part(name: str) -> str:
    return (_HERE / name).read_text(encoding="utf-8")


def _hash(text: str) -> str:
    """How a Content-Security-Policy names an inline style or script; it allows no other."""
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"


@functools.lru_cache(maxsize=2048)
def _law(text: str) -> Markup:
    """Markdown of SPEC.md as HTML."""
    return Markup(MarkdownIt("commonmark", {"html": False}).render(text).strip())
