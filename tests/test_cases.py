"""SPEC.md and the cases hold together: every law is tested, every test is about one law, and only the fixture is called."""

import ast
import inspect
from pathlib import Path

import pytest
from fcspec.spec import load_spec
from fcspec.specimens import base, groups, parametrized, sites

SPEC = load_spec()
CASES = Path(inspect.getfile(base)).parents[1] / "cases"
FILES = sorted(path for path in CASES.glob("test_*.py") if path.name != "test_examples.py")


def functions_in(path):
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return [node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")]


def clauses_of(test):
    calls = [one for one in test.decorator_list if isinstance(one, ast.Call)]
    return [one.args[0].value for one in calls if isinstance(one.func, ast.Name) and one.func.id == "clause"]


ALL = [(path, test) for path in FILES for test in functions_in(path)]


@pytest.mark.parametrize("slug", [clause.slug for clause in SPEC.clauses])
def test_every_clause_has_a_test_beside_its_example(slug):
    assert any(slug in clauses_of(test) for _, test in ALL)


@pytest.mark.parametrize(("path", "test"), [pytest.param(*one, id=f"{one[0].name}::{one[1].name}") for one in ALL])
def test_every_test_names_one_clause_of_the_chapter_of_its_file_and_calls_only_the_fixture(path, test):
    (slug,) = clauses_of(test)

    assert slug in [clause.slug for clause in SPEC.clauses]
    assert path.stem.removeprefix("test_").partition("_")[0] == slug.partition(".")[0].partition("-")[0]
    assert "functional_call" in [argument.arg for argument in test.args.args]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_no_case_reaches_an_implementation_but_through_the_fixture(path):
    tree = ast.parse(path.read_text(encoding="utf-8"))
    imported = [alias.name for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) for alias in node.names]
    attributes = [node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)]

    assert "functional_call" not in imported
    assert not {"functional_call", "stateless", "_reparametrize_module"} & {*imported, *attributes}


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_a_may_test_observes_and_no_other_does(path):
    levels = {clause.slug: clause.level for clause in SPEC.clauses}
    for test in functions_in(path):
        (slug,) = clauses_of(test)
        observes = "observe" in [argument.arg for argument in test.args.args]

        assert observes == (levels[slug] == "MAY"), test.name


@pytest.mark.parametrize("clause", [one for one in SPEC.clauses if one.level == "MAY"], ids=lambda one: one.slug)
def test_the_example_of_a_may_clause_shows_what_can_be_observed(clause):
    (example,) = clause.examples

    assert "observed" in example.code


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
