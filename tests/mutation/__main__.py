"""Every generated mutant of correct implementations against the suite: `python tests/mutation [FILE ...]`.

FILE is the source of an implementation, `functional_call` in it; without one, the reference and two twins. Prints which mutants
survive, and exits 1 where one does that survivors.toml does not explain. A mutant is judged by core up to the first case that
is wrong; where no case is, by the other profiles that its original keeps. Examples of SPEC.md and hazards do not count.
With --results FILE verdicts are written as they come, and those that are there already are not asked for again.
"""

from __future__ import annotations

import argparse
import hashlib
import itertools
import json
import sys
import tomllib
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
sys.path.insert(0, str(Path(__file__).parents[1]))

import fcspec_reference
from fcspec.errors import UsageError
from fcspec.runner import Session
from fcspec.spec import CORE, load_spec
from mutants._changes import Replace
from operators import Mutant, changed, mutants
from support.judging import NO_EXAMPLES, judge_source, wrong_cases

TWINS = Path(__file__).parents[1] / "twins"
TARGETS = [Path(fcspec_reference.__file__), TWINS / "keyword_only.py", TWINS / "slot_swap.py"]
SURVIVORS = Path(__file__).with_name("survivors.toml")
FURTHER = [profile for profile in load_spec().profiles if profile != CORE]


@dataclass(frozen=True)
class Judge:
    """Says which case is the first that is wrong.

    Attributes:
        session: a process that judges one implementation after the other.
        seconds: for one case.
        seen: earlier verdicts, by the digest of a source and the profiles.
        results: where new ones are written.
    """

    session: Session
    seconds: float
    seen: dict[str, str | None]
    results: Path | None

    def first_wrong(self, source: str, profiles: tuple[str, ...]) -> str | None:
        """The id of the case, or what else shows that this is no functional_call; None: nothing does."""
        key = hashlib.sha256(f"{source}\n{profiles}".encode()).hexdigest()
        if key not in self.seen:
            self.seen[key] = self._judge(source, profiles)
            if self.results is not None:
                with self.results.open("a", encoding="utf-8") as file:
                    print(json.dumps([key, self.seen[key]]), file=file)
        return self.seen[key]

    def _judge(self, source: str, profiles: tuple[str, ...]) -> str | None:
        try:
            report = judge_source(
                self.session,
                source,
                profiles=profiles,
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


def survivors_of(path: Path, judge: Judge, found: list[Mutant], further: list[str]) -> list[Mutant]:
    """Those that no case catches."""
    source = path.read_text(encoding="utf-8")
    if wrong := judge.first_wrong(source, (CORE,)):
        sys.exit(f"{path.name} itself does not conform: {wrong}")
    kept = [profile for profile in further if judge.first_wrong(source, (profile,)) is None]
    print(f"{path.name}: mutants are judged by {', '.join((CORE, *kept))}", file=sys.stderr)
    known = explained(path)
    survivors = []
    for done, mutant in enumerate(found, 1):
        first = judge.first_wrong(mutant.source, (CORE,))
        if first is None and mutant.source not in known:
            first = next(filter(None, (judge.first_wrong(mutant.source, (one,)) for one in kept)), None)
        if first is None:
            survivors.append(mutant)
        if done % 50 == 0:
            print(f"{done} of {len(found)}: {len(survivors)} survive", file=sys.stderr, flush=True)
    return survivors


def explained(path: Path) -> dict[str, str]:
    """The sources of mutants of this file that may survive, with the reason; those that can't be made are named."""
    sources: dict[str, str] = {}
    for entry in tomllib.loads(SURVIVORS.read_text(encoding="utf-8"))["survivors"]:
        for old, new in entry["changes"] if entry["file"] == path.name else ():
            source = changed(path.read_text(encoding="utf-8"), Replace(entry["function"], old, new))
            if source is None:
                print(f"survivors.toml: found not once in {path.name}, {entry['function'] or 'the module'}: {old!r}")
            else:
                sources[source] = entry["reason"]
    return sources


def report(path: Path, total: int, survivors: list[Mutant]) -> int:
    """Print what survives, unexplained ones as survivors.toml would have them, and count these."""
    known = explained(path)
    new = [mutant for mutant in survivors if mutant.source not in known]
    for mutant in new:
        old, after = json.dumps([mutant.quote.old, mutant.quote.new])[1:-1].split('", "', 1)
        print(f'survives in {mutant.function or "the module"}: [{old}", "{after}],')
    print(
        f"{path.name}: {total - len(survivors)} of {total} mutants caught; "
        f"{len(survivors) - len(new)} survive for a known reason, {len(new)} without"
    )
    return len(new)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("files", nargs="*", type=Path, metavar="FILE", default=TARGETS)
    parser.add_argument("--only", default="", metavar="WORDS", help="mutants of functions whose name has this in it")
    parser.add_argument("--sample", type=int, metavar="N", help="so many mutants of each function")
    parser.add_argument("--profile", action="append", help="beside core; default: every one that the original keeps")
    parser.add_argument("--seconds", type=float, default=10.0, help="for one case")
    parser.add_argument("--results", type=Path, help="earlier verdicts, and where new ones are added")
    options = parser.parse_args()
    seen = {}
    if options.results is not None and options.results.exists():
        seen = dict(map(json.loads, options.results.read_text(encoding="utf-8").splitlines()))
    unexplained = 0
    further = options.profile or FURTHER
    with Session(profiles=(CORE, *further)) as session:
        judge = Judge(session, options.seconds, seen, options.results)
        for path in options.files:
            found = chosen(path.read_text(encoding="utf-8"), options.only, options.sample)
            if not found:
                parser.error(f"no function of {path.name} that has a mutant has {options.only!r} in its name")
            unexplained += report(path, len(found), survivors_of(path, judge, found, further))
    return 1 if unexplained else 0


if __name__ == "__main__":
    sys.exit(main())
