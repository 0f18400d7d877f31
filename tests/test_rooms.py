"""The files of fcspec import each other in one direction only. Imports in functions and for types count, too."""

import ast
import importlib.util
from pathlib import Path

import fcspec
import fcspec_reference
import pytest

PACKAGE = Path(fcspec.__file__).parent
REFERENCE = Path(fcspec_reference.__file__)

# A room imports those before it, never those after it.
ROOMS = {
    "__init__": "has the version, and imports what it offers by name, when it is used",
    "errors": "has the exceptions that every other room may raise",
    "spec": "reads SPEC.md, and knows of no run",
    "index": "reads which tests name a clause, as text",
    "devices": "names clauses that a device can't judge",
    "report": "turns verdicts into data, and knows clauses, but not how a verdict came about",
    "events": "carries cases of a report between two processes",
    "workers": "forks and ends children, and knows neither clauses nor torch",
    "known": "has adapters of other implementations, and nothing of the suite is in them",
    "state": "reads modules, torch and the process, of which children are a part",
    "target": "imports an implementation in a child, and compares the state around its calls",
    "reproducer": "prints the example of a clause as a script that imports a target",
    "options": "holds the address of a target, and a device",
    "specimens": "makes modules, and reads the right answers off their state",
    "calls": "draws calls, and makes them through target's boundary in children",
    "plugin": "runs pytest's items with all of the above, and makes cases of a report of them",
    "cases": "are tests: they use the marks of plugin, specimens, calls and state",
    "progress": "holds what events have said",
    "runner": "starts serve by name and reads its events; so it never imports it, or plugin",
    "replaying": "runs scripts in children of workers, and knows no clauses",
    "reproducing": "starts replaying by name, and fills reports with what it confirms",
    "serve": "runs pytest with plugin, on the cases",
    "live": "forks the process that asks, and runs serve there",
    "api": "is what Python calls, and uses runner, and live for callables without an address",
    "parametrizing": "makes tests of somebody's pytest, of what api finds out",
    "explore": "runs calls in children, without pytest",
    "commands": "are the commands that need a file of their own; they use runner and explore",
    "cli": "is the command fcspec, and has the other commands",
    "__main__": "calls cli",
}
ORDER = list(ROOMS)

FORBIDDEN = [
    ("report", ("torch", "pytest", "_pytest", "hypothesis"), "a report is read where nothing is run"),
    ("runner", ("torch", "pytest", "_pytest", "hypothesis", "fcspec.plugin"), "it survives whatever the target does"),
    ("explore", ("pytest", "_pytest", "fcspec.plugin", "fcspec.report"), "it needs no case"),
    ("workers", ("torch", "pytest", "_pytest", "fcspec.spec", "fcspec.report"), "they know processes, never clauses"),
    (
        "known",
        ("pytest", "_pytest", "fcspec.spec", "fcspec.report"),
        "an adapter is what its library's user would write",
    ),
    ("cases", ("fcspec.report",), "a case does not know how it is reported"),
    ("specimens", ("fcspec.target", "fcspec.plugin"), "a specimen is the same for every implementation"),
]
"""(room, what none of its files imports, why)"""


def module_name(path):
    parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


FILES = {module_name(path): path for path in sorted(PACKAGE.rglob("*.py"))}


def imports(path, name):
    """The full name of everything that a file imports."""
    package = name if path.name == "__init__.py" else name.rpartition(".")[0]
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            source = importlib.util.resolve_name("." * node.level + (node.module or ""), package)
            yield from (f"{source}.{alias.name}" for alias in node.names)


IMPORTS = {name: set(imports(path, name)) for name, path in FILES.items()}


def file_of(imported):
    """The file of fcspec that has an imported name; None where another package has it."""
    return next((name for name in (imported, imported.rpartition(".")[0]) if name in FILES), None)


ARROWS = {name: {file_of(one) for one in IMPORTS[name]} - {None, name} for name in FILES}


def room_of(name):
    return name.split(".")[1] if "." in name else "__init__"


def circle_in(arrows):
    """Files that import each other in a circle, or None."""
    done = set()

    def visit(name, way):
        if name in way:
            return [*way[way.index(name) :], name]
        if name in done:
            return None
        found = next(filter(None, (visit(other, [*way, name]) for other in sorted(arrows[name]))), None)
        done.add(name)
        return found

    return next(filter(None, (visit(name, []) for name in sorted(arrows))), None)


def arrows_upwards(arrows):
    return [
        f"{name} -> {other}"
        for name, others in arrows.items()
        for other in sorted(others)
        if ORDER.index(room_of(other)) > ORDER.index(room_of(name))
    ]


def test_the_graph_of_files_has_no_circle():
    assert circle_in(ARROWS) is None


def test_every_room_has_its_place():
    assert {room_of(name) for name in FILES} == set(ROOMS)


def test_no_room_imports_one_that_comes_after_it():
    assert arrows_upwards(ARROWS) == []


@pytest.mark.parametrize(("room", "banned", "why"), FORBIDDEN, ids=[one[0] for one in FORBIDDEN])
def test_what_a_room_does_not_know(room, banned, why):
    found = [
        f"{name} -> {one}"
        for name in FILES
        if room_of(name) == room
        for one in sorted(IMPORTS[name])
        if any(f"{one}.".startswith(f"{package}.") for package in banned)
    ]

    assert found == [], why


def test_only_cases_and_serve_know_the_plugin():
    assert {room_of(name) for name, others in ARROWS.items() if "plugin" in map(room_of, others)} == {
        "plugin",
        "cases",
        "serve",
    }


def test_the_reference_imports_torch_and_the_standard_library():
    assert not [one for one in imports(REFERENCE, "fcspec_reference") if one.partition(".")[0] == "fcspec"]


def test_a_circle_and_an_arrow_upwards_are_found():
    arrows = {"fcspec.errors": {"fcspec.spec"}, "fcspec.spec": {"fcspec.errors"}, "fcspec.cli": {"fcspec.spec"}}

    assert set(circle_in(arrows)) == {"fcspec.errors", "fcspec.spec"}
    assert arrows_upwards(arrows) == ["fcspec.errors -> fcspec.spec"]


def test_an_import_in_a_function_or_for_types_counts():
    text = "if TYPE_CHECKING:\n    from fcspec.spec import Clause\ndef f():\n    import torch.nn\n    from . import errors\n"

    class File:
        name = "x.py"
        read_text = staticmethod(lambda encoding: text)

    assert set(imports(File, "fcspec.x")) == {"fcspec.spec.Clause", "torch.nn", "fcspec.errors"}
