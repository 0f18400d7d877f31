"""Where a clause is tested: its cases in the package, and its mutants where the repository is at hand."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from fcspec.spec import repository

_CASES = Path(__file__).parent / "cases"


@dataclass(frozen=True)
class Found:
    """A test or a mutant of a clause.

    Attributes:
        file: relative to the package, or to the repository.
        name: of the test function, or of the mutant.
    """

    file: str
    line: int
    name: str


def cases(slug: str) -> list[Found]:
    """The test functions whose decorators or tables name a clause, but for its example."""
    return [
        Found(_shown(path), line, name)
        for path in sorted(_CASES.glob("test_*.py"))
        for line, name in _cases_in(ast.parse(path.read_text(encoding="utf-8")), slug)
    ]


def source(case: str) -> str | None:
    """The test function of a case, by the case's id; None where it runs an example or a drawn call, which say more."""
    file, _, name = case.partition("::")
    path = _CASES / file
    if file in _WRITTEN_ELSEWHERE or not path.is_file():
        return None
    text = path.read_text(encoding="utf-8")
    for test in ast.parse(text).body:
        if isinstance(test, ast.FunctionDef) and test.name == name.partition("[")[0]:
            first = min([test.lineno, *(decorator.lineno for decorator in test.decorator_list)])
            return "\n".join(text.splitlines()[first - 1 : test.end_lineno])
    return None


def text(file: str) -> str:
    """Of a file of cases, wherever it stood when they ran; nothing where there is no such file."""
    path = _CASES / Path(file).name
    return path.read_text(encoding="utf-8") if path.is_file() else ""


def statement(text: str, line: int) -> str | None:
    """The statement that begins on a line or goes over it, in one line; None where there is none."""
    try:
        tree = ast.parse(text)
    except SyntaxError:
        return None
    over = [one for one in ast.walk(tree) if isinstance(one, ast.stmt) and one.lineno <= line <= (one.end_lineno or 0)]
    return ast.unparse(max(over, key=lambda one: one.lineno)) if over else None


_WRITTEN_ELSEWHERE = ("test_examples.py", "test_drawn.py", "test_covering.py")


def mutants(slug: str) -> list[Found] | None:
    """The wrong implementations that it catches; None without the repository."""
    top = repository()
    if top is None:
        return None
    return [
        Found(_shown(path), line, name)
        for path in sorted((top / "tests" / "mutants").glob("[!_]*.py"))
        for line, name in _mutants_in(ast.parse(path.read_text(encoding="utf-8")), slug)
    ]


def _shown(path: Path) -> str:
    return str(path.relative_to(repository() or _CASES.parent))


def _cases_in(tree: ast.Module, slug: str) -> Iterator[tuple[int, str]]:
    tests = [one for one in tree.body if isinstance(one, ast.FunctionDef) and one.name.startswith("test_")]
    for test in tests:
        if any(_names(decorator, slug) for decorator in test.decorator_list):
            yield test.lineno, test.name
    for table in tree.body:
        if isinstance(table, ast.Assign) and (line := _line_of(table, slug)) and len(tests) > 0:
            name = next((test.name for test in tests if test.lineno > table.lineno), tests[0].name)
            yield line, name


def _mutants_in(tree: ast.Module, slug: str) -> Iterator[tuple[int, str]]:
    for call in ast.walk(tree):
        match call:
            case ast.Call(func=ast.Name(id="mutant"), args=[ast.Constant(value=str(name)), clauses, *_]):
                if _names(clauses, slug):
                    yield call.lineno, name


def _names(node: ast.AST, slug: str) -> bool:
    return _line_of(node, slug) is not None


def _line_of(node: ast.AST, slug: str) -> int | None:
    constants = (one for one in ast.walk(node) if isinstance(one, ast.Constant) and one.value == slug)
    return next((one.lineno for one in constants), None)
