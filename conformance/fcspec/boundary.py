"""The one place where the implementation under test is called."""

from __future__ import annotations

import bdb
import unittest
from collections.abc import Callable, Mapping
from typing import Any

import hypothesis.errors
import torch
from _pytest.outcomes import Exit, OutcomeException

SPEECH: tuple[type[BaseException], ...] = (
    OutcomeException,
    Exit,
    unittest.SkipTest,
    bdb.BdbQuit,
    hypothesis.errors.HypothesisException,
)
"""What only a test may say to a test framework."""


class Boundary:
    """The implementation under test, as the fixture `functional_call` hands it out.

    Calls pass through unchanged, in arguments, result and exceptions. Speech to the test framework that rises out of the
    target sticks to the case as an evasion, whatever the test does with it.

    Attributes:
        function: the implementation itself.
        stimulus: the latest call of this case, in words.
        evasion: the first speech of this case, in words.
    """

    def __init__(self, function: Callable[..., Any]) -> None:
        self.function = function
        self.reset()

    def reset(self) -> None:
        """Before each case."""
        self._call: tuple[tuple[Any, ...], dict[str, Any]] | None = None
        self.evasion: str | None = None

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        __tracebackhide__ = True
        self._call = args, kwargs
        try:
            return self.function(*args, **kwargs)
        except SPEECH as speech:
            self.evasion = self.evasion or f"{type(speech).__module__}.{type(speech).__qualname__}: {speech}"
            raise

    @property
    def stimulus(self) -> str | None:
        if self._call is None:
            return None
        args, kwargs = self._call
        return ", ".join([*map(_brief, args), *(f"{key}={_brief(value)}" for key, value in kwargs.items())])


def _brief(value: Any, depth: int = 0) -> str:
    """One line for one argument: modules by class, tensors by shape."""
    try:
        if isinstance(value, torch.Tensor):
            return f"{type(value).__name__}{tuple(value.shape)}"
        if isinstance(value, torch.nn.Module):
            children = ", ".join(f"{name}={type(child).__name__}" for name, child in value._modules.items())
            return f"{type(value).__name__}({children})"
        if isinstance(value, Mapping) and depth < 3:
            return (
                "{" + ", ".join(f"{key!r}: {_brief(item, depth + 1)}" for key, item in list(value.items())[:12]) + "}"
            )
        if isinstance(value, tuple | list) and depth < 3:
            items = ", ".join(_brief(item, depth + 1) for item in value[:12])
            return f"[{items}]" if isinstance(value, list) else f"({items},)" if len(value) == 1 else f"({items})"
        text = repr(value)
    except Exception as error:
        return f"<{type(value).__name__} whose repr raises {type(error).__name__}>"
    return text if len(text) <= 80 else f"{text[:77]}..."
