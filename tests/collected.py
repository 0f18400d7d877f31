"""The cases as pytest collects them, in a process of their own, so that laws about cases hold for tables of cases too."""

import functools
import inspect
import json
import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Item:
    """One case.

    Attributes:
        file: the name of its file.
        name: the name of its function, and the id of its parameters.
        clauses: the slug in each of its marks `clause`.
        arguments: the fixtures and parameters that its function takes.
    """

    file: str
    name: str
    clauses: tuple[str, ...]
    arguments: tuple[str, ...]

    @property
    def id(self):
        return f"{self.file}::{self.name}"


@functools.cache
def items():
    """Every case of every profile; collected once in a process."""
    with tempfile.NamedTemporaryFile(suffix=".json") as listing:
        command = [sys.executable, "-P", __file__, listing.name]
        run = subprocess.run(command, capture_output=True, text=True, check=False)
        assert run.returncode == 0, f"{run.stdout}\n{run.stderr}"
        listed = json.load(listing)
    return [Item(file, name, tuple(clauses), tuple(arguments)) for file, name, clauses, arguments in listed]


class Listing:
    """A plugin that writes what was collected to a file, as JSON."""

    def __init__(self, path):
        self.path = path

    def pytest_configure(self, config):
        from fcspec.plugin.collection import Collection

        config.addinivalue_line("markers", "clause(slug)")
        config.addinivalue_line("markers", "needs(what)")
        config.pluginmanager.register(Collection(("all",), ()), "fcspec-collection")

    def pytest_collection_finish(self, session):
        listed = [
            (one.path.name, one.name, self.clauses(one), list(inspect.signature(one.function).parameters))
            for one in session.items
        ]
        self.path.write_text(json.dumps(listed), encoding="utf-8")

    @staticmethod
    def clauses(item):
        return [mark.args[0] for mark in item.iter_markers("clause")]


def _collect(path):
    import pytest
    from fcspec import serve

    os.environ.pop("PYTEST_ADDOPTS", None)
    return pytest.main([*serve.pytest_arguments(), "--collect-only"], plugins=[Listing(path)])


if __name__ == "__main__":
    sys.exit(_collect(Path(sys.argv[1])))
