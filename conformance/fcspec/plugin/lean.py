"""In a child of somebody's pytest: without what pytest does around each test and `fcspec check` does without, too."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import Any

import pytest

from fcspec.workers.output import Output, use_output

_NOT_NEEDED = ("logging-plugin", "unraisableexception", "threadexception", "faulthandler")
"""They take a third of the time of a case; no case uses them."""


def make(item: pytest.Item, output: Output) -> bool:
    """Whether all that is printed goes to the child's own files from now on; else pytest captures it, or nobody does.

    Args:
        item: one of those that the child will run.
        output: the child's own files.
    """
    session: Any = item.session
    hooks = _Hooks(item)
    session.gethookproxy = lambda _: hooks
    manager: Any = item.config.pluginmanager.getplugin("capturemanager")
    capturing = getattr(manager, "_global_capturing", None)
    captures = [getattr(capturing, name, None) for name in ("out", "err")]
    if not all(hasattr(one, "targetfd_save") for one in captures):
        return False  # -s and --capture=sys: nothing is shared
    for one, own in zip(captures, output, strict=True):
        _use(one, own.fileno())
    manager.stop_global_capturing()
    manager._method = "no"  # as with -s
    manager.start_global_capturing()
    use_output(output)
    return True


def _use(capture: Any, own: int) -> None:
    """pytest's files are shared across fork, and what ends its capture would empty them."""
    os.dup2(own, capture.tmpfile.fileno())


class _Hooks:
    """The hooks of an item, without some plugins. They stay registered: what judges compares that."""

    def __init__(self, item: pytest.Item) -> None:
        self._manager = item.config.pluginmanager
        found = (self._manager.getplugin(name) for name in _NOT_NEEDED)
        others: Iterable[Any] = getattr(item.ihook, "remove_mods", ())  # of folders in which the item is not
        self._without = {plugin for plugin in (*found, *others) if plugin is not None}

    def __getattr__(self, name: str) -> Any:
        caller = self._manager.subset_hook_caller(name, self._without)
        vars(self)[name] = caller
        return caller
