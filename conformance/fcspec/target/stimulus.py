"""A call of the implementation, in words."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

import torch

_MOST = 40
"""So many names of one module, so many modules, and so many dicts, are looked at."""


def in_one_line(args: tuple[Any, ...], kwargs: dict[str, Any]) -> str:
    """The call, and what in it is one object under several names."""
    with torch._C.DisableTorchFunction():  # looking at a shape is no call of torch's that a mode should see
        words = ", ".join([*map(_brief, args), *(f"{key}={_brief(value)}" for key, value in kwargs.items())])
        return "; ".join((words, *_alike(*args[:2])))


def _alike(module: Any = None, values: Any = None, *_: Any) -> Iterator[str]:
    if isinstance(module, torch.nn.Module):
        modules, slots = _found_below(module)
        yield from (f"one module: {_chain(names)}" for names in modules.values() if len(names) > 1)
        yield from (f"tied: {_chain(names)}" for names in slots.values() if len(names) > 1)
    given: dict[int, list[str]] = {}
    for one in values[:_MOST] if type(values) in (tuple, list) else (values,):
        if isinstance(one, dict):
            for name, value in itertools.islice(dict.items(one), _MOST):
                names = given.setdefault(id(value), [])
                if type(name) is str and name not in names and isinstance(value, torch.Tensor):
                    names.append(name)
    yield from (f"one tensor given: {_chain(names)}" for names in given.values() if len(names) > 1)


def _chain(names: list[str]) -> str:
    """Names of one object."""
    return " = ".join(names[:6]) + f" = ... ({len(names)} or more)" * (len(names) > 6)


def _found_below(top: torch.nn.Module) -> tuple[dict[int, list[str]], dict[int, list[str]]]:
    """Names of modules, and of tensors in slots, by the identity of what they name. Of large modules a part."""
    modules: dict[int, list[str]] = {}
    slots: dict[int, list[str]] = {}
    waiting = [("", top)]
    while waiting and len(modules) < _MOST:
        path, module = waiting.pop()
        names = modules.setdefault(id(module), [])
        names.append(path.rstrip(".") or "the module itself")
        if len(names) > 1:
            continue  # what is below it has been seen
        inside = vars(module)
        for store in ("_parameters", "_buffers"):
            for name, tensor in itertools.islice(inside.get(store, {}).items(), _MOST):
                if tensor is not None:
                    slots.setdefault(id(tensor), []).append(f"{path}{name}")
        children = itertools.islice(inside.get("_modules", {}).items(), _MOST)
        waiting += [(f"{path}{name}.", child) for name, child in children if isinstance(child, torch.nn.Module)][::-1]
    return modules, slots


def _brief(value: Any, depth: int = 0) -> str:
    """One line for one argument: modules by class, tensors by shape. Of other classes no code is run."""
    if isinstance(value, torch.Tensor):
        shape = "(nested)" if value.is_nested else tuple(value.shape)  # a nested one has no shape to be asked for
        return f"{type(value).__name__}{shape}"
    if isinstance(value, torch.nn.Module):
        children = ", ".join(f"{k}={type(child).__name__}" for k, child in vars(value).get("_modules", {}).items())
        return f"{type(value).__name__}({children})"
    if isinstance(value, dict) and depth < 3:
        shown = [f"{_brief(key)}: {_brief(item, depth + 1)}" for key, item in itertools.islice(dict.items(value), 12)]
        return "{" + ", ".join(shown) + (", ...}" if len(value) > 12 else "}")
    if type(value) in (tuple, list) and depth < 3:
        items = ", ".join(_brief(item, depth + 1) for item in value[:12])
        return f"[{items}]" if type(value) is list else f"({items},)" if len(value) == 1 else f"({items})"
    text = repr(value) if type(value) in (type(None), bool, int, float, str, bytes) else f"<{type(value).__name__}>"
    return text if len(text) <= 80 else f"{text[:77]}..."
