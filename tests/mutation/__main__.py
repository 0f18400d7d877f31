"""Every generated mutant of the reference against the suite: `python tests/mutation`.

Prints which mutants survive, and exits 1 where one does that survivors.toml does not explain. Each is judged by the cases of all
MUSTs and SHOULDs, up to the first that is wrong; examples of SPEC.md do not count. Profile compile is left out: compiling takes
longer than everything else together.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
import tomllib
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
sys.path.insert(0, str(Path(__file__).parents[1]))

import fcspec_reference
from fcspec.errors import UsageError
from fcspec.report.model import Report
from fcspec.runner import Session
from fcspec.spec import load_spec
from operators import Mutant, mutants
from support.judging import NO_EXAMPLES, judge_all, judge_source, wrong_cases

SURVIVORS = Path(__file__).with_name("survivors.toml")
ORIGINAL = "the source itself"  # in the place of a mutant
REFUSED = "refused before it is judged"


class Score:
    """How many were caught, and which survive."""

    def __init__(self, total: int) -> None:
        self.total = total
        self.started = time.monotonic()
        self.survivors: list[Mutant] = []
        self.done = 0

    def note(self, mutant: Mutant, caught_by: str | None) -> None:
        if mutant.place == ORIGINAL:
            if caught_by is not None:
                sys.exit(f"the source itself does not conform ({caught_by}): name the profiles that it claims")
            return
        self.done += 1
        if caught_by is None:
            self.survivors.append(mutant)
            print(f"\nsurvives: {mutant.name}", file=sys.stderr, flush=True)
        rest = (time.monotonic() - self.started) / self.done * (self.total - self.done)
        line = f"{self.done}/{self.total} mutants, {len(self.survivors)} survive, about {rest / 60:.0f} min left"
        if sys.stderr.isatty():
            print(f"\r{line:<70}", end="", file=sys.stderr, flush=True)
        elif self.done % 50 == 0 or self.done == self.total:
            print(line, file=sys.stderr, flush=True)


def caught_by(report: Report | None) -> str | None:
    """The first case that is wrong, or what else shows that it is no functional_call; None: nothing does."""
    if report is None:
        return REFUSED
    return next(iter(wrong_cases(report)), report.run.problem)


def explained() -> dict[str, str]:
    """The mutants that are allowed to survive, by name, with the reason."""
    if not SURVIVORS.exists():
        return {}
    entries = tomllib.loads(SURVIVORS.read_text(encoding="utf-8"))["mutant"]
    return {entry["name"]: entry["reason"] for entry in entries}


def job(mutant: Mutant, profiles: tuple[str, ...], seconds: float) -> Callable[[Session], Report | None]:
    def run(session: Session) -> Report | None:
        try:
            return judge_source(
                session,
                mutant.source,
                profiles=profiles,
                workers=1,
                timeout=seconds,
                exitfirst=True,
                exclude=(*NO_EXAMPLES, "test_hazards.py::*"),
            )
        except UsageError:
            return None

    return run


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--seconds", type=float, default=10.0, help="for one case")
    parser.add_argument("--only", default="", help="mutants whose name has this in it")
    parser.add_argument("--source", type=Path, default=Path(fcspec_reference.__file__), help="of what implementation")
    parser.add_argument("--profile", action="append", help="judge by these profiles (default: all but compile)")
    options = parser.parse_args()
    source = options.source.read_text(encoding="utf-8")
    found = [mutant for mutant in mutants(source) if options.only in mutant.name]
    score = Score(len(found))
    profiles = tuple(options.profile or [profile for profile in load_spec().profiles if profile != "compile"])
    jobs = [(mutant, job(mutant, profiles, options.seconds)) for mutant in (Mutant(ORIGINAL, "", "", source), *found)]
    for mutant, report in judge_all(jobs, workers=options.workers, profiles=profiles):
        score.note(mutant, caught_by(report))
    if not found:
        print("no such mutant")
        return 1
    known = explained()
    new = [mutant for mutant in score.survivors if mutant.name not in known]
    for mutant in new:
        print(f"survives: {mutant.name}")
    old = len(score.survivors) - len(new)
    caught = len(found) - len(score.survivors)
    print(f"{caught} of {len(found)} mutants caught; {old} survive for a known reason, {len(new)} without")
    if not options.only and options.source == Path(fcspec_reference.__file__):
        for name in known.keys() - {mutant.name for mutant in score.survivors}:
            print(f"no longer survives, or is gone: {name}")
    return 1 if new else 0


if __name__ == "__main__":
    sys.exit(main())
