"""Declared deviations: a TOML file that says how a target is known to deviate, judged strictly both ways."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from packaging.requirements import InvalidRequirement, Requirement

from fcspec.errors import UsageError, did_you_mean
from fcspec.report.model import ClauseResult, Report
from fcspec.report.verdict import Verdict
from fcspec.spec import Spec

FORMAT = 1
BUILTIN = Path(__file__).parent / "declared"


@dataclass(frozen=True)
class Deviation:
    """One entry: this clause deviates in this way, for this reason.

    Attributes:
        cases: the ids of the cases that do not pass; empty: the clause as a whole.
        when: the torch releases for which it is declared; None: all.
    """

    clause: str
    verdict: Verdict
    reason: str
    cases: tuple[str, ...] = ()
    issue: str | None = None
    when: str | None = None

    def matches(self, torch_version: str) -> bool:
        return self.when is None or Requirement(self.when).specifier.contains(torch_version, prereleases=True)


def load(name: str, address: str, spec: Spec) -> tuple[Deviation, ...]:
    """Read and check a file. UsageError with file and line where it is unreadable, invalid or for another target.

    Args:
        name: a path, or "builtin" for the file that the package carries for this target.
    """
    path = BUILTIN / (address.replace(":", ".") + ".toml") if name == "builtin" else Path(name)
    if name == "builtin" and not path.is_file():
        raise UsageError(f"the package carries no deviations file for {address}; name a file")
    try:
        text = path.read_text(encoding="utf-8")
        data = tomllib.loads(text)
    except OSError as error:
        raise UsageError(f"--deviations {name} cannot be read: {error.strerror or error}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"{name} is no TOML: {error}") from None
    lines = [number for number, line in enumerate(text.splitlines(), 1) if re.match(r"\s*\[\[deviation\]\]", line)]
    if data.get("format") != FORMAT:
        raise UsageError(f"{name}:1: expected format = {FORMAT}, found {data.get('format')!r}")
    if data.get("target") != address:
        raise UsageError(f"{name}:1: declares deviations of {data.get('target')!r}, the target is {address!r}")
    unknown = set(data) - {"format", "target", "deviation"}
    if unknown:
        raise UsageError(f"{name}:1: unknown key {sorted(unknown)[0]!r}; expected format, target and [[deviation]]")
    entries = data.get("deviation", [])
    if not isinstance(entries, list) or len(lines) != len(entries):
        raise UsageError(f"{name}:1: deviations are written as [[deviation]] tables")
    read = tuple(_entry(entry, f"{name}:{line}", spec) for entry, line in zip(entries, lines, strict=True))
    slugs = [entry.clause for entry in read]
    for line, slug in zip(lines, slugs, strict=True):
        same = [entry for entry in read if entry.clause == slug]
        if len(same) > 1 and any(entry.when is None for entry in same):
            raise UsageError(f"{name}:{line}: {slug} is declared twice; several entries need a 'when' each")
    return read


def _entry(entry: dict[str, Any], where: str, spec: Spec) -> Deviation:
    fields = Deviation.__dataclass_fields__
    for key in entry:
        if key not in fields:
            raise UsageError(f"{where}: unknown key {key!r}{did_you_mean(key, fields)}")
    for key in ("clause", "verdict", "reason"):
        if not isinstance(entry.get(key), str) or not entry[key].strip():
            raise UsageError(f'{where}: an entry needs {key} = "...", and not an empty one')
    for key in ("issue", "when"):
        if not isinstance(entry.get(key, ""), str):
            raise UsageError(f'{where}: expected {key} = "...", found {entry[key]!r}')
    known = [clause.slug for clause in spec.clauses]
    if entry["clause"] not in known:
        raise UsageError(f"{where}: SPEC.md has no clause {entry['clause']!r}{did_you_mean(entry['clause'], known)}")
    wrong = [verdict for verdict in Verdict if verdict.is_wrong and verdict is not Verdict.ERROR]
    if entry["verdict"] not in wrong:
        raise UsageError(f"{where}: no verdict {entry['verdict']!r}; expected one of {', '.join(wrong)}")
    cases = entry.get("cases", [])
    if not (isinstance(cases, list) and all(isinstance(case, str) for case in cases)):
        raise UsageError(f'{where}: expected cases = ["..."], found {cases!r}')
    try:
        if entry.get("when") and Requirement(entry["when"]).name != "torch":
            raise InvalidRequirement("only torch is known")
    except InvalidRequirement as error:
        raise UsageError(f'{where}: expected when = "torch>=2.0", found {entry["when"]!r}: {error}') from None
    return Deviation(**{**entry, "verdict": Verdict(entry["verdict"]), "cases": tuple(cases)})


def apply(report: Report, declared: Sequence[Deviation]) -> Report:
    """Mark declared deviations; those that do not deviate as declared are stale."""
    in_part = report.run.in_part
    torch_version = str(report.environment.get("torch", "0"))
    active = {entry.clause: entry for entry in declared if entry.matches(torch_version)}
    results = tuple(_mark(result, active.get(result.clause), in_part) for result in report.clauses)
    judged = {result.clause: result for result in results if result.verdict is not None}
    stale = tuple(slug for slug in active if slug in judged and judged[slug].declared is None and not in_part)
    return replace(report, clauses=results, stale=stale)


def _mark(result: ClauseResult, entry: Deviation | None, in_part: bool) -> ClauseResult:
    if entry is None or result.verdict != entry.verdict:
        return result
    wrong = {case.id for case in result.cases if case.verdict.is_wrong}
    if entry.cases and not (wrong <= set(entry.cases) if in_part else wrong == set(entry.cases)):
        return result
    return replace(result, declared=entry.reason)


def write(report: Report, known: Sequence[Deviation] = ()) -> str:
    """The file that declares what a report shows.

    Args:
        known: entries of an older file: their reasons, issues and releases are kept. Every other reason is left empty, for a
            person to write.
    """
    reasons = {entry.clause: entry for entry in known}
    lines = [f"format = {FORMAT}", f'target = "{report.target["address"]}"']
    for result in report.clauses:
        if result.level == "MAY" or not result.is_wrong or result.verdict is Verdict.ERROR:
            continue
        wrong = [case.id for case in result.cases if case.verdict.is_wrong]
        lines += ["", "[[deviation]]", f'clause = "{result.clause}"', f'verdict = "{result.verdict}"']
        if len(wrong) < len(result.cases):
            lines += ["cases = [", *(f"    {json.dumps(case)}," for case in wrong), "]"]
        entry = reasons.get(result.clause)
        lines.append(f"reason = {json.dumps(entry.reason if entry else '', ensure_ascii=False)}")
        if entry is not None:
            lines += [f"{key} = {json.dumps(value)}" for key in ("issue", "when") if (value := getattr(entry, key))]
    return "\n".join(lines) + "\n"
