"""Wrong implementations, as small changes to _base.py, each with the clauses that catch it: exactly those, and no others.

A file per chapter, files of mutants that show only where several features meet (interactions_*.py), and files of those that
were written as whole implementations first (outside_*.py). _changes.py says what a change is. `python tests/mutants` judges
every mutant by every clause; tests/test_mutants.py by those it names. Examples of SPEC.md do not count.
"""

import ast
import functools
import importlib
import pkgutil
from dataclasses import dataclass
from pathlib import Path

from mutants._changes import Change
from mutants._matching import ChangeError, unknown_names

BASE = (Path(__file__).parent / "_base.py").read_text(encoding="utf-8")
"""The source that all of them change."""


@dataclass(frozen=True)
class Mutant:
    """One defect.

    Attributes:
        name: what is wrong, as one would tell a colleague.
        clauses: every MUST and SHOULD that fails, and no other.
        changes: of the base; each is made in what those before it have left.
    """

    name: str
    clauses: tuple[str, ...]
    changes: tuple[Change, ...]

    @functools.cache  # noqa: B019  # mutants live as long as the process
    def source(self, base: str) -> str:
        """The base with this defect, without comments.

        Raises:
            ChangeError: a change can't be made; it says which, and why.
        """
        tree = ast.parse(base)
        for change in self.changes:
            try:
                change.apply(tree)
            except ChangeError as error:
                raise ChangeError(f"mutant {self.name!r}: {error}") from None
        source = ast.unparse(tree)
        if unknown := unknown_names(source):
            raise ChangeError(f"mutant {self.name!r}: nobody binds {', '.join(sorted(unknown))}; see _names.py")
        return source


def mutant(name: str, clauses: tuple[str, ...], *changes: Change) -> Mutant:
    """A mutant as the files of the chapters list them."""
    return Mutant(name, clauses, changes)


def by_chapter() -> dict[str, list[Mutant]]:
    """Every mutant, by the chapter whose file it stands in."""
    chapters = sorted(one.name for one in pkgutil.iter_modules(__path__) if not one.name.startswith("_"))
    return {name: importlib.import_module(f"{__name__}.{name}").MUTANTS for name in chapters}
