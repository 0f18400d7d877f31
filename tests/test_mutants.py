"""Hand-written mutants: each is caught as it says, and every MUST and SHOULD has one."""

import subprocess
import sys
from pathlib import Path

import fcspec_reference
import mutants
import pytest
from fcspec.spec import load_spec

SPEC = {clause.slug: clause for clause in load_spec().clauses}
REFERENCE = Path(fcspec_reference.__file__).read_text(encoding="utf-8")
CHAPTERS = mutants.by_chapter()
ALL = [mutant for those in CHAPTERS.values() for mutant in those]


@pytest.mark.parametrize("mutant", ALL, ids=lambda mutant: mutant.name)
def test_a_mutant_is_a_small_change_and_names_clauses_that_decide(mutant):
    assert mutant.source(REFERENCE) != REFERENCE
    assert mutant.clauses
    assert [slug for slug in mutant.clauses if SPEC[slug].level == "MAY"] == []


def test_names_of_mutants_are_distinct():
    names = [mutant.name for mutant in ALL]

    assert sorted(set(names)) == sorted(names)


@pytest.mark.parametrize("slug", [slug for slug, clause in SPEC.items() if clause.level != "MAY"])
def test_a_clause_has_a_mutant_that_it_alone_catches_or_a_reason_why_not(slug):
    naming = [mutant for mutant in ALL if slug in mutant.clauses]
    alone = [mutant for mutant in naming if mutant.clauses == (slug,)]

    assert naming
    assert bool(alone) != (slug in mutants.exceptions())


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_mutants_are_caught_by_every_clause_they_name(chapter):
    command = [sys.executable, mutants.__path__[0], chapter, "--named", "--workers=1"]
    run = subprocess.run(command, capture_output=True, text=True, check=False)

    assert run.returncode == 0, f"{run.stdout}\n{run.stderr}"
