"""What `fcspec compare` shows in a terminal: implementations, chapters, and where they differ."""

from __future__ import annotations

from rich.text import Text

from fcspec.report.matrix import Column, Matrix, Row
from fcspec.report.words import clean, cut

_STYLES = {"MUST": "red", "SHOULD": "yellow"}
_NAME = 34


def screen(matrix: Matrix, *, every: bool = False) -> Text:
    """
    Args:
        every: every clause, not only those in which implementations differ.
    """
    text = Text()
    for number, column in enumerate(matrix.columns, 1):
        text.append(_column(number, column))
    text.append("\n").append(_numbers(matrix, 8))
    for chapter in matrix.chapters:
        text.append(f"  {chapter.name:<{_NAME + 7}}")
        text.append("".join(f"{chapter.counts(number):>8}" for number in range(len(matrix.columns)))).append("\n")
    for what, is_may in (("clauses", False), ("clauses that leave implementations free", True)):
        text.append(_rows(matrix, [row for row in matrix.rows if (row.clause.level == "MAY") is is_may], what, every))
    legend = "  ".join(f"{sign} {word}" for sign, word in matrix.legend())
    return text.append(f"\n{legend}\n", "dim")


def _column(number: int, column: Column) -> Text:
    report = column.report
    held = " · ".join(
        f"{level} {held} of {judged} hold"
        for level in ("MUST", "SHOULD")
        for held, judged in [column.count(level)]
        if judged
    )
    style = "green" if report.verdict.conforms else "red"
    text = Text(f"{number:>3}  {cut(column.name, 40):<32} ").append(column.verdict, style).append(f" · {held}\n")
    text.append(clean(f"     {report.target['address']} · torch {report.environment.get('torch', '?')}\n"), "dim")
    for line in (report.run.problem, *report.run.notes):
        text.append(f"     {cut(clean(line), 300)}\n" if line else "", "dim")
    return text


def _rows(matrix: Matrix, rows: list[Row], what: str, every: bool) -> Text:
    shown = [row for row in rows if every or row.differs]
    if not rows:
        return Text()
    if not shown:
        return Text(f"\nof {len(rows)} {what} they differ in none\n")
    text = Text(
        f"\n{len(rows)} {what}\n" if every else f"\nof {len(rows)} {what} they differ in {len(shown)}\n", "bold"
    )
    text.append(_numbers(matrix, 4))
    for row in shown:
        text.append(_row(row))
    return text


def _numbers(matrix: Matrix, width: int) -> Text:
    numbers = "".join(f"{number:>{width}}" for number in range(1, len(matrix.columns) + 1))
    return Text(f"{'':<{_NAME + 9}}{numbers}\n", "dim")


def _row(row: Row) -> Text:
    text = Text(f"  {row.clause.slug:<{_NAME}} {row.clause.level:<6}")
    for cell in row.cells:
        text.append(f"{cell.sign:>4}", _STYLES.get(row.clause.level, "") if cell.is_wrong else "dim")
    text.append("\n")
    if row.clause.level == "MAY" and row.differs:
        for shown, columns in row.groups().items():
            numbers = " ".join(str(number + 1) for number in columns)
            text.append(f"      {numbers}: {cut(' '.join(clean(shown).split()), 200)}\n", "dim")
    return text
