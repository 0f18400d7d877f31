"""The one place where the implementation under test is called."""

from __future__ import annotations

import bdb
import itertools
import os
import threading
import unittest
from collections.abc import Callable, Iterator
from typing import Any

import hypothesis.errors
import pytest
import torch
from _pytest.outcomes import Exit, OutcomeException

from fcspec.errors import Unsupported, in_words
from fcspec.state.attributes import Change
from fcspec.target.integrity import CallSurroundings, TrustedCode, classes_below, is_of_torch
from fcspec.target.stimulus import in_one_line
from fcspec.workers.output import sizes
from fcspec.workers.processes import end_if_not

SPEECH: tuple[type[BaseException], ...] = (
    OutcomeException,
    Exit,
    pytest.Session.Interrupted,
    pytest.Session.Failed,
    unittest.SkipTest,
    bdb.BdbQuit,
    hypothesis.errors.HypothesisException,
    hypothesis.errors.StopTest,
    Unsupported,
)
"""What only a test may say to a test framework."""


_QUITTING = (Exit, bdb.BdbQuit)
"""What a debugger raises where somebody quits it: pytest's own, and others."""


class Boundary:
    """The implementation under test, as the fixture `functional_call` hands it out.

    Calls pass through unchanged, in arguments, result and exceptions. What sticks to the case as an evasion, whatever the test
    does with it: speech to the test framework that rises out of the target; code that judges, replaced by the target and put
    back here; a result of a class that the target brought along, which may answer a comparison as it likes.

    Args:
        function: the implementation itself.
        trusted: the code that judges, as it was before the implementation was imported.
        own_classes: the classes that the implementation brought along.

    Attributes:
        careful: after each call attributes of torch are put back, and after each case everything that judges.
        debugged: somebody may quit a debugger in a call, and end the run by that.
        stimulus: the latest call of this case, in words.
        evasion: the first evasion of this case, in words.
        printed: how much had been printed when the case began, after calls that warm up.
        undone: what calls of this case left changed and was put back at once, by group of process_state and name.
    """

    def __init__(
        self, function: Callable[..., Any], trusted: TrustedCode, own_classes: frozenset[type] = frozenset()
    ) -> None:
        self.function = function
        self.careful = False
        self.debugged = False
        self._trusted = trusted
        self._own_classes = own_classes
        self._lock = threading.Lock()
        self._running = 0
        self.reset()

    def reset(self) -> None:
        """Before each case."""
        self.stimulus: str | None = None
        self.evasion: str | None = None
        self.printed: tuple[int, ...] | None = None
        self.undone: dict[str, Change] = {}

    @property
    def called(self) -> bool:
        """Whether this case called the implementation."""
        return self.stimulus is not None

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        __tracebackhide__ = True
        return self._watched(self.function, args, kwargs)

    def __repr__(self) -> str:
        return "functional_call"  # in what pytest says about an assertion

    def through(self, wrap: Callable[[Callable[..., Any]], Callable[..., Any]]) -> Callable[..., Any]:
        """What `wrap` makes of the bare implementation, such as a compiled function that calls it; watched like itself.

        Nothing of the boundary lies between the two, so a tracer that refuses foreign code meets only the implementation's.
        """
        wrapped = wrap(self.function)
        return lambda *args, **kwargs: self._watched(wrapped, args, kwargs)

    def _watched(self, function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        __tracebackhide__ = True
        self.stimulus = in_one_line(args, kwargs)  # in words, for the objects must not live on here
        with self._lock:
            # A call inside another, or beside it in another thread, may see what that one has patched and will put back.
            outermost = self._running == 0
            self._running += 1
        found = CallSurroundings(careful=self.careful) if outermost else None
        known = classes_below(torch.Tensor) if outermost else set()
        process = os.getpid()
        try:
            result = function(*args, **kwargs)
        except SPEECH as speech:
            self._hear(speech)
            raise
        finally:
            end_if_not(process)
            with self._lock:
                self._running -= 1
                alone = self._running == 0
            if found is not None and alone:
                self.undone.update(found.restore())
                self._record_replaced(self._trusted.restore_comparisons())
        if outermost:
            self._check_classes((result, args[1:2]), known)
        return result

    def warm_up(self, times: int) -> None:
        """Call it on a plain Linear, so that the call a case makes is not always the first of its process."""
        found, process = CallSurroundings(careful=self.careful) if times else None, os.getpid()
        for _ in range(times):
            values = {"weight": torch.ones(2, 3), "bias": torch.zeros(2)}
            try:
                self.function(torch.nn.Linear(3, 2), values, (torch.ones(1, 3),))
            except SPEECH as speech:
                self._hear(speech)
                if self.debugged and isinstance(speech, _QUITTING):
                    raise
            except Exception:
                pass  # cases judge, this does not
            finally:
                end_if_not(process)
        self.printed = sizes()
        if found is not None:
            found.restore()
            self._record_replaced(self._trusted.restore_comparisons())

    def finish_body(self) -> None:
        """When the body of a case has ended: put back what pytest calls next."""
        if self.careful:
            self._record_replaced(self._trusted.restore_hooks())

    def finish_case(self) -> None:
        """At the end of a case: put back everything that judges."""
        if self.careful:
            self._record_replaced(self._trusted.restore_all())

    def restore_all(self) -> list[str]:
        """Put back everything that judges; the names of what was changed."""
        return self._trusted.restore_all()

    def record_evasion(self, evasion: str) -> None:
        """The target tried to decide its own verdict; the first attempt of a case is the one that is reported."""
        self.evasion = self.evasion or evasion

    def _hear(self, speech: BaseException) -> None:
        if not (self.debugged and isinstance(speech, _QUITTING)):
            hint = "; a debugger needs --isolation none" if isinstance(speech, bdb.BdbQuit) else ""
            self.record_evasion(f"{in_words(speech)}{hint}")

    def _record_replaced(self, names: list[str]) -> None:
        if names:
            more = f" and {len(names) - 3} more" if len(names) > 3 else ""
            self.record_evasion(f"replaced {', '.join(names[:3])}{more}")

    def _check_classes(self, values: Any, known: set[type]) -> None:
        for value in _leaves(values):
            kind = type(value)
            new = issubclass(kind, torch.Tensor) and kind not in known
            if (new or kind in self._own_classes) and not is_of_torch(kind):
                self.record_evasion(
                    f"returned an object of its own class {kind.__qualname__}, which may compare as it likes"
                )


def _leaves(value: Any, depth: int = 0) -> Iterator[Any]:
    """The value and, in plain containers, what they hold."""
    yield value
    if depth < 4 and isinstance(value, tuple | list):
        for item in value[:100]:
            yield from _leaves(item, depth + 1)
    elif depth < 4 and isinstance(value, dict):
        for item in itertools.islice(dict.values(value), 100):
            yield from _leaves(item, depth + 1)
