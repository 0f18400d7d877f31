"""Every generated mutant of the reference against the suite: `python tests/mutation`.

Prints which mutants survive, and exits 1 where one does that survivors.toml does not explain. A mutant runs in a fork of one
warm process, through the cases of every MUST and SHOULD, up to the first that does not pass; examples of SPEC.md do not count.
The cases that caught most so far come first, so that most mutants end after a few of them. Profile compile is left out:
compiling takes longer than everything else together.
"""

from __future__ import annotations

import argparse
import collections
import functools
import os
import sys
import time
import tomllib
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
sys.path.insert(0, str(Path(__file__).parents[1]))

import fcspec_reference
from fcspec.plugin import hooks as plugin
from fcspec.plugin import items as items_of
from fcspec.spec import load_spec
from forked import Forked, judge
from operators import Mutant, mutants

SURVIVORS = Path(__file__).with_name("survivors.toml")
ORIGINAL = "the source itself"  # in the place of a mutant


class Score:
    """What caught how many, and what survives."""

    def __init__(self, total: int) -> None:
        self.total = total
        self.started = time.monotonic()
        self.survivors: list[Mutant] = []
        self.caught: collections.Counter[str] = collections.Counter()  # by the id of the case, or by how it ended

    def note(self, mutant: Mutant, word: str, left: int) -> None:
        if mutant.place == ORIGINAL:
            if word != "survived":
                sys.exit(f"the source itself does not conform ({word}): name the profiles that it claims")
            return
        if word == "survived":
            self.survivors.append(mutant)
            print(f"\nsurvives: {mutant.name}", file=sys.stderr, flush=True)
        else:
            self.caught[word] += 1
        done = self.caught.total() + len(self.survivors)
        rest = (time.monotonic() - self.started) / done * left
        line = f"{done}/{self.total} mutants, {len(self.survivors)} survive, about {rest / 60:.0f} min left"
        if sys.stderr.isatty():
            print(f"\r{line:<70}", end="", file=sys.stderr, flush=True)
        elif done % 50 == 0 or done == self.total:
            print(line, file=sys.stderr, flush=True)

    def run(self, mutant: Mutant, items: list[pytest.Item]) -> str:
        """The id of the case that caught the mutant, "import", or "survived"; in a fork."""
        try:
            judge(mutant.source, items)
        except Exception as error:
            return f"import: {type(error).__name__}"
        for item in sorted(_one_of_each_first(items), key=lambda item: -self.caught[items_of.case_id(item)]):
            for report in plugin._play(item, False):
                if hasattr(report, "fcspec") and report.fcspec["verdict"] not in ("pass", "unsupported"):
                    return items_of.case_id(item)
        return "survived"


def _one_of_each_first(items: list[pytest.Item]) -> list[pytest.Item]:
    """The first case of every clause, then every second one ..."""
    seen: collections.Counter[str | None] = collections.Counter()
    rank = {}
    for item in items:
        rank[item] = seen[items_of.clause_of(item)]
        seen[items_of.clause_of(item)] += 1
    return sorted(items, key=rank.__getitem__)


def explained() -> dict[str, str]:
    """The mutants that are allowed to survive, by name, with the reason."""
    if not SURVIVORS.exists():
        return {}
    entries = tomllib.loads(SURVIVORS.read_text(encoding="utf-8"))["mutant"]
    return {entry["name"]: entry["reason"] for entry in entries}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--seconds", type=float, default=90.0, help="for one mutant")
    parser.add_argument("--only", default="", help="mutants whose name has this in it")
    parser.add_argument("--source", type=Path, default=Path(fcspec_reference.__file__), help="of what implementation")
    parser.add_argument("--profile", action="append", help="judge by these profiles (default: all but compile)")
    options = parser.parse_args()
    source = options.source.read_text(encoding="utf-8")
    found = [mutant for mutant in mutants(source) if options.only in mutant.name]
    score = Score(len(found))
    original = Mutant(ORIGINAL, "", "", source)
    jobs = [(mutant, functools.partial(score.run, mutant)) for mutant in (original, *found)]
    profiles = options.profile or [profile for profile in load_spec().profiles if profile != "compile"]
    Forked(jobs, workers=options.workers, limit=options.seconds, done=score.note, profiles=profiles).run()
    judged = score.caught.total() + len(score.survivors)
    if not found or judged < len(found):
        print(f"only {judged} of {len(found)} mutants were run")
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
