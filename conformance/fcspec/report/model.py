"""The report as data: built from judged cases, to and from JSON."""

from __future__ import annotations

import json
import os
import sys
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from fcspec import __version__
from fcspec.report.plainest import plainest
from fcspec.report.shard import Shard
from fcspec.report.verdict import ExitCode, Overall, Verdict
from fcspec.spec import Clause, Spec

FORMAT = "fcspec-report"
FORMAT_VERSION = 1


@dataclass(frozen=True)
class Case:
    """One judged test.

    Attributes:
        id: file::name; pytest's nodeid would depend on the caller's folder.
        clause: the slug it is about.
        reason: one line: why it is no pass.
        message: pytest's full text of the failure.
        stimulus: the call during which it happened.
        observed: what a MAY case saw.
        output: what was printed while it ran, where it is no pass.
    """

    id: str
    clause: str
    verdict: Verdict
    reason: str | None = None
    seconds: float = 0.0
    stimulus: str | None = None
    message: str | None = None
    observed: str | None = None
    output: str | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "verdict", Verdict(self.verdict))  # ValueError where a report holds another word

    def as_dict(self) -> dict[str, Any]:
        return {**vars(self)}  # no value is a dataclass or can change: asdict would copy each, and there are thousands

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Case:
        return cls(**{key: data[key] for key in cls.__dataclass_fields__ if key in data})


@dataclass(frozen=True)
class ClauseResult:
    """What the cases of one clause say together. `verdict` is None where not every case was judged.

    Attributes:
        reproducer: a script that fails alone as the clause's case did; None where none was made, or none does.
    """

    clause: str
    level: str
    profile: str
    verdict: Verdict | None
    cases: tuple[Case, ...]
    declared: str | None = None
    observed: str | None = None
    reason: str | None = None
    reproducer: str | None = None

    @property
    def seconds(self) -> float:
        return round(sum(case.seconds for case in self.cases), 3)

    @property
    def holds(self) -> bool:
        return self.verdict is Verdict.PASS

    @property
    def is_wrong(self) -> bool:
        """It was judged, and does not hold."""
        return self.verdict is not None and self.verdict.is_wrong

    @property
    def plainest(self) -> Case | None:
        """The case that every view shows, and that `reason` is of."""
        return plainest(self.cases, self.verdict)


@dataclass(frozen=True)
class Run:
    """How the suite ran.

    Attributes:
        draft: how the target fails to call a Linear where no pytest is; None: it does not. It can't conform then.
        in_part: only some cases were asked for.
    """

    profiles: tuple[str, ...] = ("core",)
    isolation: str = "fork"
    workers: int = 1
    seed: int = 0
    strict: bool = False
    started: str = ""
    seconds: float = 0.0
    interrupted: bool = False
    out_of_patience: bool = False
    exitfirst: bool = False
    problem: str | None = None
    notes: tuple[str, ...] = ()
    draft: str | None = None
    in_part: bool = False
    shard: Shard | None = None


@dataclass(frozen=True)
class Report:
    """Everything a run found out; views draw it, nothing else is needed."""

    spec_version: str
    target: Mapping[str, Any]
    environment: Mapping[str, Any]
    run: Run
    clauses: tuple[ClauseResult, ...]
    stale: tuple[str, ...] = ()
    fcspec_version: str = field(default=__version__)

    @property
    def judged(self) -> int:
        return sum(result.verdict is not None for result in self.clauses)

    @property
    def complete(self) -> bool:
        return self.judged == len(self.clauses) and not self.run.interrupted and self.run.problem is None

    def required(self) -> tuple[ClauseResult, ...]:
        """The clauses that decide: every MUST, with --strict every SHOULD too."""
        levels = ("MUST", "SHOULD") if self.run.strict else ("MUST",)
        return tuple(result for result in self.clauses if result.level in levels)

    @property
    def broken(self) -> tuple[ClauseResult, ...]:
        """Required clauses that do not hold and were not declared."""
        return tuple(result for result in self.required() if result.is_wrong and result.declared is None)

    @property
    def exit_code(self) -> ExitCode:
        if self.run.interrupted:
            return ExitCode.INTERRUPTED
        errors = any(result.verdict is Verdict.ERROR for result in self.clauses)
        ended = self.run.out_of_patience or (self.run.exitfirst and bool(self.broken))
        unjudged = self.judged < len(self.clauses) and not ended
        if self.run.problem is not None or errors or unjudged:
            return ExitCode.INCOMPLETE
        if self.broken or self.stale or self.run.out_of_patience or self.run.draft is not None:
            return ExitCode.NONCONFORMING
        if not any(result.verdict not in (None, Verdict.UNSUPPORTED) for result in self.clauses):
            return ExitCode.NOTHING
        return ExitCode.CONFORMING

    @property
    def verdict(self) -> Overall:
        if self.exit_code == ExitCode.NONCONFORMING:
            return Overall.NONCONFORMING
        if self.exit_code != ExitCode.CONFORMING:
            return Overall.INCOMPLETE
        return Overall.AS_DECLARED if any(result.declared for result in self.required()) else Overall.CONFORMING

    def as_dict(self) -> dict[str, Any]:
        """The JSON document that report.schema.json describes."""
        run = asdict(self.run)
        del run["interrupted"], run["out_of_patience"]  # the exit code says both
        run = {key: value for key, value in run.items() if key not in ("draft", "in_part", "shard") or value}
        return {
            "format": FORMAT,
            "format_version": FORMAT_VERSION,
            "spec_version": self.spec_version,
            "fcspec_version": self.fcspec_version,
            "target": dict(self.target),
            "environment": dict(self.environment),
            "run": {
                **run,
                "profiles": list(self.run.profiles),
                "notes": list(self.run.notes),
                "exit_code": int(self.exit_code),
                "planned": len(self.clauses),
                "judged": self.judged,
                "complete": self.complete,
            },
            "verdict": self.verdict,
            "stale": list(self.stale),
            "clauses": [_clause_as_dict(result) for result in self.clauses],
        }


def _clause_as_dict(result: ClauseResult) -> dict[str, Any]:
    data = asdict(result)
    cases = [_case_as_dict(case) for case in data["cases"]]
    if data["reproducer"] is None:
        del data["reproducer"]
    return {**data, "seconds": result.seconds, "cases": cases}


def _case_as_dict(case: Mapping[str, Any]) -> dict[str, Any]:
    left_out = ("clause", "observed") if case["output"] else ("clause", "observed", "output")
    return {key: value for key, value in case.items() if key not in left_out}


def judge(
    spec: Spec,
    plan: Mapping[str, Sequence[str]],
    cases: Iterable[Case],
    *,
    target: Mapping[str, Any],
    environment: Mapping[str, Any],
    run: Run,
) -> Report:
    """Put judged cases together, clause by clause, in SPEC.md's order.

    Args:
        plan: the ids of the cases that were to run, by clause.
        cases: those that were judged, in any order.
    """
    by_id = {case.id: case for case in cases}
    results = tuple(_judge_clause(clause, plan[clause.slug], by_id) for clause in spec.clauses if clause.slug in plan)
    return Report(spec.version, target, environment, run, results)


def _judge_clause(clause: Clause, planned: Sequence[str], by_id: Mapping[str, Case]) -> ClauseResult:
    cases = tuple(by_id[id] for id in planned if id in by_id)
    verdict = Verdict.worst(case.verdict for case in cases)
    if verdict is not None and not verdict.is_wrong and len(cases) < len(planned):
        verdict = None  # what was not judged might have failed
    result = ClauseResult(clause.slug, clause.level, clause.profile, verdict, cases)
    if clause.level == "MAY":
        seen = dict.fromkeys(
            case.observed or case.verdict for case in cases if case.observed or case.verdict is not Verdict.PASS
        )
        result = replace(result, observed="; ".join(seen) or None)
    shown = result.plainest
    return replace(result, reason=shown.reason if shown else None)


def counts(report: Report) -> str:
    """How many of the clauses that were judged hold, as in "MUST 66 of 83 hold, SHOULD 20 of 43 hold"."""
    parts = []
    for level in ("MUST", "SHOULD"):
        judged = [
            one for one in report.clauses if one.level == level and one.verdict not in (None, Verdict.UNSUPPORTED)
        ]
        if judged:
            parts.append(f"{level} {sum(one.holds for one in judged)} of {len(judged)} hold")
    return ", ".join(parts) or "nothing judged"


def as_json(report: Mapping[str, Any]) -> str:
    return json.dumps(report, indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def write_json(report: Mapping[str, Any], path: Path) -> None:
    write_text(as_json(report), path)


def write_text(text: str, path: Path) -> None:
    """Atomically, where a regular file is or none yet: a reader sees the old file or the whole new one."""
    if is_stdout(path):
        sys.stdout.flush()
        with open(1, "w", encoding="utf-8", closefd=False) as stdout:
            stdout.write(text)
    elif is_stream(path):
        path.write_text(text, encoding="utf-8")
    else:
        _replace(Path(os.path.realpath(path)), text)


def is_stdout(path: Path) -> bool:
    try:
        return str(path) == "-" or os.path.samestat(os.stat(path), os.fstat(1))
    except OSError:
        return False


def is_stream(path: Path) -> bool:
    """Whether it is stdout, a pipe or a device: what is written there cannot be replaced."""
    return is_stdout(path) or (path.exists() and not path.is_file())


def _replace(path: Path, text: str) -> None:
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with open(handle, "w", encoding="utf-8") as file:
            file.write(text)
        mask = os.umask(0)
        os.umask(mask)
        os.chmod(temporary, 0o666 & ~mask)
        os.replace(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise
