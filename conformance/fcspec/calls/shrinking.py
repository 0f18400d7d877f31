"""Draws plans until one breaks a law, and shrinks that one."""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

import hypothesis
from hypothesis import HealthCheck, Phase, Verbosity
from hypothesis.strategies import SearchStrategy

from fcspec.calls import plan_source
from fcspec.calls.choices import Choices
from fcspec.calls.comparison import BrokenLaw
from fcspec.calls.drawing import plans
from fcspec.calls.expected import expect
from fcspec.calls.plan import CallPlan
from fcspec.calls.topics import TOPICS

_providers: Any = sys.modules.get("hypothesis.internal.conjecture.providers")  # None in older releases

_SETTINGS = hypothesis.settings(
    deadline=None,
    suppress_health_check=list(HealthCheck),
    report_multiple_bugs=False,
    verbosity=Verbosity.quiet,
)


class _LawBroken(Exception):
    """Tells hypothesis that an example is one to shrink."""


class _Smallest:
    """The smallest plan so far that breaks the law which the first finding broke.

    Args:
        deadline: on time.monotonic(). From then on, no plan is judged. The first finding sets it anew.
    """

    def __init__(self, judge: Callable[[CallPlan], list[BrokenLaw]], shrink_seconds: float, deadline: float) -> None:
        self.found: tuple[CallPlan, BrokenLaw] | None = None
        self._judge, self._shrink_seconds, self._deadline = judge, shrink_seconds, deadline

    def judge(self, plan: CallPlan) -> None:
        """_LawBroken where the plan breaks the law that is looked for."""
        if time.monotonic() > self._deadline:
            return
        for broken in self._judge(plan):
            if self.found is None:
                self._deadline = time.monotonic() + self._shrink_seconds
            elif broken.clause != self.found[1].clause:
                continue
            if self.found is None or _size(plan) < _size(self.found[0]):
                self.found = plan, broken
            raise _LawBroken  # from one line only: hypothesis takes exceptions from two lines for two failures


def find_smallest(
    strategy: SearchStrategy[CallPlan],
    judge: Callable[[CallPlan], list[BrokenLaw]],
    *,
    examples: int,
    seed: int,
    shrink_seconds: float,
    deadline: float = float("inf"),
    choices: Choices | None = None,
) -> tuple[CallPlan, BrokenLaw] | None:
    """Draw plans until one breaks a law, and return the smallest plan found that breaks the same one. None: no plan breaks any.

    Args:
        judge: returns the laws that a plan breaks; the first one counts.
        seed: decides what is drawn.
        shrink_seconds: how long to look for smaller plans.
        deadline: on time.monotonic(), when to stop drawing.
        choices: receives what was chosen, or says what to choose again.
    """
    smallest = _Smallest(judge, shrink_seconds, deadline)

    @hypothesis.seed(seed)
    @hypothesis.settings(_SETTINGS, max_examples=examples, database=choices, phases=_phases(choices))
    @hypothesis.given(strategy)
    def draw(plan: CallPlan) -> None:
        smallest.judge(plan)

    try:
        with constants_of_modules_hidden():
            draw()
    except Exception:  # _LawBroken, or Flaky: at the deadline a plan that broke a law before seems to break none
        if smallest.found is None:
            raise
    return smallest.found


def _phases(choices: Choices | None) -> tuple[Phase, ...]:
    return (Phase.reuse if choices is not None and choices.again else Phase.generate, Phase.shrink)


@contextlib.contextmanager
def constants_of_modules_hidden() -> Iterator[None]:
    """Make what is drawn independent of the modules that are imported.

    Hypothesis mixes constants that it finds in the source of imported modules into its draws, so importing the target would
    change what a seed draws. This hides them, by private API; it does nothing where that API is missing.
    """
    global _cache
    provider = getattr(_providers, "HypothesisProvider", None)
    if provider is None or "_local_constants" not in vars(provider):
        yield
        return
    theirs = vars(provider)["_local_constants"], _providers.CONSTANTS_CACHE
    _cache = _cache or type(_providers.CONSTANTS_CACHE)(1024)
    provider._local_constants, _providers.CONSTANTS_CACHE = type(_providers._local_constants)(), _cache
    try:
        yield
    finally:
        provider._local_constants, _providers.CONSTANTS_CACHE = theirs


_cache: Any = None


def _size(plan: CallPlan) -> tuple[int, int]:
    text = f"{plan_source.definitions(plan)}{plan_source.dicts(plan)}{plan.flags}"
    return text.count("\n"), len(text)


def preload() -> None:
    """Import and cache what the first example needs: before a fork, so that no child does it again, and without the target."""

    def judge(plan: CallPlan) -> list[BrokenLaw]:
        expect(plan)
        return []

    find_smallest(plans(TOPICS[0]), judge, examples=3, seed=0, shrink_seconds=0.0)
