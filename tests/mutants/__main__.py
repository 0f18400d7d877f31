"""Every hand-written mutant against the suite: `python tests/mutants [CHAPTER ...] [--name WORDS] [--profile NAME]`.

Prints, for each mutant, whether exactly the clauses that it names fail; exits 1 where one is caught otherwise.

With --explore a table instead, which says what `fcspec explore` finds first in each, and after how many seconds.
"""

import argparse
import os
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from fcspec.spec import load_spec
from support.exploring import explore_all
from support.judging import NO_EXAMPLES, judge_all, judge_source, wrong_cases, wrong_clauses

import mutants


def main() -> int:
    options = arguments()
    profile = {clause.slug: clause.profile for clause in load_spec().clauses}
    profiles = tuple(options.profile or dict.fromkeys(profile.values()))
    chosen = [
        mutant
        for chapter, those in mutants.by_chapter().items()
        for mutant in those
        if options.name in mutant.name and chapter in (options.chapters or mutants.by_chapter())
    ]

    if options.explore:
        return explore(chosen, options.seconds, options.seed)

    def job(mutant):
        source = mutant.source(mutants.BASE)
        return lambda session: judge_source(
            session, source, profiles=profiles, workers=1, brief=not options.cases, exclude=NO_EXAMPLES
        )

    started, wrong = time.monotonic(), 0
    jobs = [(mutant, job(mutant)) for mutant in chosen]
    for done, (mutant, report) in enumerate(judge_all(jobs, workers=options.workers, profiles=profiles), 1):
        caught = wrong_clauses(report)
        right = caught == sorted(slug for slug in mutant.clauses if profile[slug] in profiles)
        wrong += not right
        print(f"{'ok   ' if right else 'WRONG'} {mutant.name}: {', '.join(mutant.clauses)}", flush=True)
        if not right:
            print(f"      caught by {', '.join(caught) or report.run.problem or 'nothing'}  ({len(jobs) - done} left)")
        if options.cases:
            print(*(f"        {case}" for case in wrong_cases(report)), sep="\n")
    rest = f", {wrong} are not" if wrong else ""
    print(
        f"{len(jobs) - wrong} of {len(jobs)} mutants are caught as they say{rest}; {time.monotonic() - started:.0f} s"
    )
    return 1 if wrong or not jobs else 0


def explore(chosen, seconds, seed):
    """Print what a search of each mutant finds first."""
    found, sources = 0, [(mutant, mutant.source(mutants.BASE)) for mutant in chosen]
    print("| mutant | found | seconds | calls |\n|---|---|--:|--:|", flush=True)
    for mutant, explored in explore_all(sources, seconds, seed):
        found += bool(explored.clauses)
        what = ", ".join(explored.clauses) or "; ".join(explored.problems).partition("\n")[0] or "nothing"
        print(f"| {mutant.name} | {what} | {explored.seconds:.1f} | {explored.examples} |", flush=True)
    print(f"\n{found} of {len(chosen)} mutants are found, in {seconds:g} s each with one worker")
    return 0 if found else 1


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    chapters = mutants.by_chapter()
    parser.add_argument("chapters", nargs="*", metavar="CHAPTER", help="default: all")
    parser.add_argument("--name", default="", help="only mutants whose name has these words")
    parser.add_argument("--profile", action="append", help="only by the clauses of these profiles")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--cases", action="store_true", help="name the cases that fail, too")
    parser.add_argument("--explore", action="store_true", help="search each instead of judging it")
    parser.add_argument("--seconds", type=float, default=120, help="of a search")
    parser.add_argument("--seed", type=int, default=0, help="of a search")
    options = parser.parse_args()
    if unknown := set(options.chapters) - set(chapters):
        parser.error(f"no such chapter: {', '.join(sorted(unknown))}; there are {', '.join(chapters)}")
    return options


if __name__ == "__main__":
    sys.exit(main())
