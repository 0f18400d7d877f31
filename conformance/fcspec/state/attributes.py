"""Attributes of modules and classes: seen changed, named, and put back.

Values are compared by identity, so a value whose `__eq__` lies changes nothing, and Python functions also by their code.
"""

from __future__ import annotations

import operator
import os
import sys
from collections.abc import Iterable, Mapping
from types import CellType, FunctionType, ModuleType
from typing import Any


class _Absent:
    def __repr__(self) -> str:
        return "nothing"


ABSENT: Any = _Absent()
"""Stands for an attribute that was not there."""

# Python's own bookkeeping, set on first use (copyreg, inspect, warnings, the displayhook).
_BOOKKEEPING = frozenset(
    ("__slotnames__", "__annotations__", "__annotations_cache__", "__warningregistry__", "__doc__", "_abc_impl", "_")
)

# What dynamo adds to the globals of a function that it compiles, and to torch.nn.Module; these names shadow nothing.
_COMPILED = ("__compiled_fn_", "__resume_at_", "__import_", "__builtins_dict__", "___needs_generation_tag_patch")

_SCALARS = (type(None), bool, int, float, str, bytes)

Change = tuple[Any, Any]
"""(before, now)."""

_is, _all, _map, _len = operator.is_, all, map, len  # as they were before any code under test ran


def same_items(before: Mapping[str, Any], now: Mapping[str, Any]) -> bool:
    """Whether two dicts hold the same objects under the same keys, in the same order. No code of theirs is run."""
    return (
        _len(before) == _len(now)
        and _all(_map(_is, before.keys(), now.keys()))
        and _all(_map(_is, before.values(), now.values()))
    )


class Attributes:
    """The attributes of some modules and classes at one moment.

    Args:
        owners: modules and classes by the name they are shown under.
        callables_only: leave out what is data, such as a module's own counters.
    """

    def __init__(self, owners: Mapping[str, Any], *, callables_only: bool = False) -> None:
        self._owners = owners
        self._callables_only = callables_only
        self._values = {name: dict(vars(owner)) for name, owner in owners.items()}

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Attributes) and not self.changes(other)

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"<attributes of {len(self._values)} modules and classes>"

    def changes(self, later: Attributes | None = None) -> dict[str, Change]:
        """What differs from then, by full name: (before, now).

        Args:
            later: another moment of the same attributes; None: now.
        """
        found: dict[str, Change] = {}
        for name, before in self._values.items():
            after = later._values[name] if later is not None else vars(self._owners[name])
            if same_items(before, after):
                continue
            for key in (*before, *(key for key in after if key not in before)):
                old, new = before.get(key, ABSENT), after.get(key, ABSENT)
                if old is not new and self._matters(key, old, new):
                    found[f"{name}.{key}"] = old, new
        return found

    def _matters(self, key: str, old: Any, new: Any) -> bool:
        if key in _BOOKKEEPING:
            return False
        if old is ABSENT and isinstance(new, ModuleType):
            return False  # a submodule was imported
        if old is ABSENT and key.startswith(_COMPILED) and key != "__import__":
            return False
        if self._callables_only and not _is_code(old if old is not ABSENT else new):
            return False
        if _is_wrapped_by_dynamo(old, new):
            return False
        if key == "_cache" and type(new) is dict and not new:
            return False  # torch.nn.utils.parametrize.cached makes a new one whenever it ends
        return not (type(old) is type(new) and type(old) in _SCALARS and old == new)

    def put_back(self) -> dict[str, Change]:
        """Undo every change since then, and say which there were."""
        changes = self.changes()
        for full_name, (old, _) in changes.items():
            name, _, key = full_name.rpartition(".")
            owner = self._owners[name]
            try:
                if old is ABSENT:
                    delattr(owner, key)
                elif isinstance(owner, ModuleType):
                    vars(owner)[key] = old
                else:
                    setattr(owner, key, old)
            except (AttributeError, TypeError):
                pass  # a class that takes no assignment could not have been changed by one
        return changes


class Code:
    """The code of the Python functions among attributes: `f.__code__ = g.__code__` changes no identity of `f`."""

    _PARTS = ("__code__", "__defaults__", "__kwdefaults__")

    def __init__(self, owners: Mapping[str, Any]) -> None:
        self._functions: dict[str, FunctionType] = {}
        for name, owner in owners.items():
            for key, value in vars(owner).items():
                if (function := _function(value)) is not None:
                    self._functions[f"{name}.{key}"] = function
        self._parts = [self._read(function) for function in self._functions.values()]

    def _read(self, function: FunctionType) -> tuple[Any, Any, Any]:
        return function.__code__, function.__defaults__, function.__kwdefaults__

    def put_back(self) -> dict[str, Change]:
        """Undo every change since then, and say which there were."""
        changes: dict[str, Change] = {}
        for (name, function), parts in zip(self._functions.items(), self._parts, strict=True):
            for part, old, new in zip(self._PARTS, parts, self._read(function), strict=True):
                if old is not new:
                    changes[f"{name}.{part}"] = old, new
                    setattr(function, part, old)
        return changes


class Hooks:
    """What pytest calls: the implementations of its hooks, which are no attributes of a module or class."""

    def __init__(self, plugins: Any) -> None:
        callers = vars(plugins.hook)
        self._lists = {name: (caller, tuple(caller._hookimpls)) for name, caller in callers.items()}
        self._parts = {
            (f"{name} of {one.plugin_name}", part): (one, getattr(one, part))
            for name, (_, implementations) in self._lists.items()
            for one in implementations
            for part in ("function", "argnames", "kwargnames", "hookwrapper", "wrapper")
            if hasattr(one, part)
        }
        self._parts |= {(f"the call of {name}", "_hookexec"): (one, one._hookexec) for name, one in callers.items()}
        self._parts["the call of hooks", "_inner_hookexec"] = plugins, plugins._inner_hookexec

    def put_back(self) -> dict[str, Change]:
        """Undo every change since then, and say which there were."""
        changes: dict[str, Change] = {}
        for (name, part), (owner, then) in self._parts.items():
            if (now := getattr(owner, part)) is not then:
                changes[name] = then, now
                setattr(owner, part, then)
        for name, (caller, then) in self._lists.items():
            now = caller._hookimpls
            if len(now) != len(then) or not all(map(operator.is_, now, then)):
                changes[name] = then, list(now)
                now[:] = then
        return changes


def _is_wrapped_by_dynamo(old: Any, new: Any) -> bool:
    """torch._dynamo wraps functions of torch that it must not trace, and methods of torch.nn.Module that it counts."""
    if not isinstance(new, FunctionType) or not any(_content(cell) is old for cell in new.__closure__ or ()):
        return False
    of_torch = os.path.dirname(sys.modules["torch"].__file__ or "?")
    return new.__code__.co_filename.startswith(
        (os.path.join(of_torch, "_dynamo", ""), os.path.join(of_torch, "_compile.py"))
    )


def _content(cell: CellType) -> Any:
    try:
        return cell.cell_contents
    except ValueError:
        return None  # it is empty


def _function(value: Any) -> FunctionType | None:
    if isinstance(value, property):
        value = value.fget
    value = getattr(value, "__func__", value)  # staticmethod, classmethod
    return value if isinstance(value, FunctionType) else None


def _is_code(value: Any) -> bool:
    return callable(value) or isinstance(value, property | staticmethod | classmethod)


def owners(modules: Iterable[ModuleType]) -> dict[str, Any]:
    """Modules, and the classes that they define, by full name."""
    found: dict[str, Any] = {}
    for module in modules:
        found[module.__name__] = module
        for key, value in list(vars(module).items()):
            if isinstance(value, type) and value.__module__ == module.__name__:
                found.setdefault(f"{module.__name__}.{key}", value)
    return found


def imported(*prefixes: str) -> list[ModuleType]:
    """Modules of these packages, as far as they are imported now."""
    return [
        module
        for name, module in list(sys.modules.items())
        if isinstance(module, ModuleType) and any(name == p or name.startswith(f"{p}.") for p in prefixes)
    ]


def of_torch() -> dict[str, Any]:
    """What of torch a functional_call might be tempted to patch: its modules, and their classes."""
    import torch
    from torch.nn.utils import parametrize, stateless

    modules = [torch.nn, torch.nn.functional, torch.nn.init, torch.autograd, torch.func, torch.linalg, torch.overrides]
    found = {"torch": torch, "torch.Tensor": torch.Tensor, "torch._C": torch._C, "torch._VF": torch._VF}
    found.update(owners([*modules, parametrize, stateless, *imported("torch.nn.modules", "torch.nn.parameter")]))
    found.update(owners(imported("torch.autograd.function", "torch.autograd.grad_mode", "torch.autograd.graph")))
    return {name: owner for name, owner in found.items() if hasattr(owner, "__dict__")}
