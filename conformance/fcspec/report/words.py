"""Text for people: without control characters, wrapped with a hanging indent."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterable, Iterator, Sequence

WIDTH = 100
"""Where nobody says how wide a line may be."""

MESSAGE_CAP = 8000
"""Characters of a message that are kept."""

LABEL = 10
"""Columns that the label of a row takes."""

_CONTROL = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]|[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


def clean(text: str) -> str:
    """Text that came from a target, without what controls a terminal, turns the order of text, or cannot be encoded."""
    return _CONTROL.sub("", text)


def cut(text: str, most: int) -> str:
    """Text that says how much of it is missing."""
    return text if len(text) <= most else f"{text[:most]} ... {len(text) - most} more characters"


def squeezed(text: str) -> str:
    """In one line."""
    return " ".join(text.split())


def law_in_words(law: str) -> str:
    """The first paragraph of a clause, in one line and without markup."""
    return squeezed(law.split("\n\n")[0].replace("`", ""))


def wrapped(text: str, width: int, indent: str = "", hanging: str | None = None) -> list[str]:
    """Lines of at most `width` columns, but for words that are longer: what can be pasted is not broken."""
    hanging = indent if hanging is None else hanging
    room = max(width, len(hanging) + 20)
    lines = textwrap.wrap(
        text, room, initial_indent=indent, subsequent_indent=hanging, break_long_words=False, break_on_hyphens=False
    )
    return lines or [indent.rstrip()]


def joined(words: Iterable[str], width: int, indent: str, hanging: str) -> list[str]:
    """Words that stay whole, although they may hold spaces: as many on a line as fit."""
    lines: list[str] = []
    for word in words:
        if lines and len(lines[-1]) + len(word) <= width - 1:
            lines[-1] += f" {word}"
        else:
            lines.append(f"{hanging if lines else indent}{word}")
    return lines


def listed(names: Sequence[str], most: int = 6) -> str:
    """Names behind each other: the first ones, and how many more there are."""
    shown = names if len(names) <= most else names[: most - 1]
    more = f" and {len(names) - len(shown)} more" if len(names) > len(shown) else ""
    return f"{', '.join(shown)}{more}"


def row(label: str, text: str, width: int, indent: str, most: int) -> Iterator[str]:
    """Lines of a text under each other, behind a label; the lines that it has itself stay lines.

    Args:
        most: so many lines are shown.
    """
    hanging = indent + " " * LABEL
    lines = [line for part in text.splitlines() for line in _part(part, width, hanging)]
    shown = (
        lines if len(lines) <= most else [*lines[: most - 1], f"{hanging}... and {len(lines) - most + 1} more lines"]
    )
    for number, line in enumerate(shown):
        yield f"{indent}{label:<{LABEL}}{line[len(hanging) :]}" if number == 0 else line


def _part(line: str, width: int, hanging: str) -> list[str]:
    own = line[: len(line) - len(line.lstrip())].expandtabs(4)
    return wrapped(line.strip(), width, hanging + own, f"{hanging}{own}  ")


def capped(text: str) -> str:
    """Text of bounded length that says what was cut."""
    if len(text) <= MESSAGE_CAP:
        return text
    half = MESSAGE_CAP // 2
    return f"{text[:half]}\n... {len(text) - MESSAGE_CAP} characters cut ...\n{text[-half:]}"
