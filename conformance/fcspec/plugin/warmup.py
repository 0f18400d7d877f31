"""Lazy imports are paid for once, before the fork, by the cases that need them."""

from __future__ import annotations

import inspect
import re

import pytest

from fcspec.plugin.items import clause_of

PLAIN, TRANSFORMS, COMPILER = range(3)
"""What cases need: torch alone; torch.func and torch.testing; torch.compile. Each includes those before."""


def warm(warmth: int) -> None:
    """Pay for lazy imports once, before the fork, and be single-threaded: torch's pool does not survive a fork.

    Args:
        warmth: what the cases to come need.
    """
    import torch

    if torch.get_num_threads() != 1:
        torch.set_num_threads(1)
    weight = torch.ones(2, 2, requires_grad=True)
    steps = range(len(_done), warmth + 1)
    for step in steps:
        _done.append(step)
        if step == PLAIN:
            torch.nn.functional.linear(torch.ones(1, 2), weight).sum().backward()  # type: ignore[no-untyped-call]
        elif step == TRANSFORMS:
            torch.func.grad(lambda x: x.sum())(weight)
            torch.testing.assert_close(weight, weight)  # its first use changes the filters of warnings
        elif tuple(map(int, torch.__version__.split(".")[:2])) >= (2, 5):  # before, no case compiles
            torch.compile(lambda x: x.sum(), backend="aot_eager", fullgraph=True)(weight).backward()
    if steps:
        from fcspec.target import integrity

        integrity.prepare()


_done: list[int] = []


def by_warmth(items: list[pytest.Item]) -> list[tuple[int, list[pytest.Item]]]:
    """First the clauses that need least: imports for the rest take as long as torch's, and make every fork dearer."""
    compiling = {clause_of(item) for item in items if _mentions(item, _COMPILES)}
    transforming = {clause_of(item) for item in items if _mentions(item, _TRANSFORMS)}
    parts: dict[int, list[pytest.Item]] = {PLAIN: [], TRANSFORMS: [], COMPILER: []}
    for item in items:
        slug = clause_of(item)
        parts[COMPILER if slug in compiling else TRANSFORMS if slug in transforming else PLAIN].append(item)
    return [(warmth, part) for warmth, part in parts.items() if part]


_COMPILES = re.compile(r"torch\.compile\(|make_fx|torch\.export")
_TRANSFORMS = re.compile(r"torch\.func\b(?!\.vmap)|checkpoint|assert_close")  # vmap alone imports nothing


def _mentions(item: pytest.Item, words: re.Pattern[str]) -> bool:
    """Whether its file, or the example it runs, has one of these words."""
    from fcspec.spec import load_spec

    slug = clause_of(item)
    texts = [example.code for example in load_spec()[slug].examples] if slug else []
    source = inspect.getsource(item.module) if isinstance(item, pytest.Function) else ""
    return any(words.search(text) for text in (source, *texts))
