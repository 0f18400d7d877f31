"""Two reports, clause by clause: what is broken now, what holds now, what fails in another way."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from fcspec.errors import UsageError
from fcspec.report import reading
from fcspec.report.model import Case
from fcspec.report.plainest import plainest
from fcspec.report.reading import Data
from fcspec.report.verdict import Verdict
from fcspec.report.words import clean

_ADDRESS = re.compile(r" at 0x[0-9a-f]+")


@dataclass(frozen=True)
class Change:
    """A clause that is judged otherwise than before.

    Attributes:
        before, now: verdict and reason, in words.
        declared: it deviates now as declared.
    """

    clause: str
    level: str
    before: str
    now: str
    declared: bool = False

    def __str__(self) -> str:
        return clean(f"{self.clause} · {self.level}: {self.before} -> {self.now}")


@dataclass(frozen=True)
class Comparison:
    """What changed.

    Attributes:
        broken: what did not hold now and held before, or was not judged before.
        held: what holds now and did not before.
        otherwise: what fails in another way, or in other cases.
        missing: the clauses that were judged before, and are not now.
        part: of what was compared, in words; empty: both reports are about the same.
        strict: every SHOULD counts like a MUST.
        draft: how the target fails to call a Linear now; None: it does not.
    """

    broken: tuple[Change, ...]
    held: tuple[Change, ...]
    otherwise: tuple[Change, ...]
    missing: tuple[str, ...]
    strict: bool
    draft: str | None = None
    part: str = ""

    @property
    def worse(self) -> tuple[Change, ...]:
        """Of what is newly broken: what decides, and was not declared."""
        levels = ("MUST", "SHOULD") if self.strict else ("MUST",)
        return tuple(change for change in self.broken if change.level in levels and not change.declared)

    def lines(self) -> Iterator[str]:
        groups = (("newly broken", self.broken), ("newly held", self.held), ("otherwise", self.otherwise))
        for title, changes in groups:
            for change in changes:
                yield f"{title:<13} {change}"
        if self.draft is not None:
            yield clean(self.draft)
        if self.missing:
            more = f" and {len(self.missing) - 3} more" if len(self.missing) > 3 else ""
            yield clean(f"not judged now {', '.join(self.missing[:3])}{more}")
        counts = ", ".join(f"{len(changes)} {title}" for title, changes in groups)
        changed = f"since then: {counts}" if self.broken or self.held or self.otherwise else "nothing changed"
        yield f"{changed}{self.part}"


def load(name: str, *, whole: bool = True) -> Data:
    """Read a report. UsageError where it is none, or of a run that was not complete.

    Args:
        whole: the run must have been complete.
    """
    data = reading.data(name)
    try:
        if whole and not data["run"]["complete"]:
            raise UsageError(f"{name} is of a run that is not complete, so there is nothing to compare")
        for clause in data["clauses"]:
            judged = whole or clause["verdict"] is not None
            _ = (
                clause["clause"],
                clause["level"],
                judged and Verdict(clause["verdict"]),
                clause["reason"],
                _wrong(clause),
            )
    except (KeyError, TypeError, ValueError) as error:
        raise UsageError(f"{name} is no whole report: {type(error).__name__}: {error}") from None
    return data


def failed(name: str) -> tuple[str, ...]:
    """The ids of the cases that were wrong in a report, but for those of a MAY. UsageError where there are none."""
    data = load(name, whole=False)
    ids = tuple(id for clause in data["clauses"] if clause["level"] != "MAY" for id in _wrong(clause))
    if not ids:
        raise UsageError(f"{name}: no case failed there")
    return ids


def compare(before: Data, now: Data) -> Comparison:
    """
    Args:
        before, now: of runs that were complete; what is not judged in `now` does not count.
    """
    known = {clause["clause"]: clause for clause in before["clauses"]}
    judged = {clause["clause"]: clause for clause in now["clauses"] if clause["verdict"] is not None}
    seeds_differ = before["run"].get("seed") != now["run"].get("seed")
    broken, held, otherwise = [], [], []
    for slug, clause in judged.items():
        then = known.get(slug)
        if clause["level"] == "MAY":
            continue
        if then is not None and now["run"].get("in_part"):
            then = _restricted(then, clause)
        declared = clause.get("declared") is not None
        change = Change(slug, clause["level"], _in_words(then), _in_words(clause), declared)
        if _is_wrong(clause):
            if then is None or not _is_wrong(then):
                broken.append(change)
            elif _way(then, seeds_differ) != _way(clause, seeds_differ):
                otherwise.append(change)
        elif then is not None and _is_wrong(then) and clause["verdict"] == Verdict.PASS:
            held.append(change)
    missing = tuple(slug for slug in known if slug not in judged)
    run = now["run"]
    return Comparison(
        tuple(broken),
        tuple(held),
        tuple(otherwise),
        missing,
        bool(run.get("strict")),
        run.get("draft"),
        _part(known, judged, in_part=bool(run.get("in_part"))),
    )


def _part(known: Mapping[str, Data], judged: Mapping[str, Data], *, in_part: bool) -> str:
    """Of what was compared, in words; nothing where that is all of both."""
    both = sum(slug in known for slug in judged)
    if not in_part and both == len(known) == len(judged):
        return ""
    cases = " and some of their cases" if in_part else ""
    return f", in {both} clause{'s' if both != 1 else ''}{cases} that both judged (of {len(known)} before, {len(judged)} now)"


def _restricted(then: Data, now: Data) -> Data | None:
    """What was said of the cases that are judged now; None: nothing was."""
    ids = {case["id"] for case in now["cases"]}
    cases = [case for case in then["cases"] if case["id"] in ids]
    verdict = Verdict.worst(Verdict(case["verdict"]) for case in cases)
    if verdict is None:
        return None
    shown = plainest((Case.from_dict({**case, "clause": then["clause"]}) for case in cases), verdict)
    return {**then, "verdict": verdict, "reason": shown.reason if shown else None, "cases": cases}


def _is_wrong(clause: Data) -> bool:
    return Verdict(clause["verdict"]).is_wrong


def _wrong(clause: Data) -> list[str]:
    return [case["id"] for case in clause["cases"] if Verdict(case["verdict"]).is_wrong]


def _way(clause: Data, seeds_differ: bool) -> tuple[Any, ...]:
    """How it fails; the names that its reason shows depend on the seed."""
    reason = None if seeds_differ else _ADDRESS.sub("", clause["reason"] or "")
    return clause["verdict"], reason, _wrong(clause)


def _in_words(clause: Data | None) -> str:
    if clause is None:
        return "not judged"
    reason = f" ({clause['reason']})" if clause["reason"] and _is_wrong(clause) else ""
    cases = f" in {len(_wrong(clause))} of {len(clause['cases'])} cases" if _is_wrong(clause) else ""
    return f"{clause['verdict']}{cases}{reason}"
