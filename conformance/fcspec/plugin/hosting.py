"""A process of its own imports the target and forks the children that call it; the process that reports never does.

What comes from there is checked against the plan: a verdict of a case that is not planned, or a second one, is a problem.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import pytest

from fcspec import events
from fcspec.errors import UsageError
from fcspec.options import Options
from fcspec.plugin.isolation import Isolation, Patience
from fcspec.plugin.items import UNDER_TEST, UnderTest, case_id, clause_of
from fcspec.plugin.protocol import Protocol
from fcspec.plugin.units import Playing
from fcspec.target import implementation, preflight
from fcspec.target.trial import Trial
from fcspec.workers.child import Answer, Output, use_output
from fcspec.workers.pool import Ended, Pool, Task
from fcspec.workers.processes import channels

_STILLNESS = 1.0
"""Seconds after which it says that it is alive, where it has nothing else to say."""

_MAY_SAY = (events.TargetFound, events.Judged, events.Alive, events.OutOfPatience, events.Refused)

SILENCE = 60.0
"""Seconds without an answer, beyond a few cases' clocks, after which the process that forks children is given up."""


def load(config: pytest.Config, options: Options) -> events.TargetFound:
    """Import the target into this process, for the cases of this pytest. UsageError where it can't be judged."""
    from fcspec.target.boundary import Boundary

    loaded = preflight.load(options.address, config.pluginmanager)
    boundary = Boundary(loaded.function, loaded.trusted, loaded.own_classes)
    config.stash[UNDER_TEST] = UnderTest(boundary, options)
    return events.TargetFound(implementation.describe(options.address, loaded.function).as_dict())


def judge_here(
    config: pytest.Config, protocol: Protocol, options: Options, items: list[pytest.Item]
) -> Iterator[events.Event]:
    """Judge without isolation."""
    yield load(config, options)
    for item, following in itertools.zip_longest(items, items[1:]):
        yield events.Judged(protocol.play(item, following)[0])


def judge_apart(
    config: pytest.Config, protocol: Protocol, options: Options, items: list[pytest.Item], trial: Trial
) -> Iterator[events.Event]:
    """Judge in a process that imports the target. UsageError where the target can't be judged."""
    task = Task(
        "host", _host(config, protocol, options, items), 2 * options.timeout + preflight.CALL_LIMIT, limited=False
    )
    expected = {case_id(item): clause_of(item) for item in items}
    pool = Pool(1, channels())
    pool.add(task)
    trial.ask(options.address, options.timeout)
    found = False
    for event in pool.run():
        if isinstance(event, Ended):
            yield from _how_it_ended(options, event, found, trial)
            continue
        for said in _events(event.answer, expected):
            if isinstance(said, events.Refused):
                trial.answer()
                raise UsageError(said.message)
            if isinstance(said, events.TargetFound):
                trial.answer()
                found, task.limit = True, SILENCE + 3 * options.timeout
            yield said


def _events(answer: Answer, expected: dict[str, str]) -> list[events.Event]:
    """What the process that forks children said, as far as it may say that now.

    Args:
        expected: clauses by the ids of their cases; those that were judged are taken out.
    """
    if answer.escaped is not None:
        return [events.Problem(f"{answer.escaped[0]}\n{answer.escaped[1]}")]
    if answer.intruded:
        return [events.Problem("something else than the suite wrote into its channel")]
    try:
        said = list(map(events.from_dict, answer.value))
    except (KeyError, TypeError, ValueError, AttributeError):
        return [events.Problem("the process that forks children said what nobody understands")]
    for one in said:
        if not isinstance(one, _MAY_SAY):
            return [events.Problem("the process that forks children said what it may not say")]
        if isinstance(one, events.Judged) and expected.pop(one.case.id, None) != one.case.clause:
            return [events.Problem(f"a verdict of {one.case.id} came that was not planned")]
    return said


def _how_it_ended(options: Options, ended: Ended, found: bool, trial: Trial) -> Iterator[events.Event]:
    outcome = ended.outcome
    if not found:
        trial.answer()  # a trial that failed says more clearly what is wrong
    if not found and (ended.late or outcome.status):
        raise UsageError(preflight.import_failure(options.address, options.timeout, outcome, late=ended.late))
    if ended.late:
        yield events.Problem(f"the process that forks children said nothing for {ended.task.limit:g} s")
    elif outcome.signal:
        last = outcome.output.strip().splitlines()
        yield events.Problem(
            f"the process that forks children was killed by {outcome.signal} {last[-1] if last else ''}"
        )


def _host(
    config: pytest.Config, protocol: Protocol, options: Options, items: Iterable[pytest.Item]
) -> Callable[[Output], Iterator[list[dict[str, Any]]]]:
    """What the process does that imports the target: it yields events as data, several at a time."""

    def work(output: Output) -> Iterator[list[dict[str, Any]]]:
        use_output(output)
        try:
            yield [events.as_dict(load(config, options))]
        except UsageError as error:
            yield [events.as_dict(events.Refused(str(error)))]
            return
        patience = Patience(options.patience)
        playing = Playing(protocol.play, brief=options.brief, exitfirst=options.exitfirst)
        isolation = Isolation(
            playing, workers=options.workers, limit=options.timeout, patience=patience, denied=channels()
        )
        said = time.monotonic()
        for final in isolation.run(items):
            if final or time.monotonic() > said + _STILLNESS:
                said = time.monotonic()
                yield [events.as_dict(events.Judged(judged.case)) for _, judged in final] or [
                    events.as_dict(events.Alive())
                ]
        if patience.over:
            yield [events.as_dict(events.OutOfPatience())]

    return work
