"""A part of the clauses, for one of several machines."""

from __future__ import annotations

from dataclasses import dataclass

from fcspec.errors import UsageError


@dataclass(frozen=True)
class Shard:
    """Every `of`th clause of these profiles that matches one of these globs, from the one at `index` on."""

    index: int
    of: int
    profiles: tuple[str, ...]
    clauses: tuple[str, ...]


def shard_of(text: str, profiles: tuple[str, ...], globs: tuple[str, ...]) -> Shard:
    """Read I/N. UsageError where the text is none."""
    index, slash, of = text.partition("/")
    if not (
        slash and index.isascii() and index.isdigit() and of.isascii() and of.isdigit() and 1 <= int(index) <= int(of)
    ):
        raise UsageError(f"--shard {text}: expected I/N with I from 1 to N, as in 2/4")
    return Shard(int(index), int(of), profiles, globs)
