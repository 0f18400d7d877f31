"""SPEC.md and the cases hold together: every law is tested, every test is about one law, and only the fixture is called."""

import ast
import inspect
import re
from pathlib import Path

import collected
import pytest
from fcspec.report.verdict import Verdict
from fcspec.spec import load_spec
from fcspec.specimens import base, groups, parametrized, sites
from support.judging import NO_EXAMPLES, judge_source

SPEC = load_spec()
LEVELS = {clause.slug: clause.level for clause in SPEC.clauses}
CASES = Path(inspect.getfile(base)).parents[1] / "cases"
EXAMPLES = "test_examples.py"
ACROSS_CHAPTERS = (EXAMPLES, "test_drawn.py", "test_covering.py", "test_surroundings.py")
FILES = sorted(path for path in CASES.glob("test_*.py") if path.name != EXAMPLES)


@pytest.fixture(scope="module")
def items():
    """Every case but the examples."""
    return [item for item in collected.items() if item.file != EXAMPLES]


def chapter_of_file(file):
    return file.removeprefix("test_").removesuffix(".py").partition("_")[0]


def chapter_of(slug):
    """As files spell it: "drop" for "drop-in"."""
    return slug.partition(".")[0].partition("-")[0]


def test_every_clause_has_a_test_beside_its_example(items):
    assert {slug for item in items for slug in item.clauses} == LEVELS.keys()


def test_every_clause_has_one_example():
    examples = [item.clauses for item in collected.items() if item.file == EXAMPLES]

    assert examples == [(clause.slug,) for clause in SPEC.clauses]


def test_every_file_of_cases_is_collected(items):
    assert {item.file for item in items} == {path.name for path in FILES}


def test_every_test_names_one_clause(items):
    assert [item.id for item in items if len(item.clauses) != 1 or item.clauses[0] not in LEVELS] == []


def test_every_test_is_about_the_chapter_of_its_file(items):
    of_chapters = [item for item in items if item.file not in ACROSS_CHAPTERS]

    assert [item.id for item in of_chapters if {chapter_of_file(item.file)} != set(map(chapter_of, item.clauses))] == []


def test_every_test_calls_the_fixture(items):
    assert [item.id for item in items if "functional_call" not in item.arguments] == []


def test_tests_of_may_clauses_observe_and_no_others_do(items):
    observing = [item.id for item in items if "observe" in item.arguments]

    assert observing == [item.id for item in items if any(LEVELS[slug] == "MAY" for slug in item.clauses)]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_no_case_reaches_an_implementation_but_through_the_fixture(path):
    tree = ast.parse(path.read_text(encoding="utf-8"))
    imported = [alias.name for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) for alias in node.names]
    attributes = [node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)]

    assert "functional_call" not in imported
    assert not {"functional_call", "stateless", "_reparametrize_module"} & {*imported, *attributes}


@pytest.mark.parametrize("clause", [one for one in SPEC.clauses if one.level == "MAY"], ids=lambda one: one.slug)
def test_the_example_of_a_may_clause_shows_what_can_be_observed(clause):
    (example,) = clause.examples

    assert "observed" in example.code


REFUSABLE = [
    one
    for one in SPEC.clauses
    if one.level == "MAY" and re.search(r"\b(refused|an\s+error|unexpected|missing)\b", one.law)
]
"""MAY clauses whose law lets an implementation refuse the call."""


@pytest.mark.parametrize("clause", REFUSABLE, ids=lambda one: one.slug)
def test_who_refuses_the_call_passes_the_example_of_a_may_clause_that_allows_it(clause):
    def refuse(*args, **kwargs):
        raise NotImplementedError

    scope = {"__name__": "SPEC", "functional_call": refuse}
    for example in (*SPEC.definitions, *clause.examples):
        exec(example.code, scope)


def test_clauses_of_all_kinds_let_an_implementation_refuse():
    assert {"args.none", "dicts.list", "dicts.mapping", "tie.undecidable", "strict.regular-name"} <= {
        clause.slug for clause in REFUSABLE
    }


BUILDERS = dict.fromkeys(
    (
        *(*sites.SITES, sites.keyed_parameter),
        *(*groups.ALL_PAIRS, *groups.LARGE, *groups.SHARED, *groups.SHARED_BUFFERS),
        *(*parametrized.PARAMETRIZED, parametrized.doubled, parametrized.chained, parametrized.two_originals),
    )
)


@pytest.mark.parametrize("build", BUILDERS, ids=lambda build: build.__name__)
def test_a_specimen_cannot_be_recognised_by_its_names(build):
    text = SPEC.path.read_text(encoding="utf-8")
    first, second = (build(base.Names(seed)).module for seed in ("one", "two"))

    own = [type(one).__name__ for one in first.modules() if not type(one).__module__.startswith("torch")]
    assert own
    assert not [name for name in own if name in text]
    assert [name for name, _ in first.named_modules()][1:] != [name for name, _ in second.named_modules()][1:] or len(
        own
    ) == 1
    assert type(first).__name__ != type(second).__name__


LONG = """
import torch

def functional_call(*args, **kwargs):
    for _ in range(20_000):
        pass
    return torch.func.functional_call(*args, **kwargs)
"""
LENIENT = """
import torch

def functional_call(module, parameter_and_buffer_dicts, args=None, kwargs=None, *, tie_weights=True, strict=False):
    return torch.func.functional_call(module, parameter_and_buffer_dicts, args, kwargs, tie_weights=tie_weights)
"""


def test_an_implementation_of_many_lines_is_interrupted_at_some_of_them(session):
    report = judge_source(session, LONG, clauses=("restore.interrupted",), exclude=NO_EXAMPLES, workers=1)

    [result] = report.clauses
    assert result.verdict is Verdict.PASS
    assert "of 5 lines" in result.observed


@pytest.mark.slow
def test_an_example_that_finds_no_error_in_a_compiled_call_fails_and_nothing_was_evaded(session):
    example = ("test_examples.py::test_example[compile.errors]",)

    report = judge_source(session, LENIENT, clauses=("compile.errors",), cases=example, workers=1, timeout=60.0)

    [result] = report.clauses
    assert (result.verdict, result.reason) == (Verdict.FAIL, "no error was raised")
