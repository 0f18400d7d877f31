"""Every hand-written mutant against the suite: `python tests/mutants [CHAPTER ...] [--name WORDS] [--near] [--profile NAME]`.

Prints, for each mutant, whether exactly the clauses that it names fail; exits 1 where one is caught otherwise.
"""

import argparse
import functools
import os
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

import fcspec_reference
from fcspec.plugin import items as items_of
from fcspec.spec import load_spec
from forked import Forked, failing, first_failing, judge

import mutants


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("chapters", nargs="*", metavar="CHAPTER", help="default: all")
    parser.add_argument("--name", default="", help="only mutants whose name has these words")
    near = parser.add_mutually_exclusive_group()
    near.add_argument("--near", action="store_true", help="only by the clauses of the chapters of those it names")
    near.add_argument("--named", action="store_true", help="only by the clauses it names")
    parser.add_argument("--profile", action="append", help="only by the clauses of these profiles")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--cases", action="store_true", help="name the cases that fail, too")
    options = parser.parse_args()
    source = Path(fcspec_reference.__file__).read_text(encoding="utf-8")
    chapters = mutants.by_chapter()
    if unknown := set(options.chapters) - set(chapters):
        parser.error(f"no such chapter: {', '.join(sorted(unknown))}; there are {', '.join(chapters)}")
    profile = {clause.slug: clause.profile for clause in load_spec().clauses}
    profiles = options.profile or set(profile.values())
    wrong, judged = [], []

    def done(mutant, answer, left):
        judged.append(mutant)
        caught = sorted(answer) if isinstance(answer, dict) else [answer]
        right = caught == sorted(slug for slug in mutant.clauses if profile[slug] in profiles)
        if not right:
            wrong.append(mutant)
        print(f"{'ok   ' if right else 'WRONG'} {mutant.name}: {', '.join(mutant.clauses)}")
        if not right:
            print(f"      caught by {', '.join(caught) or 'nothing'}  ({left} left)")
        if options.cases and isinstance(answer, dict):
            print(*(f"        {case}" for cases in answer.values() for case in cases), sep="\n")
        sys.stdout.flush()

    jobs = [
        (mutant, functools.partial(_judge, mutant, source, options))
        for chapter, those in chapters.items()
        for mutant in those
        if options.name in mutant.name and chapter in (options.chapters or chapters)
    ]
    started = time.monotonic()
    with open(os.devnull, "w") as nowhere:
        stdout, sys.stdout = sys.stdout, nowhere
        try:
            code = Forked(jobs, workers=options.workers, limit=300.0, done=_on(stdout, done), profiles=profiles).run()
        finally:
            sys.stdout = stdout
    if len(judged) < len(jobs) or not jobs:
        print(f"only {len(judged)} of {len(jobs)} mutants were judged; pytest ended with {code}")
        return 1
    rest = f", {len(wrong)} are not" if wrong else ""
    print(
        f"{len(jobs) - len(wrong)} of {len(jobs)} mutants are caught as they say{rest}; {time.monotonic() - started:.0f} s"
    )
    return 1 if wrong else 0


def _on(stdout, done):
    """`done` with the real stdout."""

    def call(*arguments):
        silent, sys.stdout = sys.stdout, stdout
        try:
            done(*arguments)
        finally:
            sys.stdout = silent

    return call


def _judge(mutant, source, options, items):
    judge(mutant.source(source), items)
    if options.named:
        return first_failing(items, mutant.clauses, limit=10.0)
    if options.near:
        near = {slug.partition(".")[0] for slug in mutant.clauses}
        items = [item for item in items if items_of.clause_of(item).partition(".")[0] in near]
    return failing(items, limit=10.0)


if __name__ == "__main__":
    sys.exit(main())
