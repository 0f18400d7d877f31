"""Hand-written mutants: each can be made and is caught as it says, and every MUST and SHOULD has one."""

import ast
import functools
import inspect

import mutants
import pytest
from fcspec.spec import load_spec
from mutants._base import functional_call
from support.judging import NO_EXAMPLES, judge_source, wrong_clauses

SPEC = {clause.slug: clause for clause in load_spec().clauses}
BASE = ast.unparse(ast.parse(mutants.BASE))
PUBLIC = {"self", *inspect.signature(functional_call).parameters}
ALL = [mutant for those in mutants.by_chapter().values() for mutant in those]


@pytest.mark.parametrize("mutant", ALL, ids=lambda mutant: mutant.name)
def test_a_mutant_is_a_small_change_and_names_clauses_that_decide(mutant):
    assert mutant.source(BASE) != BASE
    assert mutant.clauses
    assert [slug for slug in mutant.clauses if SPEC[slug].level == "MAY"] == []


@pytest.mark.parametrize("mutant", ALL, ids=lambda mutant: mutant.name)
def test_a_mutant_is_the_same_when_the_variables_of_the_base_have_other_names(mutant):
    assert mutant.source(with_other_names(BASE)).replace("_renamed", "") == mutant.source(BASE)


def test_names_of_mutants_are_distinct():
    names = [mutant.name for mutant in ALL]

    assert sorted(set(names)) == sorted(names)


@pytest.mark.parametrize("slug", [slug for slug, clause in SPEC.items() if clause.level != "MAY"])
def test_a_clause_has_a_mutant_that_it_alone_catches(slug):
    assert [mutant.name for mutant in ALL if mutant.clauses == (slug,)]


@pytest.mark.slow
@pytest.mark.parametrize("mutant", ALL, ids=lambda mutant: mutant.name)
def test_a_mutant_is_caught_by_every_clause_it_names(session_for_mutants, mutant):
    def missed(clauses, exclude, trusted=False):
        report = judge_source(
            session_for_mutants,
            source,
            trusted=trusted,
            clauses=tuple(clauses),
            workers=1,
            brief=True,
            exclude=(*NO_EXAMPLES, *exclude),
        )
        return sorted(set(clauses) - set(wrong_clauses(report)))

    source = mutant.source(BASE)
    drawn = ["test_covering.py::*", "test_drawn.py::*"]
    left = missed(mutant.clauses, drawn, trusted=True)

    # What one fork that looks at nothing misses, isolation may catch; and what fixed cases miss, drawn calls.
    assert not left or not (left := missed(left, drawn)) or not missed(left, [])


@functools.cache
def with_other_names(source):
    """The source with every variable of every function renamed, but `self` and what callers pass by keyword."""
    tree = ast.parse(source)
    for function in (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)):
        nodes = list(ast.walk(function))
        names = {node.id for node in nodes if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}
        names |= {node.arg for node in nodes if isinstance(node, ast.arg)}
        names -= PUBLIC if function.name == "functional_call" else {"self"}
        for node in nodes:
            if isinstance(node, ast.Name) and node.id in names:
                node.id += "_renamed"
            elif isinstance(node, ast.arg) and node.arg in names:
                node.arg += "_renamed"
    return ast.unparse(tree)
