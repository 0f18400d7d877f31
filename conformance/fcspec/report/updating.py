"""A file of declared deviations brought up to date, with its comments and in its order."""

from __future__ import annotations

import importlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from fnmatch import fnmatchcase
from typing import Any

from fcspec.errors import UsageError
from fcspec.report import declarations
from fcspec.report.cause import causes
from fcspec.report.declarations import Entry, is_glob
from fcspec.report.declaring import deviating, entry_of, entry_text, new_entries, wrong_cases
from fcspec.report.deviations import ended, torch_version
from fcspec.report.model import ClauseResult, Report
from fcspec.report.verdict import Verdict
from fcspec.report.words import cut, listed, squeezed
from fcspec.spec import Spec

_MOST_OF_A_CAUSE = 100


def tomlkit() -> Any:
    """What reads TOML with its comments. UsageError where it is not installed."""
    try:
        return importlib.import_module("tomlkit")
    except ImportError:
        raise UsageError("--update needs tomlkit: python -m pip install 'fcspec[update]'") from None


def update(text: str, entries: Sequence[Entry], report: Report, spec: Spec, today: date) -> tuple[str, tuple[str, ...]]:
    """Take out what holds now, correct what deviates otherwise, add what is new with an empty reason.

    Args:
        text: of the file.
        entries: of the file. Those for other releases of torch stay as they are.

    Returns:
        The text, and a line for each change.
    """
    toml = tomlkit()
    document = toml.parse(text)
    here = [entry for entry in entries if entry.matches(torch_version(report))]
    of = dict(declarations.owners(here, spec))
    found = _Update(report, spec, today, toml)
    for entry, table in zip(entries, document.get("deviation", []), strict=True):
        if entry in here:
            found.judge(entry, [slug for slug, owner in of.items() if owner is entry], table)
    new = [one for slug, one in deviating(report).items() if slug not in of]
    for cause in causes(new, spec, str(report.target["address"])):
        words = f" need a reason ({cut(squeezed(cause.words), _MOST_OF_A_CAUSE)})"
        found.lines.append(_line("new", [one.clause for one in cause.results], ": it needs a reason", words))
    behind = found.behind | {None: new_entries(report, spec, entries)}
    return _put_together(document.as_string(), entries, found.gone, behind), tuple(found.lines)


def _line(what: str, slugs: Sequence[str], one: str, several: str) -> str:
    """What happened to some laws, in a line: with what is said of one, or of several."""
    if len(slugs) == 1:
        return f"{what:<8} {slugs[0]}{one}"
    return f"{what:<8} {len(slugs)} laws{several}: {listed(slugs)}"


@dataclass
class _Update:
    """
    Attributes:
        gone: the entries that declare nothing any more, by the lines of their headers.
        behind: entries, as text, that come behind the one in whose line its header is.
    """

    report: Report
    spec: Spec
    today: date
    toml: Any
    lines: list[str] = field(default_factory=list)
    gone: set[int] = field(default_factory=set)
    behind: dict[int | None, list[str]] = field(default_factory=dict)

    def judge(self, entry: Entry, slugs: Sequence[str], table: Any) -> None:
        """Compare what an entry declares with the report, and change its table.

        Args:
            slugs: the clauses for which it counts.
        """
        results = {one.clause: one for one in self.report.clauses if one.clause in slugs}
        wrong = {slug: one for slug, one in results.items() if one.is_wrong and one.verdict is not Verdict.ERROR}
        kept = [slug for slug in slugs if slug in wrong or not results[slug].holds]
        stale = [slug for slug in slugs if slug not in kept]
        if stale:
            self.lines.append(_line("stale", stale, " holds now: taken out", " hold now, taken out"))
        if wrong and entry.has_ended(self.today):
            self.lines.append(f"ended    {ended(entry, ', '.join(wrong))}: set another day, or mend it")
        others: dict[Verdict, list[str]] = {}
        for slug, one in wrong.items():
            if one.verdict is not None and one.verdict is not entry.verdict:
                others.setdefault(one.verdict, []).append(slug)
        for verdict, moved in others.items():
            self.lines.append(_line("changed", moved, *([f": {entry.verdict} -> {verdict}"] * 2)))
        stay = [slug for slug in kept if not any(slug in moved for moved in others.values())]
        if others and not stay:
            verdict, stay = others.popitem()
            table["verdict"] = str(verdict)
        if not kept:
            self.gone.add(entry.line)
            return
        _set_clauses(table, slugs, stay)
        self._set_cases(table, entry, [slug for slug in stay if slug in wrong], wrong)
        for verdict, moved in others.items():
            text = entry_text(entry_of(replace(entry, verdict=verdict), moved, wrong, self.spec))
            self.behind.setdefault(entry.line, []).append(text)

    def _set_cases(self, table: Any, entry: Entry, slugs: Sequence[str], wrong: Mapping[str, ClauseResult]) -> None:
        """List the cases that fail now of each clause that lists cases; of one that has left the entry, none."""
        for slug, written in entry.cases.items():
            now = wrong_cases(wrong[slug]) if slug in slugs else ()
            if now and set(now) == set(written):
                continue
            holder, key = (table["cases"], slug) if isinstance(table["cases"], dict) else (table, "cases")
            if not now or len(now) == len(wrong[slug].cases):
                del holder[key]
            else:
                holder[key] = self.toml.array().multiline(True)
                holder[key].extend(now)
        changed = [
            slug for slug in entry.cases if slug in slugs and set(entry.cases[slug]) != set(wrong_cases(wrong[slug]))
        ]
        if changed:
            self.lines.append(_line("changed", changed, ": it fails in other cases", " fail in other cases"))
        if entry.cases and not len(table.get("cases", [""])):
            del table["cases"]


def _set_clauses(table: Any, slugs: Sequence[str], stay: Sequence[str]) -> None:
    """Leave these in the list; a glob that matches others too becomes their names."""
    if len(stay) == len(slugs):
        return
    array = table["clauses"]
    for place in reversed(range(len(array))):
        written = str(array[place])
        mine = [slug for slug in slugs if fnmatchcase(slug, written)] if is_glob(written) else [written]
        left = [slug for slug in mine if slug in stay]
        if len(left) < len(mine):
            del array[place]
            for slug in reversed(left if is_glob(written) else []):
                if slug not in array:
                    array.insert(place, slug)
    if "\n" not in array.as_string():
        whole = [*array]
        array.clear()  # tomlkit inserts without a space behind the comma, and appends with one
        array.extend(whole)


def _put_together(
    text: str, entries: Sequence[Entry], gone: set[int], behind: Mapping[int | None, Sequence[str]]
) -> str:
    """The text without the entries that are gone, and with those that come behind others; None: behind the last one.

    Comments above an entry stay: they may be about those that follow, too.
    """
    end = "\r\n" if "\r\n" in text else "\n"
    lines = text.split("\n")
    starts = [line - 1 for line in declarations.lines_of_headers(text)]
    for number in reversed(range(len(entries))):
        start, stop = starts[number], (*starts, len(lines))[number + 1]
        while not lines[stop - 1].strip() or lines[stop - 1].lstrip().startswith("#"):
            stop -= 1
        added = [line for one in behind.get(entries[number].line, ()) for line in f"{end}{one}".rstrip().split("\n")]
        lines[stop:stop] = added
        if entries[number].line in gone:
            while stop < len(lines) and not lines[stop].strip():
                stop += 1
            del lines[start:stop]
    new = "".join(f"\n{one}" for one in behind[None])
    whole = "\n".join(lines).rstrip() + "\n" + new
    return whole.replace("\r\n", "\n").replace("\n", end)
