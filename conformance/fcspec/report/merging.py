"""Shards of one run, judged on different machines, and the report that they make together."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from fcspec.errors import UsageError
from fcspec.report.model import Case, ClauseResult, Report, Run
from fcspec.report.reading import Data
from fcspec.report.verdict import ExitCode, Verdict
from fcspec.spec import Spec

_ALIKE = (
    (("target", "address"), "target"),
    (("spec_version",), "specification"),
    (("fcspec_version",), "fcspec"),
    (("environment", "torch"), "torch"),
    (("run", "strict"), "strict"),
    (("run", "seed"), "seed"),
    (("run", "shard", "of"), "number of shards"),
    (("run", "shard", "profiles"), "profiles"),
    (("run", "shard", "clauses"), "clauses"),
)
"""In what shards of one run agree."""


def has_ended(data: Data) -> bool:
    """Whether it is a report, and not what stands in its file until a run has ended."""
    run = data.get("run")
    return "clauses" in data or not isinstance(run, dict) or run.get("complete") is not False


def merge(reports: Mapping[str, Data], spec: Spec, unfinished: Sequence[str] = ()) -> Report:
    """The report of all shards: not complete where one is missing, or was cut off. UsageError where they are not of one run.

    Args:
        reports: by the names of their files.
        unfinished: the names of files of runs that have not ended.
    """
    if not reports:
        raise UsageError(f"{', '.join(unfinished)}: no run that has ended, so there is nothing to merge")
    _check(reports, spec)
    found = [*reports.values()]
    first = found[0]
    shard = first["run"]["shard"]
    there = {one["run"]["shard"]["index"] for one in found}
    missing = [str(number) for number in range(1, shard["of"] + 1) if number not in there]
    results = {one["clause"]: _result(one) for report in found for one in report["clauses"]}
    chosen = spec.select(shard["profiles"], shard["clauses"])
    clauses = tuple(
        results.get(clause.slug) or ClauseResult(clause.slug, clause.level, clause.profile, None, ())
        for clause in chosen
    )
    problems = [f"shard {', '.join(missing)} of {shard['of']} is missing"] if missing else []
    problems += [f"{name} is of a run that has not ended" for name in unfinished]
    problems += [line for report in found for line in _problems(report["run"])]
    profiles = tuple(shard["profiles"]) or tuple(dict.fromkeys(clause.profile for clause in chosen))
    return Report(
        spec.version,
        first["target"],
        first["environment"],
        _run([report["run"] for report in found], profiles, "; ".join(problems) or None),
        clauses,
        tuple(slug for report in found for slug in report["stale"]),
    )


def _problems(run: Data) -> Iterator[str]:
    """Why a shard is not complete."""
    if run["problem"]:
        yield run["problem"]
    if run["exit_code"] == ExitCode.INTERRUPTED:
        yield f"shard {run['shard']['index']} of {run['shard']['of']} was interrupted"


def _check(reports: Mapping[str, Data], spec: Spec) -> None:
    first_name, first = next(iter(reports.items()))
    seen: dict[int, str] = {}
    for name, report in reports.items():
        if not report["run"].get("shard"):
            raise UsageError(f"{name} is no shard: expected a report of fcspec check --shard I/N --json")
        for path, what in _ALIKE:
            one, other = _at(first, path), _at(report, path)
            if one != other:
                raise UsageError(f"{name} and {first_name} are not of one run: {what} {other!r} and {one!r}")
        index = report["run"]["shard"]["index"]
        if index in seen:
            raise UsageError(f"{name} and {seen[index]} are both shard {index}")
        seen[index] = name
    if first["spec_version"] != spec.version:
        raise UsageError(f"{first_name} is about SPEC.md {first['spec_version']}; merge it where that is installed")


def _at(report: Data, path: Sequence[str]) -> Any:
    found: Any = report
    for key in path:
        found = found.get(key) if isinstance(found, Mapping) else None
    return found


def _result(data: Data) -> ClauseResult:
    cases = tuple(Case.from_dict({**case, "clause": data["clause"]}) for case in data["cases"])
    verdict = None if data["verdict"] is None else Verdict(data["verdict"])
    more = {key: data[key] for key in ("declared", "observed", "reason")}
    return ClauseResult(data["clause"], data["level"], data["profile"], verdict, cases, **more)


def _run(runs: Sequence[Data], profiles: tuple[str, ...], problem: str | None) -> Run:
    return Run(
        profiles=profiles,
        isolation=runs[0]["isolation"],
        workers=sum(run["workers"] for run in runs),
        seed=runs[0]["seed"],
        strict=runs[0]["strict"],
        started=min(run["started"] for run in runs),
        seconds=round(sum(run["seconds"] for run in runs), 2),
        problem=problem,
        out_of_patience=any(_is_out_of_patience(run) for run in runs),
        exitfirst=any(run.get("exitfirst", False) for run in runs),
        notes=tuple(dict.fromkeys(note for run in runs for note in run.get("notes", ()))),
        draft=next((run["draft"] for run in runs if run.get("draft")), None),
        in_part=any(run.get("in_part", False) for run in runs),
    )


def _is_out_of_patience(run: Data) -> bool:
    ended = run["exit_code"] == ExitCode.NONCONFORMING and run["judged"] < run["planned"]
    return ended and not run.get("exitfirst", False)
