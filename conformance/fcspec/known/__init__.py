"""Implementations with a short name: adapters of libraries, and of what people write by hand, a file each.

Nothing here imports them. The docstring of an adapter says in its first line what the implementation is, and then, a line each:

    Tried: the library and its version, as pip names them; torch, where nothing else is needed
    Install: what pip needs to be told, where that is not only the line above
"""

from __future__ import annotations

import ast
import importlib.metadata
import importlib.util
from dataclasses import dataclass
from pathlib import Path

from fcspec.errors import UsageError

_FOLDER = Path(__file__).parent
_FUNCTION = "functional_call"
_TORCH = "torch==2.13.0"
_TRIED, _INSTALL = "Tried: ", "Install: "


@dataclass(frozen=True)
class Known:
    """An implementation with a short name.

    Attributes:
        what: how it does it, in a line.
        tried: the distribution and its version, as pip names them.
        install: the arguments of pip that install it.
    """

    name: str
    address: str
    what: str
    tried: str
    install: str

    @property
    def library(self) -> str:
        """The distribution, which is what is imported, too."""
        return self.tried.partition("==")[0]

    @property
    def version(self) -> str | None:
        """Of the library, as it is here; "?" where it does not say, None where it is not installed."""
        if importlib.util.find_spec(self.library) is None:
            return None
        try:
            return importlib.metadata.version(self.library)
        except importlib.metadata.PackageNotFoundError:
            return "?"

    @property
    def by_hand(self) -> bool:
        """No library has it: people write it."""
        return self.what.startswith("By hand")

    @property
    def title(self) -> str:
        """What a report calls it."""
        return self.name if self.library == "torch" else f"{self.library} {self.version}"

    @property
    def to_install(self) -> str:
        """A command."""
        return f"python -m pip install {self.install}"


def _adapters() -> dict[str, str]:
    files = sorted(path.stem for path in _FOLDER.glob("[!_]*.py"))
    return {name.replace("_", "-"): f"{__name__}.{name}:{_FUNCTION}" for name in files}


ADDRESSES = {"torch": "torch.func:functional_call", "reference": "fcspec_reference:functional_call", **_adapters()}
"""By short name."""


def known(name: str) -> Known:
    """What is known about a short name."""
    address = ADDRESSES[name]
    if name == "torch":
        return Known(name, address, "torch.func.functional_call", _TORCH, _TORCH)
    if name == "reference":
        return Known(name, address, "keeps every law of SPEC.md", _TORCH, _TORCH)
    source = (_FOLDER / f"{name.replace('-', '_')}.py").read_text(encoding="utf-8")
    what, *lines = (ast.get_docstring(ast.parse(source)) or "").splitlines()
    tried = _said(lines, _TRIED)
    return Known(name, address, what, tried, _said(lines, _INSTALL) or tried)


def known_at(place: str) -> Known | None:
    """The implementation whose adapter is the module of that name; None: it is no adapter."""
    name = place.removeprefix(f"{__name__}.").replace("_", "-")
    return known(name) if place.startswith(f"{__name__}.") and name in ADDRESSES else None


def check_installed(place: str) -> None:
    """UsageError, with what to install, where the module of that name is the adapter of a library that is not here."""
    found = known_at(place)
    if found is not None and found.version is None:
        raise UsageError(f"{found.library} is not installed: {found.to_install}")


def _said(lines: list[str], word: str) -> str:
    return next((line.removeprefix(word) for line in lines if line.startswith(word)), "")
