"""Every generated mutant of correct implementations against the suite: `python tests/mutation [FILE ...]`.

FILE is the source of an implementation, `functional_call` in it; without one, the reference and two twins. Prints which mutants
survive, and exits 1 where one does that survivors.toml does not explain. A mutant is judged by core up to the first case that
is wrong; where no case is, by the other profiles that its original keeps. Examples of SPEC.md and hazards do not count.
With --results FILE verdicts are written as they come, and those that are there already are not asked for again.
Each of several workers judges one mutant after the other.
"""

from __future__ import annotations

import argparse
import hashlib
import itertools
import json
import os
import sys
import threading
from dataclasses import dataclass, field
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

import fcspec_reference
from fcspec.errors import UsageError
from fcspec.runner import Session
from fcspec.spec import CORE, load_spec
from support.judging import NO_EXAMPLES, judge_all, judge_source, wrong_cases

from mutation.operators import Mutant, changed, mutants
from mutation.survivors import survivors

TWINS = Path(__file__).parents[1] / "twins"
TARGETS = [Path(fcspec_reference.__file__), TWINS / "keyword_only.py", TWINS / "slot_swap.py"]
FURTHER = [profile for profile in load_spec().profiles if profile != CORE]


@dataclass(frozen=True)
class Judge:
    """Says which case is the first that is wrong.

    Attributes:
        seconds: for one case.
        seen: earlier verdicts, by the digest of a source and the profiles.
        results: where new ones are written.
    """

    seconds: float
    seen: dict[str, str | None]
    results: Path | None
    writing: threading.Lock = field(default_factory=threading.Lock)

    def first_wrong(self, session: Session, source: str, *profiles: str) -> str | None:
        """The id of the case, or what else shows that this is no functional_call; None: nothing does.

        Each profile is asked only where those before it find nothing.
        """
        for profile in profiles:
            key = hashlib.sha256(f"{source}\n{(profile,)}".encode()).hexdigest()
            if key not in self.seen:
                self.seen[key] = self._judge(session, source, profile)
                if self.results is not None:
                    with self.writing, self.results.open("a", encoding="utf-8") as file:
                        print(json.dumps([key, self.seen[key]]), file=file)
            if self.seen[key] is not None:
                return self.seen[key]
        return None

    def _judge(self, session: Session, source: str, profile: str) -> str | None:
        try:
            report = judge_source(
                session,
                source,
                profiles=(profile,),
                workers=1,
                timeout=self.seconds,
                exitfirst=True,
                exclude=(*NO_EXAMPLES, "test_hazards*"),
            )
        except UsageError as error:
            return f"refused before it is judged: {str(error).partition(chr(10))[0]}"
        return next(iter(wrong_cases(report)), report.run.problem)


def chosen(source: str, words: str, sample: int | None) -> list[Mutant]:
    """Mutants of functions whose name has these words in it; of each so many, spread over it, first one of each, then another."""
    functions: dict[str, list[Mutant]] = {}
    for mutant in mutants(source):
        functions.setdefault(mutant.function, []).append(mutant)
    samples = [
        those[:: max(1, len(those) // (sample or len(those)))][:sample]
        for function, those in functions.items()
        if words in function
    ]
    return [mutant for turn in itertools.zip_longest(*samples) for mutant in turn if mutant is not None]


def not_caught(
    path: Path, judge: Judge, found: list[Mutant], further: list[str], known: dict[str, str], workers: int
) -> list[Mutant]:
    """Those that no case catches."""

    def ask(source: str, *profiles: str):
        return lambda session: judge.first_wrong(session, source, *profiles)

    original = path.read_text(encoding="utf-8")
    asked = [(profile, ask(original, profile)) for profile in (CORE, *further)]
    wrong = dict(judge_all(asked, workers=workers, profiles=(CORE, *further)))
    if wrong[CORE]:
        sys.exit(f"{path.name} itself does not conform: {wrong[CORE]}")
    kept = [profile for profile in further if wrong[profile] is None]
    print(f"{path.name}: mutants are judged by {', '.join((CORE, *kept))}", file=sys.stderr)
    jobs = [(mutant, ask(mutant.source, CORE, *(() if mutant.source in known else kept))) for mutant in found]
    uncaught = set()
    for done, (mutant, first) in enumerate(judge_all(jobs, workers=workers, profiles=(CORE, *kept)), 1):
        if first is None:
            uncaught.add(mutant.source)
        if done % 50 == 0:
            print(f"{done} of {len(found)}: {len(uncaught)} survive", file=sys.stderr, flush=True)
    return [mutant for mutant in found if mutant.source in uncaught]


def explained(path: Path) -> dict[str, str]:
    """The sources of mutants of this file that may survive, with the reason; those that can't be made are named."""
    source = path.read_text(encoding="utf-8")
    reasons: dict[str, str] = {}
    for one in survivors():
        if one.file == path.name:
            mutated = changed(source, one.change)
            if mutated is None:
                print(f"survivors.toml: {path.name} does not have once, in {one.change.function!r}: {one.change.old}")
            else:
                reasons[mutated] = one.reason
    return reasons


def report(path: Path, found: list[Mutant], uncaught: list[Mutant], known: dict[str, str]) -> int:
    """Print what survives unexplained, as survivors.toml would have it, and what is explained for nothing; count the former."""
    new = [mutant for mutant in uncaught if mutant.source not in known]
    for mutant in new:
        quote = mutant.quote
        print(f"survives in {quote.function or 'the module'}: {json.dumps([quote.old, quote.new])},")
    for mutant in found:
        if mutant.source in known and mutant not in uncaught:
            print(f"is caught, though survivors.toml explains it: {mutant.quote.old!r} -> {mutant.quote.new!r}")
    print(
        f"{path.name}: {len(found) - len(uncaught)} of {len(found)} mutants caught; "
        f"{len(uncaught) - len(new)} survive for a known reason, {len(new)} without"
    )
    return len(new)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("files", nargs="*", type=Path, metavar="FILE", default=TARGETS)
    parser.add_argument("--only", default="", metavar="WORDS", help="mutants of functions whose name has this in it")
    parser.add_argument("--sample", type=int, metavar="N", help="so many mutants of each function")
    parser.add_argument("--profile", action="append", help="beside core; default: every one that the original keeps")
    parser.add_argument("--seconds", type=float, default=10.0, help="for one case")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--results", type=Path, help="earlier verdicts, and where new ones are added")
    options = parser.parse_args()
    if options.sample is not None and options.sample < 1:
        parser.error(f"--sample: expected 1 or more, got {options.sample}")
    for path in options.files:
        if not path.is_file():
            parser.error(f"{path}: no such file; expected the source of an implementation")
    seen = {}
    if options.results is not None and options.results.exists():
        seen = dict(map(json.loads, options.results.read_text(encoding="utf-8").splitlines()))
    unexplained = 0
    further = options.profile or FURTHER
    judge = Judge(options.seconds, seen, options.results)
    for path in options.files:
        found = chosen(path.read_text(encoding="utf-8"), options.only, options.sample)
        if not found:
            parser.error(f"no function of {path.name} that has a mutant has {options.only!r} in its name")
        known = explained(path)
        uncaught = not_caught(path, judge, found, further, known, options.workers)
        unexplained += report(path, found, uncaught, known)
    return 1 if unexplained else 0


if __name__ == "__main__":
    sys.exit(main())
