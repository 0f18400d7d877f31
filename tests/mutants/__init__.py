"""Wrong implementations, as small changes to the reference, each with the clauses that catch it: exactly those, and no others.

A file per chapter. `python tests/mutants` judges every mutant by every clause; tests/test_mutants.py by those it names.
Examples of SPEC.md do not count.
"""

import importlib
import pkgutil
from dataclasses import dataclass


@dataclass(frozen=True)
class Mutant:
    """One defect.

    Attributes:
        name: what is wrong, as one would tell a colleague.
        clauses: every MUST and SHOULD that fails, and no other.
        changes: (text of the reference, text instead); each text is there exactly once when its turn comes.
    """

    name: str
    clauses: tuple[str, ...]
    changes: tuple[tuple[str, str], ...]

    def source(self, reference: str) -> str:
        """The reference with this defect.

        Raises:
            ValueError: a text to change is not there, or not once.
        """
        for old, new in self.changes:
            if (times := reference.count(old)) != 1:
                raise ValueError(f"mutant {self.name!r}: expected once in the reference, found {times} times: {old!r}")
            reference = reference.replace(old, new)
        return reference


def by_chapter() -> dict[str, list[Mutant]]:
    """Every mutant, by the chapter whose file it stands in."""
    chapters = sorted(one.name for one in pkgutil.iter_modules(__path__) if not one.name.startswith("_"))
    return {name: importlib.import_module(f"{__name__}.{name}").MUTANTS for name in chapters}


def exceptions() -> dict[str, str]:
    """Clauses that no mutant fails alone, with the reason: what always falls with it."""
    modules = (importlib.import_module(f"{__name__}.{name}") for name in by_chapter())
    return {slug: reason for module in modules for slug, reason in getattr(module, "NEVER_ALONE", {}).items()}
