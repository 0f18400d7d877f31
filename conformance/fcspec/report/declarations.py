"""A file of declared deviations, read: entries as they are written, and what each clause has declared."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from fnmatch import fnmatchcase
from typing import Any

from packaging.requirements import InvalidRequirement, Requirement

from fcspec.errors import UsageError, did_you_mean
from fcspec.report.verdict import Verdict
from fcspec.spec import Spec

FORMAT = 1
_KEYS = ("clause", "clauses", "verdict", "cases", "reason", "issue", "when", "until", "review")
_HEADER = re.compile(r"\s*\[\[\s*deviation\s*\]\]")


class Declared:
    """What entries and deviations have in common.

    Attributes:
        when: the torch releases for which it is declared; None: all.
        until: the last day on which it counts; None: it always does.
        review: the day from which on a run says that somebody should look again; None: none says so.
    """

    verdict: Verdict
    reason: str
    issue: str | None
    when: str | None
    until: date | None
    review: date | None

    def matches(self, torch_version: str) -> bool:
        return self.when is None or Requirement(self.when).specifier.contains(torch_version, prereleases=True)

    def has_ended(self, today: date) -> bool:
        return self.until is not None and self.until < today

    def is_to_review(self, today: date) -> bool:
        return self.review is not None and self.review <= today

    @property
    def said(self) -> tuple[Verdict, str, str | None, str | None, date | None, date | None]:
        """In what all clauses agree that one entry declares."""
        return self.verdict, self.reason, self.issue, self.when, self.until, self.review


@dataclass(frozen=True)
class Deviation(Declared):
    """One clause deviates in this way, for this reason.

    Attributes:
        cases: the ids of the cases that do not pass; empty: the clause as a whole.
    """

    clause: str
    verdict: Verdict
    reason: str
    cases: tuple[str, ...] = ()
    issue: str | None = None
    when: str | None = None
    until: date | None = None
    review: date | None = None


@dataclass(frozen=True)
class Entry(Declared):
    """One [[deviation]] of a file.

    Attributes:
        clauses: slugs and globs, as they are written.
        cases: the ids of the cases that do not pass, by clause; a clause that is not there deviates as a whole.
        line: of its header; 0: it is in no file yet.
    """

    clauses: tuple[str, ...]
    verdict: Verdict
    reason: str
    cases: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    issue: str | None = None
    when: str | None = None
    until: date | None = None
    review: date | None = None
    line: int = 0


def lines_of_headers(text: str) -> list[int]:
    """The numbers, from 1 on, of the lines in which an entry begins."""
    return [number for number, line in enumerate(text.split("\n"), 1) if _HEADER.match(line)]


def entries(text: str, name: str, address: str, spec: Spec, *, unfinished: bool = False) -> tuple[Entry, ...]:
    """Read and check a file. UsageError with file and line where it is invalid or for another target.

    Args:
        name: what messages call the file.
        unfinished: reasons may be empty, for a person is still to write them.
    """
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise UsageError(f"{name} is no TOML: {error}") from None
    lines = lines_of_headers(text)
    if data.get("format") != FORMAT:
        raise UsageError(f"{name}:1: expected format = {FORMAT}, found {data.get('format')!r}")
    if "target" not in data:
        raise UsageError(f'{name}:1: expected target = "{address}", found None')
    if data.get("target") != address:
        raise UsageError(f"{name}:1: declares deviations of {data.get('target')!r}, the target is {address!r}")
    unknown = set(data) - {"format", "target", "deviation"}
    if unknown:
        raise UsageError(f"{name}:1: unknown key {sorted(unknown)[0]!r}; expected format, target and [[deviation]]")
    tables = data.get("deviation", [])
    if not isinstance(tables, list) or len(lines) != len(tables):
        raise UsageError(f"{name}:1: deviations are written as [[deviation]] tables")
    read = tuple(
        _Reader(table, f"{name}:{line}", spec, unfinished).entry(line)
        for table, line in zip(tables, lines, strict=True)
    )
    _check_twice(read, name, spec)
    return read


def owners(read: Sequence[Entry], spec: Spec) -> Iterator[tuple[str, Entry]]:
    """Each clause that entries declare, with its entry. A glob leaves alone what an entry names."""
    named = {slug for entry in read for slug in entry.clauses if not is_glob(slug)}
    for entry in read:
        for slug in entry.clauses:
            if is_glob(slug):
                yield from ((one, entry) for one in _matching(slug, spec) if one not in named)
            else:
                yield slug, entry


def deviations(read: Sequence[Entry], spec: Spec) -> tuple[Deviation, ...]:
    return tuple(
        Deviation(slug, entry.verdict, entry.reason, entry.cases.get(slug, ()), *entry.said[2:])
        for slug, entry in owners(read, spec)
    )


def is_glob(text: str) -> bool:
    return any(sign in text for sign in "*?[")


def _matching(glob: str, spec: Spec) -> list[str]:
    """No MAY: nothing deviates from it."""
    return [one.slug for one in spec.clauses if one.level != "MAY" and fnmatchcase(one.slug, glob)]


def _check_twice(read: Sequence[Entry], name: str, spec: Spec) -> None:
    seen: dict[str, Entry] = {}
    for slug, entry in owners(read, spec):
        other = seen.setdefault(slug, entry)
        if other is not entry and (other.when is None or entry.when is None):
            raise UsageError(
                f"{name}:{entry.line}: {slug} is declared twice, in line {other.line} too; several entries of a clause "
                "need a 'when' each"
            )


class _Reader:
    """Checks one table.

    Args:
        where: file and line, for messages.
    """

    def __init__(self, table: dict[str, Any], where: str, spec: Spec, unfinished: bool) -> None:
        self._table, self._where, self._spec, self._unfinished = table, where, spec, unfinished

    def entry(self, line: int) -> Entry:
        for key in self._table:
            if key not in _KEYS:
                raise self._wrong(f"unknown key {key!r}{did_you_mean(key, _KEYS)}")
        clauses = self._clauses()
        return Entry(
            clauses,
            self._verdict(),
            self._needed("reason", empty=self._unfinished),
            self._cases(clauses),
            self._optional("issue"),
            self._when(),
            self._day("until"),
            self._day("review"),
            line,
        )

    def _wrong(self, what: str) -> UsageError:
        return UsageError(f"{self._where}: {what}")

    def _needed(self, key: str, *, empty: bool = False) -> str:
        value = self._table.get(key)
        if not isinstance(value, str) or not (value.strip() or empty):
            raise self._wrong(f'an entry needs {key} = "...", and not an empty one')
        return value

    def _optional(self, key: str) -> str | None:
        value = self._table.get(key)
        if not isinstance(value, str | None):
            raise self._wrong(f'expected {key} = "...", found {value!r}')
        return value

    def _clauses(self) -> tuple[str, ...]:
        if "clauses" not in self._table:
            found: Any = [self._needed("clause")]
        elif "clause" in self._table:
            raise self._wrong("expected clause or clauses, found both")
        else:
            found = self._table["clauses"]
        if not isinstance(found, list) or not found or not all(isinstance(one, str) for one in found):
            raise self._wrong(f'expected clauses = ["tie.*", ...], found {found!r}')
        known = [clause.slug for clause in self._spec.clauses]
        for one in found:
            if found.count(one) > 1:
                raise self._wrong(f"{one} is there twice")
            if not (_matching(one, self._spec) if is_glob(one) else one in known):
                what = "MUST or SHOULD that matches" if is_glob(one) else "clause"
                raise self._wrong(f"SPEC.md has no {what} {one!r}{did_you_mean(one, known)}")
        return tuple(found)

    def _verdict(self) -> Verdict:
        verdict = self._needed("verdict")
        wrong = [one for one in Verdict if one.is_wrong and one is not Verdict.ERROR]
        if verdict not in wrong:
            raise self._wrong(f"no verdict {verdict!r}; expected one of {', '.join(wrong)}")
        return Verdict(verdict)

    def _cases(self, clauses: tuple[str, ...]) -> dict[str, tuple[str, ...]]:
        cases = self._table.get("cases", {})
        if isinstance(cases, list) and len(clauses) == 1 and not is_glob(clauses[0]):
            cases = {clauses[0]: cases}
        if not isinstance(cases, dict):
            instead = f'cases."{clauses[0]}" = ["..."]' if len(clauses) > 1 else 'cases = ["..."]'
            raise self._wrong(f"expected {instead}, found {cases!r}")
        for slug, ids in cases.items():
            if not any(slug == one or (is_glob(one) and slug in _matching(one, self._spec)) for one in clauses):
                raise self._wrong(f"cases of {slug!r}, which the entry does not declare{did_you_mean(slug, clauses)}")
            if not isinstance(ids, list) or not ids or not all(isinstance(one, str) for one in ids):
                raise self._wrong(f'expected cases = ["..."], found {ids!r}')
        return {slug: tuple(ids) for slug, ids in cases.items()}

    def _when(self) -> str | None:
        when = self._optional("when")
        if when is None:
            return None
        try:
            found = Requirement(when)
        except InvalidRequirement as error:
            raise self._wrong(f'expected when = "torch>=2.0", found {when!r}: {error}') from None
        if found.name != "torch" or found.extras or found.url or found.marker:
            raise self._wrong(f'expected when = "torch>=2.0", found {when!r}: releases of torch, and nothing else')
        return when

    def _day(self, key: str) -> date | None:
        value = self._table.get(key)
        if value is not None and (not isinstance(value, date) or isinstance(value, datetime)):
            raise self._wrong(f"expected a date, as in {key} = 2027-01-31, found {str(value)!r}")
        return value
