"""The exceptions of this package, and exceptions in words."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class BrokenInstallation(Exception):
    """A file of the package is missing, so nothing can be judged."""

    def __str__(self) -> str:
        return f"this installation of fcspec is broken: {super().__str__()}; install it again"


class UsageError(Exception):
    """No such target, clause, profile, file or option: one line says so, exit code 4."""


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """`"; did you mean 'x'?"`, or nothing where no known word comes close."""
    close = difflib.get_close_matches(word, list(known), n=1)
    return f"; did you mean {close[0]!r}?" if close else ""


def in_words(error: BaseException) -> str:
    """Type and text of an exception, also of one whose text can't be had."""
    name = type(error).__qualname__
    module = type(error).__module__
    try:
        text = str(error)
    except Exception:
        text = "<no text: its __str__ raises>"
    text = text.encode(errors="replace").decode()
    return f"{name if module == 'builtins' else f'{module}.{name}'}: {text}"[:1000].removesuffix(": ")


class LeftTheTest(Exception):
    """A case raised what would end pytest: KeyboardInterrupt or pytest.exit."""


class Unsupported(Exception):
    """This torch or platform cannot run the case."""
