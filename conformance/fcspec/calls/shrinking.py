"""Draw plans until one breaks a law, and make that one small."""

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
from fcspec.calls.comparison import Broken
from fcspec.calls.drawing import TOPICS, plans
from fcspec.calls.expected import expect
from fcspec.calls.plan import Plan

_providers: Any = sys.modules.get("hypothesis.internal.conjecture.providers")  # older ones do not have it

_SETTINGS = hypothesis.settings(
    database=None,
    deadline=None,
    phases=(Phase.generate, Phase.shrink),
    suppress_health_check=list(HealthCheck),
    report_multiple_bugs=False,
    verbosity=Verbosity.quiet,
)


class _Broke(Exception):
    """What hypothesis shrinks."""


def hunt(
    strategy: SearchStrategy[Plan],
    judged: Callable[[Plan], list[Broken]],
    *,
    examples: int,
    seed: int,
    shrinking: float,
    until: float = float("inf"),
) -> tuple[Plan, Broken] | None:
    """The smallest plan found that breaks a law; None where none did.

    Args:
        judged: the laws that a plan breaks. The first one found is the one that is hunted.
        seed: decides what is drawn.
        shrinking: seconds for making it small.
        until: on time.monotonic(), when to stop drawing.
    """
    best: list[tuple[Plan, Broken]] = []
    clock = [until]

    @hypothesis.seed(seed)
    @hypothesis.settings(_SETTINGS, max_examples=examples)
    @hypothesis.given(strategy)
    def draw(plan: Plan) -> None:
        if time.monotonic() > clock[0]:
            return
        for broken in judged(plan):
            if best and broken.clause != best[-1][1].clause:
                continue
            if not best:
                clock[0] = time.monotonic() + shrinking
            if not best or _size(plan) < _size(best[-1][0]):
                best.append((plan, broken))
            raise _Broke

    try:
        with _the_same_draws_everywhere():
            draw()
    except Exception:  # hypothesis also complains that a plan broke nothing when it was tried again: time was over
        if not best:
            raise
    return best[-1] if best else None


@contextlib.contextmanager
def _the_same_draws_everywhere() -> Iterator[None]:
    """hypothesis also draws numbers that stand in the source of modules that are imported: the target's, for example.

    For as long as this holds it knows of no such module. Its internals; where they are others, nothing is changed.
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


def _size(plan: Plan) -> tuple[int, int]:
    text = f"{plan_source.definitions(plan)}{plan_source.dicts(plan)}{plan.flags}"
    return text.count("\n"), len(text)


def warm() -> None:
    """What the first example costs is paid once, before any fork, and without the target."""

    def judged(plan: Plan) -> list[Broken]:
        expect(plan)
        return []

    hunt(plans(TOPICS[0]), judged, examples=3, seed=0, shrinking=0.0)
