"""Several reports side by side: clauses x implementations."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from fcspec.report.model import ClauseResult, Report
from fcspec.report.verdict import Verdict
from fcspec.report.words import clean
from fcspec.spec import Clause, Spec

_SIGNS = {
    "pass": "✓",
    "fail": "✗",
    "declared": "≈",
    "timeout": "T",
    "crash": "C",
    "exit": "X",
    "evaded": "E",
    "error": "?",
    "unsupported": "-",
    "observed": "○",
    "not judged": "·",
    "not asked": " ",
}


@dataclass(frozen=True)
class Cell:
    """One clause of one implementation; `result` is None where its run did not ask for the clause."""

    result: ClauseResult | None

    @property
    def word(self) -> str:
        """The verdict, or what stands in its place."""
        if self.result is None:
            return "not asked"
        if self.result.verdict is None:
            return "not judged"
        if self.result.declared is not None:
            return "declared"
        if self.result.level == "MAY" and self.result.verdict not in (Verdict.ERROR, Verdict.UNSUPPORTED):
            return "observed"
        return str(self.result.verdict)

    @property
    def sign(self) -> str:
        return _SIGNS[self.word]

    @property
    def is_wrong(self) -> bool:
        return self.word not in ("pass", "observed", "not judged", "not asked", "unsupported")

    @property
    def is_judged(self) -> bool:
        return self.word not in ("not judged", "not asked", "unsupported")

    @property
    def shown(self) -> str:
        """What tells it from other cells of the clause: what was observed, else the verdict."""
        if self.word == "observed" and self.result is not None:
            return self.result.observed or str(self.result.verdict)
        return self.word


@dataclass(frozen=True)
class Row:
    """A clause, and how each implementation keeps it."""

    clause: Clause
    cells: tuple[Cell, ...]

    @property
    def differs(self) -> bool:
        return len({cell.shown for cell in self.cells if cell.is_judged}) > 1

    def groups(self) -> dict[str, list[int]]:
        """The columns that show the same, those first that are wrong."""
        found: dict[str, list[int]] = {}
        for number, cell in enumerate(self.cells):
            if cell.word != "not asked":
                found.setdefault(cell.shown, []).append(number)
        return found


@dataclass(frozen=True)
class Column:
    """An implementation: its report, a name that no other column has, and the verdict in words."""

    name: str
    report: Report
    verdict: str

    def count(self, level: str) -> tuple[int, int]:
        """How many clauses of this level hold, of how many that were judged and supported."""
        return _count(one for one in self.report.clauses if one.level == level)

    def broken(self, level: str) -> int:
        held, judged = self.count(level)
        return judged - held


@dataclass(frozen=True)
class Chapter:
    """The rows of one chapter of SPEC.md."""

    name: str
    rows: tuple[Row, ...]

    def counts(self, column: int) -> str:
        """How many binding clauses hold, as in "10/15"; nothing where none was judged."""
        results = (row.cells[column].result for row in self.rows)
        held, judged = _count(one for one in results if one is not None and one.level != "MAY")
        return f"{held}/{judged}" if judged else ""


@dataclass(frozen=True)
class Matrix:
    """Clauses x implementations, in the order of SPEC.md and in the order given."""

    columns: tuple[Column, ...]
    chapters: tuple[Chapter, ...]

    @classmethod
    def of(cls, reports: Sequence[Report], spec: Spec, selected: Sequence[Clause] | None = None) -> Matrix:
        """
        Args:
            selected: the clauses to show; None: all that a report has.
        """
        by_slug = [{result.clause: result for result in report.clauses} for report in reports]
        asked = {slug for results in by_slug for slug in results}
        chapters: dict[str, list[Row]] = {}
        for clause in spec.clauses if selected is None else selected:
            if clause.slug in asked:
                cells = tuple(Cell(results.get(clause.slug)) for results in by_slug)
                chapters.setdefault(clause.chapter, []).append(Row(clause, cells))
        named = zip(_names(reports), reports, strict=True)
        columns = tuple(Column(name, report, verdict_in_words(report, spec)) for name, report in named)
        return cls(columns, tuple(Chapter(name, tuple(rows)) for name, rows in chapters.items()))

    @property
    def rows(self) -> Iterator[Row]:
        for chapter in self.chapters:
            yield from chapter.rows

    def legend(self) -> tuple[tuple[str, str], ...]:
        """(sign, word) for what occurs."""
        words = {cell.word for row in self.rows for cell in row.cells}
        return tuple((sign, word) for word, sign in _SIGNS.items() if word in words and sign != " ")


def verdict_in_words(report: Report, spec: Spec) -> str:
    """The verdict; where it is a good one and not every clause of the profiles was judged, of how many."""
    of = len(spec.select(report.run.profiles))
    if report.verdict.conforms and len(report.clauses) < of:
        return f"{report.verdict} in {len(report.clauses)} of {of} clauses"
    return str(report.verdict)


def _count(results: Iterator[ClauseResult]) -> tuple[int, int]:
    judged = [one for one in results if one.verdict not in (None, Verdict.UNSUPPORTED)]
    return sum(one.holds for one in judged), len(judged)


def _names(reports: Sequence[Report]) -> list[str]:
    """A short name for each: the target's, else its module's; with torch's version, or a number, where it occurs twice."""
    names = [_name(report) for report in reports]
    counts = Counter(names)
    names = [
        name if counts[name] == 1 else f"{name} · torch {clean(str(report.environment.get('torch', '?')))}"
        for name, report in zip(names, reports, strict=True)
    ]
    seen: Counter[str] = Counter()
    for position, name in enumerate(names):
        seen[name] += 1
        if seen[name] > 1:
            names[position] = f"{name} ({seen[name]})"
    return names


def _name(report: Report) -> str:
    place, _, attribute = clean(str(report.target["address"])).rpartition(":")
    name = clean(str(report.target["name"]))
    if name not in (attribute, attribute.rpartition(".")[2]):
        return name
    return place.rpartition("/")[2].removesuffix(".py") or name
