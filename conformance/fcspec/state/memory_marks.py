"""Whether modules, classes and functions are as they were, seen without touching what they hold.

To look at an object Python writes its reference count, and in a forked child every page that is written is copied first: looks at
ten thousand attributes, one by one, cost a child more than the fork did. So marks are read from memory, where CPython leaves them
when something changes: the version of a dict (Python 3.11 to 3.13), the pointers of a function to its code and defaults. Where
they lie is found out by trying, and where they are not found the objects are looked at after all.
"""

from __future__ import annotations

import ctypes
import gc
import operator
from collections.abc import Callable, Iterable, Sequence
from types import FunctionType, ModuleType
from typing import Any

Marks = Callable[[], list[bytes]]
"""Gives one mark for each object in turn: another one than before where the object has changed since."""

PARTS = ("__code__", "__defaults__", "__kwdefaults__")
"""What makes a function do something else while it stays the same object."""

_WORD = ctypes.sizeof(ctypes.c_void_p)


def of_attributes(owners: Iterable[Any]) -> Marks:
    """Marks of modules and classes. An owner whose attribute was changed and put back may have another mark, too."""
    dicts = list(map(attributes, owners))
    if _VERSION is not None:
        return _memory(dicts, _VERSION, _WORD)
    return lambda: [identities((*found.keys(), *found.values())) for found in dicts]


def of_code(functions: Sequence[FunctionType]) -> Marks:
    """Marks of Python functions."""
    if _POINTERS is not None:
        return _memory(functions, _POINTERS, len(PARTS) * _WORD)
    get = operator.attrgetter(*PARTS)
    return lambda: [identities(get(function)) for function in functions]


def attributes(owner: Any) -> dict[str, Any]:
    """The very dict that holds the attributes of a module or class. It must not be changed in the case of a class."""
    found = vars(owner)
    return found if isinstance(found, dict) else gc.get_referents(found)[0]


def identities(values: tuple[Any, ...]) -> bytes:
    """Of each object in turn, as pointers; equal where all are the same, whatever their `__eq__` says."""
    return ctypes.string_at(id(values) + tuple.__basicsize__, len(values) * _WORD)


def _memory(objects: Iterable[object], offset: int, length: int) -> Marks:
    """The bytes of each object from `offset` on. The objects must live as long as the marks are asked for."""
    views = [(ctypes.c_char * length).from_address(id(one) + offset) for one in objects]
    return lambda: [view.raw for view in views]


def _find_version() -> int | None:
    """Where a dict has its version: behind its size, if what lies there changes with every change and with nothing else."""
    offset = object.__basicsize__ + _WORD
    if dict.__basicsize__ < offset + _WORD:
        return None

    def assign(owner: Any) -> None:
        for value in range(100):  # until the interpreter has specialised the assignment
            owner.name = value

    def read(owner: Any) -> None:
        for _ in range(100):
            hash((owner.name, getattr(owner, "none", None), len(vars(owner)), tuple(vars(owner))))

    def changes(owner: Any, act: Callable[[Any], object]) -> bool:
        marks = _memory([attributes(owner)], offset, _WORD)
        before = marks()
        act(owner)
        return marks() != before

    def delete(owner: Any) -> None:
        del owner.other

    writes: tuple[Callable[[Any], object], ...] = (
        assign,
        lambda owner: setattr(owner, "name", None),
        lambda owner: setattr(owner, "other", None),
        delete,
    )
    for owner in (ModuleType("probe"), type("Probe", (), {})):
        assign(owner)
        if not all(changes(owner, write) for write in writes) or changes(owner, read):
            return None
    return offset


def _find_pointers() -> int | None:
    """Where a function has the pointers to its PARTS, if they lie one behind the other."""

    def probe(one: object = object(), *, other: object = object()) -> None: ...

    size = FunctionType.__basicsize__ // _WORD
    words = (ctypes.c_size_t * size).from_address(id(probe))[:]
    wanted = [id(getattr(probe, part)) for part in PARTS]
    found = [at for at in range(size) if words[at : at + len(wanted)] == wanted]
    return found[0] * _WORD if found else None


_VERSION, _POINTERS = _find_version(), _find_pointers()
