"""A process of its own imports the target and forks the children that call it; the process that reports never does.

What comes from there is checked against the plan: a verdict of a case that is not planned, or a second one, is a problem.
"""

from __future__ import annotations

import contextlib
import functools
import itertools
import os
import time
from collections.abc import Callable, Generator, Iterable, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from fcspec import events
from fcspec.errors import UsageError
from fcspec.options import FORK, NONE, SPAWN, Options
from fcspec.plugin.isolation import Isolation, Patience
from fcspec.plugin.items import UNDER_TEST, Needs, UnderTest, case_id, clause_of
from fcspec.plugin.protocol import Protocol
from fcspec.plugin.units import Final, Phase, Playing, Unit
from fcspec.plugin.warmup import preload
from fcspec.target import implementation, preflight
from fcspec.target.trial import Trial
from fcspec.workers.child import Answer, Child
from fcspec.workers.output import Output, use_output
from fcspec.workers.pool import Ended, Pool, Task
from fcspec.workers.processes import channels

if TYPE_CHECKING:
    from fcspec.target.integrity import TrustedCode

_STILLNESS = 1.0
"""Seconds after which it says that it is alive, where it has nothing else to say."""

_MAY_SAY = (events.TargetFound, events.Judged, events.Alive, events.Noted, events.OutOfPatience, events.Refused)

_OFTEN = 3
"""Cases after which the same was put back: what each call changes, and not what one failed case left."""

SILENCE = 60.0
"""Seconds without an answer, beyond a few cases' clocks, after which the process that forks children is given up."""


def load(config: pytest.Config, options: Options) -> list[events.Event]:
    """Import the target into this process, for the cases of this pytest. UsageError where it can't be judged."""
    loaded = preflight.load(options.address, config.pluginmanager)
    found = events.TargetFound(implementation.describe(options.address, loaded.function).as_dict())
    return [found, *_put_under_test(config, options, loaded)]


def _put_under_test(config: pytest.Config, options: Options, loaded: preflight.Loaded) -> list[events.Event]:
    from fcspec.target.boundary import Boundary

    boundary = Boundary(loaded.function, loaded.trusted, loaded.own_classes)
    boundary.debugged = options.isolation == NONE
    config.stash[UNDER_TEST] = UnderTest(boundary, options, loaded)
    return list(map(events.Noted, loaded.notes))


def warm(config: pytest.Config) -> list[events.Event]:
    """Call the target once here, so that children inherit what a call imports."""
    now = config.stash[UNDER_TEST]
    return _put_under_test(config, now.options, preflight.warm(now.loaded))


def judge_here(
    config: pytest.Config, protocol: Protocol, options: Options, items: list[pytest.Item]
) -> Iterator[events.Event]:
    """Judge without isolation."""
    yield from load(config, options)
    for item, following in itertools.zip_longest(items, items[1:]):
        yield events.Judged(protocol.play(item, following)[0])


def judge_apart(
    config: pytest.Config, protocol: Protocol, options: Options, items: list[pytest.Item], trial: Trial
) -> Iterator[events.Event]:
    """Judge in a process that imports the target. UsageError where the target can't be judged."""
    trial.ask(options.address, options.timeout)
    expected = {case_id(item): clause_of(item) for item in items}
    works = yield from _follow(config, protocol, options, items, expected, trial)
    if not works:
        if implementation.is_held(options.address):
            raise UsageError(
                f"{options.address} does not work in a fork of the process that made it; "
                "put it into a module, and judge its address, package.module:function"
            )
        yield events.Spawning()
        yield events.Noted("a fork does not carry the target: each child imports it anew (--isolation spawn)")
        spawning = replace(options, isolation=SPAWN)
        yield from _follow(config, protocol, spawning, items, expected, trial)


def judge_in_one_fork(
    config: pytest.Config, protocol: Protocol, options: Options, items: list[pytest.Item]
) -> Iterator[events.Event]:
    """Judge a target that is known to be honest: one fork imports it, runs all cases, and looks at nothing else.

    UsageError where the target can't be judged.
    """
    from fcspec.target.integrity import classes_below

    expected = {case_id(item): clause_of(item) for item in items}
    trusted, known = _before_any_target(config)

    def work(output: Output) -> Iterator[list[dict[str, Any]]]:
        use_output(output)
        try:
            function = implementation.load(options.address)
        except UsageError as error:
            yield [events.as_dict(events.Refused(str(error)))]
            return
        loaded = preflight.Loaded(function, trusted, frozenset(classes_below(object) - known))
        _put_under_test(config, options, loaded)
        yield [events.as_dict(events.TargetFound(implementation.describe(options.address, function).as_dict()))]
        unit = Unit(items, Needs.TORCH, Playing(protocol.play, brief=options.brief), Phase.CONFIRM)
        for answer in unit.work(output):
            if "case" in answer:
                yield [{"event": events.Judged.__name__, "case": answer["case"]}]

    pool = Pool(1, channels())
    pool.add(Task("host", work, SILENCE + 3 * options.timeout, limited=False))
    with contextlib.closing(pool.run()) as happening:
        for event in happening:
            if isinstance(event, Ended):
                if event.late or event.outcome.status:
                    yield events.Problem(f"the fork that judges ended early {event.outcome.output}".strip())
                continue
            for said in _events(event.answer, expected):
                if isinstance(said, events.Refused):
                    raise UsageError(said.message)
                yield said


@functools.cache
def _before_any_target(config: pytest.Config) -> tuple[TrustedCode, set[type]]:
    """The code that judges, and all classes, once everything is imported that cases import: each fork inherits it."""
    from fcspec.target.integrity import TrustedCode, classes_below

    for needs in Needs:
        preload(needs)
    return TrustedCode(config.pluginmanager), classes_below(object)


def _follow(
    config: pytest.Config,
    protocol: Protocol,
    options: Options,
    items: list[pytest.Item],
    expected: dict[str, str],
    trial: Trial,
) -> Generator[events.Event, None, bool]:
    """Start the process that forks children and pass on what it says. False where a fork does not carry the target."""
    denied = channels()
    gate, opener = os.pipe()
    limit = 2 * options.timeout + preflight.CALL_LIMIT
    task = Task("host", _host(config, protocol, options, items, gate), limit, limited=False)
    pool = Pool(1, (*denied, opener))
    pool.add(task)
    found = False
    try:
        with contextlib.closing(pool.run()) as happening:
            for event in happening:
                if isinstance(event, Ended):
                    yield from _how_it_ended(options, event, found, trial)
                    continue
                for said in _events(event.answer, expected):
                    if isinstance(said, events.Refused):
                        trial.answer()
                        raise UsageError(said.message)
                    if isinstance(said, events.TargetFound):
                        first = trial.answer()
                        if options.isolation == FORK and not first.forks:
                            return False
                        found, task.limit = True, SILENCE + 3 * options.timeout
                        os.write(opener, _WARM if first.imports else _GO)
                        if first.draft is not None:
                            yield events.Drafted(first.draft)
                    yield said
    finally:
        os.close(gate)
        os.close(opener)
    return True


_GO, _WARM = b"g", b"w"
"""What the process that has imported the target waits for: fork children; call the target once before."""


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
    config: pytest.Config, protocol: Protocol, options: Options, items: Iterable[pytest.Item], gate: int
) -> Callable[[Output], Iterator[list[dict[str, Any]]]]:
    """What the process does that forks children: it yields events as data, several at a time."""

    def work(output: Output) -> Iterator[list[dict[str, Any]]]:
        use_output(output)
        spawn = options.isolation == SPAWN
        try:
            yield _load_in_child(config, options) if spawn else list(map(events.as_dict, load(config, options)))
        except UsageError as error:
            yield [events.as_dict(events.Refused(str(error)))]
            return
        if os.read(gate, 1) == _WARM and not spawn:
            yield list(map(events.as_dict, warm(config)))
        patience = Patience(options.patience)
        playing = Playing(
            protocol.play,
            load=(lambda: load(config, options)) if spawn else None,
            brief=options.brief,
            exitfirst=options.exitfirst,
        )
        isolation = Isolation(
            playing, workers=options.workers, limit=options.timeout, patience=patience, denied=channels()
        )
        yield from _in_batches(isolation.run(items))
        often = [part for part, times in isolation.put_back.items() if times >= _OFTEN]
        if often:
            yield [events.as_dict(events.Noted(f"put back after cases: {preflight.named(often)}"))]
        if patience.over:
            yield [events.as_dict(events.OutOfPatience())]

    return work


def _in_batches(verdicts: Iterable[list[Final]]) -> Iterator[list[dict[str, Any]]]:
    said = time.monotonic()
    for final in verdicts:
        if final or time.monotonic() > said + _STILLNESS:
            said = time.monotonic()
            yield [events.as_dict(events.Judged(judged.case)) for _, judged in final] or [
                events.as_dict(events.Alive())
            ]


def _load_in_child(config: pytest.Config, options: Options) -> list[dict[str, Any]]:
    """Import the target in a child, to describe it. UsageError where that does not work."""

    def work(output: Output) -> Iterator[list[dict[str, Any]]]:
        use_output(output)
        try:
            yield list(map(events.as_dict, load(config, options)))
        except UsageError as error:
            yield [events.as_dict(events.Refused(str(error)))]

    child = Child(work, channels())
    answer = child.next_answer(2 * options.timeout)
    late = answer is None and not child.wait(0.5)
    outcome = child.end()
    if answer is None or answer.value is None:
        raise UsageError(preflight.import_failure(options.address, options.timeout, outcome, late=late))
    return answer.value  # type: ignore[no-any-return]
