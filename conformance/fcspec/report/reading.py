"""A file of `fcspec check --json` -> Report. Every fault of the file is a UsageError of one line."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import fields, replace
from pathlib import Path
from typing import Any, TypeVar, get_type_hints

from fcspec.errors import UsageError
from fcspec.report.model import FORMAT, FORMAT_VERSION, Case, ClauseResult, Report, Run
from fcspec.report.verdict import ExitCode, Verdict
from fcspec.report.words import clean
from fcspec.spec import LEVELS, Spec

Data = Mapping[str, Any]
"""A report as report.schema.json describes it."""

_Part = TypeVar("_Part", Case, ClauseResult, Run)


def data(name: str) -> Data:
    """The JSON of a report. UsageError where it is none, or of another format."""
    try:
        read = json.loads(Path(name).read_text(encoding="utf-8"))
    except OSError as error:
        raise UsageError(f"{name} cannot be read: {error.strerror or error}") from None
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{name} is no report: {error}") from None
    if not isinstance(read, dict) or read.get("format") != FORMAT:
        raise UsageError(f"{name} is no report: expected a file of fcspec check --json")
    version = read.get("format_version")
    if version != FORMAT_VERSION:
        newer = isinstance(version, int) and version > FORMAT_VERSION
        what = "; a newer fcspec wrote it: update fcspec" if newer else ""
        raise UsageError(f"{name}: expected format_version {FORMAT_VERSION}, found {version!r:.40}{what}")
    return read


def report(name: str, spec: Spec) -> Report:
    """The report in a file. UsageError where it is not whole, or of a specification that is not known here."""
    read = data(name)
    run = read.get("run")
    if isinstance(run, dict) and run.get("complete") is False and "clauses" not in read:
        raise UsageError(f"{name} is of a run that has not ended; fcspec check --json writes it again")
    try:
        found = _report(read)
        said = read["verdict"], read["run"]["exit_code"], read["run"]["planned"], read["run"]["judged"]
    except KeyError as error:
        raise UsageError(f"{name} is no whole report: {error} is missing") from None
    except (AttributeError, TypeError, ValueError) as error:
        raise UsageError(f"{name} is no whole report: {str(error)[:200]}") from None
    _check_clauses(name, found, spec)
    drawn = found.verdict, int(found.exit_code), len(found.clauses), found.judged
    for what, one, other in zip(("verdict", "exit_code", "planned", "judged"), said, drawn, strict=True):
        if one != other:
            raise UsageError(f"{name} is no whole report: its {what} is {one!r:.40}, its clauses say {other!r}")
    return found


def _check_clauses(name: str, found: Report, spec: Spec) -> None:
    known = {clause.slug for clause in spec.clauses}
    slugs = [result.clause for result in found.clauses]
    for slug in (*slugs, *found.stale):
        if slug not in known:
            raise UsageError(
                f"{name} is of specification {found.spec_version}; the one here, {spec.version}, has no clause "
                f"{slug!r:.60}: use the fcspec that wrote it, {found.fcspec_version}, or update this one"
            )
    if len(set(slugs)) < len(slugs):
        raise UsageError(f"{name} is no whole report: a clause is there twice")


def _report(read: Data) -> Report:
    target = _texts(read["target"], "target", ("address", "name"), ("file",))
    if not isinstance(target.get("line"), int | None):
        raise TypeError(f"target.line is {target['line']!r}")
    environment = _texts(read["environment"], "environment", tuple(_table(read["environment"], "environment")), ())
    clauses = tuple(_clause(one) for one in _list(read["clauses"], "clauses"))
    stale = _list(read["stale"], "stale")
    report = Report(
        _text(read["spec_version"], "spec_version"),
        target,
        environment,
        _checked(Run, _table(read["run"], "run")),
        clauses,
        tuple(_text(one, "stale") for one in stale),
        _text(read["fcspec_version"], "fcspec_version"),
    )
    return _ended(report, read["run"]["exit_code"])


def _ended(report: Report, exit_code: object) -> Report:
    """The report with what its exit code says about how the run ended."""
    unjudged = report.judged < len(report.clauses) and not (report.run.exitfirst and report.broken)
    patience = exit_code == ExitCode.NONCONFORMING and unjudged
    run = replace(report.run, interrupted=exit_code == ExitCode.INTERRUPTED, out_of_patience=patience)
    return replace(report, run=run)


def _clause(read: object) -> ClauseResult:
    table = _table(read, "a clause")
    slug = _text(table["clause"], "clause")
    cases = tuple(_checked(Case, {**_table(one, "a case"), "clause": slug}) for one in _list(table["cases"], "cases"))
    if table["level"] not in LEVELS:
        raise ValueError(f"{slug}: level is {table['level']!r}")
    verdict = None if table["verdict"] is None else Verdict(table["verdict"])
    return _checked(ClauseResult, {**table, "cases": cases, "verdict": verdict})


def _checked(kind: type[_Part], read: Data) -> _Part:
    """An object of a table; TypeError where a field has another type, KeyError where one without default is missing."""
    hints = _HINTS[kind.__name__]
    values: dict[str, Any] = {}
    for field in fields(kind):
        if field.name not in read:
            continue
        value, hint = read[field.name], hints[field.name]
        if hint == tuple[str, ...]:
            values[field.name] = tuple(_text(one, field.name) for one in _list(value, field.name))
            continue
        if field.name not in _CHECKED_BEFORE and not _is_of(value, hint):
            raise TypeError(f"{field.name} is {value!r:.60}, expected {getattr(hint, '__name__', hint)}")
        values[field.name] = clean(value) if type(value) is str else value
    return kind(**values)


_HINTS = {kind.__name__: get_type_hints(kind) for kind in (Case, ClauseResult, Run)}
_CHECKED_BEFORE = ("verdict", "cases")


def _is_of(value: object, hint: Any) -> bool:
    if isinstance(value, bool):
        return hint is bool
    return isinstance(value, float | int if hint is float else hint)


def _texts(read: object, what: str, needed: tuple[str, ...], optional: tuple[str, ...]) -> dict[str, Any]:
    table = _table(read, what)
    texts = {key: _text(table[key], f"{what}.{key}") for key in needed}
    texts |= {key: _text(table[key], f"{what}.{key}") for key in optional if table.get(key) is not None}
    return {**table, **texts}


def _table(read: object, what: str) -> dict[str, Any]:
    if not isinstance(read, dict):
        raise TypeError(f"{what} is {read!r:.60}, expected an object")
    return read


def _list(read: object, what: str) -> list[Any]:
    if not isinstance(read, list):
        raise TypeError(f"{what} is {read!r:.60}, expected a list")
    return read


def _text(read: object, what: str) -> str:
    if not isinstance(read, str):
        raise TypeError(f"{what} is {read!r:.60}, expected text")
    return clean(read)
