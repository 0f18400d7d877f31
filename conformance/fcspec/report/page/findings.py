"""What a click on a cell shows: what was called, expected and found, once for all columns that say the same."""

from __future__ import annotations

from dataclasses import dataclass, replace

from fcspec.report.failure import failure_of
from fcspec.report.matrix import Cell, Column, Matrix, Row
from fcspec.report.words import cut
from fcspec.spec import Spec

_ALL = 800_000
"""Characters of all findings together, so that a page stays below 3 MB; a page with few findings shows each whole."""

_LEAST, _WHOLE, _MOST = 150, 600, 12_000


@dataclass(frozen=True)
class Finding:
    """
    Attributes:
        columns: the numbers of those of which it is true.
        word: the verdict.
        rows: (label, text).
        script: what shows it, where it is not the example of SPEC.md.
    """

    columns: tuple[int, ...]
    word: str
    rows: tuple[tuple[str, str], ...]
    script: str | None = None

    def names(self, matrix: Matrix) -> str:
        return ", ".join(matrix.columns[number].name for number in self.columns)


def allowance(matrix: Matrix) -> int:
    """How many characters a finding may have."""
    wrong = sum(cell.word not in ("pass", "not asked") for row in matrix.rows for cell in row.cells)
    return max(_LEAST, min(_MOST, _ALL // max(1, wrong)))


def findings(row: Row, matrix: Matrix, spec: Spec, most: int) -> list[Finding]:
    """
    Args:
        most: characters of one finding.
    """
    found: dict[Finding, tuple[int, ...]] = {}
    for number, (cell, column) in enumerate(zip(row.cells, matrix.columns, strict=True)):
        if cell.word not in ("pass", "not asked"):
            one = _finding(cell, column, spec, most)
            found[one] = (*found.get(one, ()), number)
    return [replace(one, columns=columns) for one, columns in found.items()]


def _finding(cell: Cell, column: Column, spec: Spec, most: int) -> Finding:
    result = cell.result
    assert result is not None
    if not cell.is_wrong:
        text = cell.shown if cell.word == "observed" else result.reason or ""
        return Finding((), cell.word, (("seen", cut(text, most)),) if text else ())
    failure = failure_of(result, spec, column.report.target["address"])
    texts = {label: text for label, text in failure.rows if text and label != "again"}
    if cell.word == "declared":
        texts = {"declared": result.declared or "", **texts}
    if most < _WHOLE:
        texts = {label: text for label, text in texts.items() if label not in ("where", "case")}
    example = "\n".join(one.code for one in spec[result.clause].examples)
    script = failure.script if failure.script != example else None
    if script is not None and len(script) > most:
        texts["script"], script = f"{len(script)} characters, see the report itself", None
    return Finding((), cell.word, tuple((label, cut(text, most // 4)) for label, text in texts.items()), script)
