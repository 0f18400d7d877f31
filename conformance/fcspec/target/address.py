"""Where an implementation is found: an address, checked once and then passed on as it is."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from importlib.machinery import PathFinder
from pathlib import Path

from fcspec.errors import UsageError, did_you_mean
from fcspec.known import ADDRESSES

SHORT_NAME = "a short name, as `fcspec targets` lists them"

FORMS = "\n  ".join(("one of", "package.module:function", "path/to/file.py:function", SHORT_NAME))
"""What an address may look like, for messages."""


@dataclass(frozen=True)
class Address:
    """An address of the right form. Whether something is there shows when it is imported.

    Attributes:
        place: a module's dotted name, or the path of a file that ends in .py.
        attribute: the dotted name of the implementation there.
    """

    place: str
    attribute: str

    @classmethod
    def parse(cls, text: str) -> Address:
        """Read one of the three forms. UsageError, with a did-you-mean, where the text has none of them."""
        place, colon, attribute = ADDRESSES.get(text, text).rpartition(":")
        if not (colon and place and attribute):
            path = text.removesuffix(":")
            if path.endswith(".py"):
                raise UsageError(f"{text} is a file: say which function, as in {path}:functional_call")
            if path and Path(path).is_dir():
                raise UsageError(f"{text} is a folder: say which function, as in {Path(path)}/file.py:functional_call")
            meant = "" if colon else did_you_mean(text, ADDRESSES)
            raise UsageError(f"{text!r} is no target{meant}; expected {FORMS}")
        return cls(place, attribute)

    @property
    def is_file(self) -> bool:
        return self.place.endswith(".py")

    def import_lines(self, folder: str | None = None) -> list[str]:
        """Lines of a script that bind `functional_call` to the implementation, from whatever folder the script is run.

        Args:
            folder: where a relative path starts, and where a module is looked for; None: the current one.
        """
        here = Path(folder or "").resolve()
        place, path = self.place, (here / self.place).resolve()
        first, _, rest = self.attribute.partition(".")
        if self.is_file:
            lines, place = _search_first(path.parent), path.stem
        else:
            is_there = PathFinder.find_spec(place.partition(".")[0], [str(here)]) is not None
            lines = _search_first(here) if is_there else []
        if self.is_file and (not place.isidentifier() or place in sys.stdlib_module_names):
            found = f"runpy.run_path({json.dumps(str(path), ensure_ascii=False)}, run_name={json.dumps(place)})"
            return ["import runpy", *lines, f'functional_call = {found}["{first}"]{rest and f".{rest}"}']
        lines.append(
            f"from {place} import {first}{'' if first == 'functional_call' or rest else ' as functional_call'}"
        )
        return [*lines, *([f"functional_call = {self.attribute}"] if rest else [])]

    def __str__(self) -> str:
        return f"{self.place}:{self.attribute}"


def _search_first(folder: Path) -> list[str]:
    return ["import sys", f"sys.path.insert(0, {json.dumps(str(folder), ensure_ascii=False)})"]
