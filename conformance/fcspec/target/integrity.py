"""What a target changes of the code that judges it: found after each call, put back, and named.

Two kinds. What judges (pytest, builtins, torch's comparisons, fcspec itself) must be as it was before the target was imported.
The rest of torch must be as it was when the call began: a call that leaves it changed breaks a clause of its own, and no other
case may suffer, so it is put back and written down where `process_state.snapshot` finds it.
"""

from __future__ import annotations

import builtins
import functools
import sys
from collections.abc import Callable, Iterator
from typing import Any

import torch
import torch.testing  # what isn't imported now can't be watched

from fcspec.state import process_state
from fcspec.state.attributes import Attributes, Change, Code, Hooks, imported, owners
from fcspec.state.identity import Same

_NEAR = (
    *("operator", "pytest", "_pytest.raises", "_pytest.python_api", "_pytest.outcomes", "_pytest.recwarn"),
    *("_pytest.monkeypatch", "_pytest.assertion", "torch.testing", "fcspec"),
    *("_pytest.runner", "_pytest.reports", "pluggy"),  # not by cases, but before the next one in the same process
)
_FAR = (
    *(
        "_pytest",
        "pluggy",
        "unittest",
        "os",
        "signal",
        "socket",
        "json",
        "inspect",
        "functools",
        "contextlib",
        "collections",
    ),
    *("copy", "hypothesis.core", "hypothesis.control", "hypothesis.internal.conjecture.engine", "hypothesis._settings"),
)

_COMPARISONS = frozenset(
    (
        *("equal", "allclose", "isclose", "eq", "ne", "__eq__", "__ne__", "all", "any", "isnan", "is_tensor", "numpy"),
        *("__bool__", "item", "tolist", "data_ptr", "untyped_storage", "__getattribute__", "__torch_function__"),
    )
)
"""Attributes of torch and of Tensor by which a case compares."""


class Judging:
    """The code that judges, as it is before the target is imported.

    Every look puts back what is not as it was and returns the names of it.

    Args:
        plugins: pytest's, in a process in which it runs.
    """

    def __init__(self, plugins: Any = None) -> None:
        self._hooks = Hooks(plugins) if plugins is not None else None
        self._builtins = dict(vars(builtins))
        near, far = owners(imported(*_NEAR)), owners(imported(*_FAR))
        self._near, self._near_code = Attributes(near, callables_only=True), Code(near)
        self._far, self._far_code = Attributes(far, callables_only=True), Code(far)
        self._modules = {name: module for name, module in sys.modules.items() if name in near or name == "torch"}

    def look(self) -> list[str]:
        """After a call, at what cases use before the next one."""
        return [*self._restore_builtins(), *self._near.put_back()]

    def _restore_builtins(self) -> list[str]:
        # First, and by nothing but syntax and methods: the rest is done with isinstance and its like.
        now, found = builtins.__dict__, []
        for name in self._builtins:
            if now.get(name) is not self._builtins[name] and name != "_":
                now[name] = self._builtins[name]
                found.append(f"builtins.{name}")
        return found

    def look_closely(self) -> list[str]:
        """After a case, at the code of that too."""
        return [*self.look(), *self._near_code.put_back()]

    def look_at_hooks(self) -> list[str]:
        """When the body of a case has ended, before pytest calls the next hook."""
        return list(self._hooks.put_back()) if self._hooks is not None else []

    def look_everywhere(self) -> list[str]:
        """Before a process ends, at the rest too."""
        replaced = [f"sys.modules[{n!r}]" for n, module in self._modules.items() if sys.modules.get(n) is not module]
        sys.modules.update(self._modules)
        return [
            *self.look_at_hooks(),
            *self.look_closely(),
            *replaced,
            *self._far.put_back(),
            *self._far_code.put_back(),
        ]


class Surroundings:
    """What a call finds, and must leave: attributes of torch that cases use, active modes, the trace function."""

    def __init__(self) -> None:
        self._torch = _attributes().now()
        self._function_modes = process_state.function_modes()
        self._dispatch_modes = process_state.dispatch_modes()
        self._tracing = sys.gettrace(), sys.getprofile()

    def restore(self) -> list[str]:
        """Put back what a call left changed.

        Returns:
            The names of comparisons among it; the rest is written down in `process_state.repaired`.
        """
        found: list[str] = []
        for name, change in self._torch.put_back().items():
            if name.rpartition(".")[2] in _COMPARISONS:
                found.append(name)
            else:
                _write_down("torch", name, change)
        for name, change in (*self._restore_modes(), *self._restore_tracing()):
            _write_down("modes" if "modes" in name else "interpreter", name, change)
        return found

    def _restore_modes(self) -> Iterator[tuple[str, Change]]:
        core = torch._C
        for name, before, now, pop, push in (
            ("function modes", self._function_modes, process_state.function_modes(), *_FUNCTION_STACK),
            ("dispatch modes", self._dispatch_modes, process_state.dispatch_modes(), *_DISPATCH_STACK),
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
            yield name, (list(map(Same, before)), list(map(Same, now)))

    def _restore_tracing(self) -> Iterator[tuple[str, Change]]:
        # A trace function that raised was switched off by Python, so only one that is new is undone.
        now = sys.gettrace(), sys.getprofile()
        puts: tuple[Callable[[Any], None], ...] = (sys.settrace, sys.setprofile)
        for name, old, new, put in zip(("trace", "profile"), self._tracing, now, puts, strict=True):
            if new is not None and new is not old:
                put(old)
                yield name, (Same(old), Same(new))


_FUNCTION_STACK = "_pop_torch_function_stack", "_push_on_torch_function_stack"
_DISPATCH_STACK = "_pop_torch_dispatch_stack", "_push_on_torch_dispatch_stack"


def _write_down(group: str, name: str, change: Change) -> None:
    process_state.repaired[group].append((name, (Same(change[0]), Same(change[1]))))


@functools.cache
def _attributes() -> Attributes:
    # A change of the rest of torch lasts until the case ends, and with it the process: `guard` sees it.
    module = torch.nn.modules.module
    near = {"torch": torch, "torch.Tensor": torch.Tensor, "torch._C": torch._C}
    return Attributes({**near, module.__name__: module, f"{module.__name__}.Module": module.Module})


def prepare() -> None:
    """Read what a call may change now, in the process that forks, so that no child has to."""
    process_state.prepare()
    _attributes.cache_clear()
    _attributes()


def classes() -> set[type]:
    """Every class there is."""
    found: set[type] = set()
    todo: list[type] = [object]
    while todo:
        below: list[type] = type.__subclasses__(todo.pop())
        for one in below:
            if one not in found:
                found.add(one)
                todo.append(one)
    return found


def tensor_classes() -> set[type]:
    """Every subclass of Tensor there is."""
    found: set[type] = set()
    todo: list[type] = [torch.Tensor]
    while todo:
        below: list[type] = type.__subclasses__(todo.pop())
        new = [one for one in below if one not in found]
        found.update(new)
        todo.extend(new)
    return found


def is_of_torch(kind: type) -> bool:
    """A class of torch's own, whatever it calls itself."""
    module: Any = sys.modules.get(kind.__module__)
    return kind.__module__.partition(".")[0] == "torch" and getattr(module, kind.__name__, None) is kind
