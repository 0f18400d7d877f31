"""What `fcspec compare` shows in a terminal: implementations, chapters, and where they differ."""

from __future__ import annotations

from rich.text import Text

from fcspec.report.matrix import Column, Matrix, Row
from fcspec.report.words import WIDTH, clean, cut, wrapped

_STYLES = {"MUST": "red", "SHOULD": "yellow"}
_NAME, _CHAPTER = 34, 16


def screen(matrix: Matrix, *, every: bool = False, width: int = WIDTH) -> Text:
    """
    Args:
        every: every clause, not only those in which implementations differ.
        width: of a line; where not all implementations fit, the rest of them follows below.
    """
    text = Text()
    for number, column in enumerate(matrix.columns, 1):
        text.append(_column(number, column, width))
    for part in _parts(matrix, width - _CHAPTER, 8):
        text.append("\n").append(_numbers(part, _CHAPTER, 8))
        for chapter in matrix.chapters:
            counts = "".join(f"{chapter.counts(number):>8}" for number in part)
            text.append(f"{f'  {chapter.name}':<{_CHAPTER}}{counts}\n")
    for what, is_may in (("clause", False), ("clause that leaves implementations free", True)):
        rows = [row for row in matrix.rows if (row.clause.level == "MAY") is is_may]
        text.append(_rows(matrix, rows, what, every, width))
    legend = "  ".join(f"{sign} {word}" for sign, word in matrix.legend())
    return text.append("\n" + "\n".join(wrapped(legend, width)) + "\n", "dim")


def _parts(matrix: Matrix, room: int, each: int) -> list[range]:
    """The numbers of the columns that stand beside each other."""
    several, count = max(1, room // each), len(matrix.columns)
    return [range(start, min(count, start + several)) for start in range(0, count, several)]


def _column(number: int, column: Column, width: int) -> Text:
    report = column.report
    held = " · ".join(
        f"{level} {held} of {judged} hold"
        for level in ("MUST", "SHOULD")
        for held, judged in [column.count(level)]
        if judged
    )
    style = "green" if report.verdict.conforms else "red"
    name, verdict = f"{number:>3}  {cut(column.name, 40):<20}", column.verdict
    text = Text("\n".join(wrapped(f"{name}  {verdict} · {held}", width, "", " " * 5)) + "\n")
    text.highlight_words([verdict], style)
    place = f"{report.target['address']} · torch {report.environment.get('torch', '?')}"
    lines = [place, *(cut(line, 300) for line in (report.run.problem, *report.run.notes) if line)]
    for line in lines:
        text.append("\n".join(wrapped(clean(line), width, " " * 5, " " * 7)) + "\n", "dim")
    return text


def _rows(matrix: Matrix, rows: list[Row], what: str, every: bool, width: int) -> Text:
    shown = [row for row in rows if every or row.differs]
    if not rows:
        return Text()
    count = f"{len(rows)} {what if len(rows) == 1 else what.replace('clause', 'clauses').replace('leaves', 'leave')}"
    differ = f"of {count} they differ in {len(shown) or 'none'}"
    head = "\n".join(wrapped(count if every else differ, width, "", "  "))
    if not shown:
        return Text(f"\n{head}\n")
    text = Text(f"\n{head}\n", "bold")
    parts = _parts(matrix, width - _NAME - 9, 4)
    for part in parts:
        text.append(_numbers(part, _NAME + 9, 4))
        for row in shown:
            text.append(_row(row, part, width, observed=part == parts[-1]))
    return text


def _numbers(part: range, left: int, width: int) -> Text:
    return Text(f"{'':<{left}}{''.join(f'{number + 1:>{width}}' for number in part)}\n", "dim")


def _row(row: Row, part: range, width: int, *, observed: bool) -> Text:
    text = Text(f"  {row.clause.slug:<{_NAME}} {row.clause.level:<6}")
    for cell in (row.cells[number] for number in part):
        text.append(f"{cell.sign:>4}", _STYLES.get(row.clause.level, "") if cell.is_wrong else "dim")
    text.append("\n")
    if row.clause.level == "MAY" and row.differs and observed:
        for shown, columns in row.groups().items():
            numbers = " ".join(str(number + 1) for number in columns)
            line = f"{numbers}: {cut(' '.join(clean(shown).split()), 200)}"
            text.append("\n".join(wrapped(line, width, " " * 6, " " * 8)) + "\n", "dim")
    return text
