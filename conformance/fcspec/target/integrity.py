"""What a target changes of the code that judges it: found, put back, and named.

Two kinds. What judges (pytest, builtins, torch's comparisons, fcspec itself) must be as it was before the target was imported.
The rest of torch must be as it was when the call began: a call that leaves it changed breaks a clause of its own, and no other
case may suffer from it.

A look at all of this takes longer than most cases. So each call is followed by a look at what a case compares with; everything
else is looked at once, when a process is done, and after each case only where that look found something (`careful`).
"""

from __future__ import annotations

import builtins
import sys
from collections.abc import Callable, Iterator
from typing import Any

import torch
import torch.testing  # what isn't imported now can't be watched

from fcspec.state import module_state, process_state
from fcspec.state.attributes import ABSENT, Attributes, Change, Code, Hooks, imported, owners, same_items
from fcspec.state.identity import ById

_JUDGING = (
    *("operator", "pytest", "_pytest", "pluggy", "torch.testing", "fcspec", "unittest", "os", "signal", "socket"),
    *("json", "inspect", "functools", "contextlib", "collections", "copy", "hypothesis.core", "hypothesis.control"),
    *("hypothesis.internal.conjecture.engine", "hypothesis._settings"),
)

_OF_TENSORS = frozenset(
    (
        *("equal", "allclose", "isclose", "eq", "ne", "__eq__", "__ne__", "all", "any", "isnan", "is_tensor", "numpy"),
        *("__bool__", "item", "tolist", "data_ptr", "untyped_storage", "__getattribute__", "__torch_function__"),
    )
)
"""Attributes of torch and of Tensor by which a case compares."""


class TrustedCode:
    """The code that judges, as it is before the target is imported.

    Args:
        plugins: pytest's, in a process in which it runs.
    """

    def __init__(self, plugins: Any = None) -> None:
        self._builtins = dict(vars(builtins))
        self._comparisons = tuple(_comparisons())
        found = owners(imported(*_JUDGING))
        self._attributes, self._code = Attributes(found, callables_only=True), Code(found)
        self._hooks = Hooks(plugins) if plugins is not None else None
        self._modules = {name: module for name, module in sys.modules.items() if name in found or name == "torch"}

    def restore_comparisons(self) -> list[str]:
        """Put back what a case compares with; the names of what was changed."""
        return [*self._restore_builtins(), *_put_back(self._comparisons)]

    def _restore_builtins(self) -> list[str]:
        # First, and without calling any builtin by its name: everything else uses isinstance, any, map.
        now, found = builtins.__dict__, list[str]()
        if same_items(self._builtins, now):
            return found
        for name in self._builtins:
            if now.get(name) is not self._builtins[name] and name != "_":
                now[name] = self._builtins[name]
                found.append(f"builtins.{name}")
        return found

    def restore_hooks(self) -> list[str]:
        """Put back what pytest calls next; the names of what was changed."""
        return list(self._hooks.put_back()) if self._hooks is not None else []

    def restore_all(self) -> list[str]:
        """Put back everything; the names of what was changed."""
        found = [*self.restore_comparisons(), *self.restore_hooks()]
        for name, module in self._modules.items():
            if sys.modules.get(name) is not module:
                found.append(f"sys.modules[{name!r}]")
                sys.modules[name] = module
        return [*found, *self._attributes.put_back(), *self._code.put_back()]


_Comparison = tuple[str, Any, str, Any]
"""Its full name; the module, class or function that has it as an attribute; the attribute; its value, or ABSENT."""


def _comparisons() -> Iterator[_Comparison]:
    for name, owner in (("torch", torch), ("torch.Tensor", torch.Tensor)):
        for key in sorted(_OF_TENSORS):
            yield f"{name}.{key}", owner, key, vars(owner).get(key, ABSENT)
    modules: tuple[tuple[Any, tuple[str, ...]], ...] = (
        (sys.modules.get("pytest"), ("raises", "approx", "warns")),  # a target is tried where it is not imported
        (torch.testing, ("assert_close",)),
        (module_state, ("snapshot", "bits", "slots")),
        (process_state, ("snapshot", "difference")),
    )
    for module, keys in modules:
        for key in keys if module is not None else ():
            yield f"{module.__name__}.{key}", module, key, getattr(module, key)
    close: Any = torch.testing.assert_close
    yield "torch.testing.assert_close.__code__", close, "__code__", close.__code__


def _put_back(comparisons: tuple[_Comparison, ...]) -> list[str]:
    found = []
    for name, owner, key, value in comparisons:
        now = owner.__code__ if key == "__code__" else vars(owner).get(key, ABSENT)
        if now is not value:
            found.append(name)
            if value is ABSENT:
                delattr(owner, key)
            else:
                setattr(owner, key, value)
    return found


class CallSurroundings:
    """What a call finds and must leave: active modes, the trace function and, where asked for, attributes of torch.

    Args:
        careful: look at attributes of torch, too.
    """

    def __init__(self, *, careful: bool = False) -> None:
        self._torch = Attributes(_of_torch()) if careful else None
        self._function_modes = process_state.function_modes()
        self._dispatch_modes = process_state.dispatch_modes()
        self._tracing = sys.gettrace(), sys.getprofile()

    def restore(self) -> dict[str, Change]:
        """Put back what a call left changed, lest the suite's own comparisons be made with it.

        Returns:
            What was changed, by group of process_state and name.
        """
        changes = {} if self._torch is None else self._torch.put_back()
        found = {f"torch.{name}": (ById(old), ById(new)) for name, (old, new) in changes.items()}
        return {**found, **dict(self._restore_modes()), **dict(self._restore_tracing())}

    def _restore_modes(self) -> Iterator[tuple[str, Change]]:
        core = torch._C
        for name, before, now, pop, push in (
            ("modes.function modes", self._function_modes, process_state.function_modes(), *_FUNCTION_STACK),
            ("modes.dispatch modes", self._dispatch_modes, process_state.dispatch_modes(), *_DISPATCH_STACK),
        ):
            same = 0
            while same < min(len(before), len(now)) and before[same] is now[same]:
                same += 1
            if same == len(before) == len(now):
                continue
            for _ in now[same:]:
                getattr(core, pop)()
            for mode in before[same:]:
                getattr(core, push)(mode)
            yield name, (list(map(ById, before)), list(map(ById, now)))

    def _restore_tracing(self) -> Iterator[tuple[str, Change]]:
        # A trace function that raised was switched off by Python, so only one that is new is undone.
        now = sys.gettrace(), sys.getprofile()
        puts: tuple[Callable[[Any], None], ...] = (sys.settrace, sys.setprofile)
        for name, old, new, put in zip(("trace", "profile"), self._tracing, now, puts, strict=True):
            if new is not None and new is not old:
                put(old)
                yield f"interpreter.{name}", (ById(old), ById(new))


_FUNCTION_STACK = "_pop_torch_function_stack", "_push_on_torch_function_stack"
_DISPATCH_STACK = "_pop_torch_dispatch_stack", "_push_on_torch_dispatch_stack"


def _of_torch() -> dict[str, Any]:
    module = torch.nn.modules.module
    near = {"torch": torch, "torch.Tensor": torch.Tensor, "torch._C": torch._C}
    return {**near, module.__name__: module, f"{module.__name__}.Module": module.Module}


def classes_below(base: type) -> set[type]:
    """Every subclass there is of a class."""
    found: set[type] = set()
    todo: list[type] = [base]
    while todo:
        below: list[type] = type.__subclasses__(todo.pop())
        if below:  # most classes have none, and there are twenty thousand
            new = set(below) - found
            found |= new
            todo += new
    return found


def is_of_torch(kind: type) -> bool:
    """A class of torch's own, whatever it calls itself."""
    module: Any = sys.modules.get(kind.__module__)
    return kind.__module__.partition(".")[0] == "torch" and getattr(module, kind.__name__, None) is kind
