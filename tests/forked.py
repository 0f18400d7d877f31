"""Many implementations against the suite's cases, each in a fork of one pytest session that has collected and imported all.

Forked(jobs, workers=2, limit=90.0, done=note).run()
"""

import contextlib
import gc
import json
import os
import select
import signal
import sys
import time
import types
from collections import deque
from collections.abc import Callable, Iterable
from typing import Any

import pytest
from fcspec import runner as suite
from fcspec.plugin import hooks as plugin
from fcspec.plugin import isolation, warmup
from fcspec.plugin import items as items_of
from fcspec.spec import load_spec
from fcspec.workers import child as process

Job = Callable[[list[pytest.Item]], Any]
"""Run in a fork, with the items of every MUST and SHOULD; what it returns goes to `done`, and must be data."""


class Forked:
    """A pytest plugin that runs jobs in place of items. A job that ends without an answer gives "died", or "hung".

    Args:
        jobs: their keys, and what each does.
        workers: so many at a time.
        limit: seconds for one.
        done: called here with the key, the answer, and how many are left.
        profiles: whose clauses are collected.
    """

    def __init__(self, jobs: Iterable[tuple[Any, Job]], *, workers: int, limit: float, done: Any, profiles=("all",)):
        self._jobs, self._workers, self._limit, self._done = deque(jobs), workers, limit, done
        self._profiles = profiles

    def run(self) -> int:
        """The exit code of pytest: not 0 where the suite could not be collected."""
        arguments = ["--implementation=fcspec_reference:functional_call", "--fcspec-isolation=none"]
        arguments += [f"--fcspec-profile={profile}" for profile in self._profiles]
        return int(pytest.main([*suite.pytest_arguments(), *arguments], plugins=[self]))

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        levels = {clause.slug: clause.level for clause in load_spec().clauses}
        items = [
            one
            for one in session.items
            if levels[items_of.clause_of(one)] != "MAY" and one.path.name != "test_examples.py"
        ]
        warmup.warm(warmup.COMPILER)
        gc.freeze()  # a collection would touch, and so copy, every page that is shared with the parent
        live: dict[int, tuple[int, Any, float]] = {}
        while self._jobs or live:
            while self._jobs and len(live) < self._workers:
                key, job = self._jobs.popleft()
                read_end, write_end = os.pipe()
                pid = os.fork()
                if pid == 0:
                    os.close(read_end)
                    _answer(job, items, write_end)
                os.close(write_end)
                live[read_end] = pid, key, time.monotonic() + self._limit
            soonest = min(deadline for _, _, deadline in live.values())
            ready, _, _ = select.select(list(live), [], [], max(0.0, soonest - time.monotonic()))
            late = [end for end, (_, _, deadline) in live.items() if deadline <= time.monotonic() and end not in ready]
            for end in (*ready, *late):
                pid, key, _ = live.pop(end)
                with os.fdopen(end, "rb") as file:
                    answer = "hung" if end in late else json.loads(file.read() or '"died"')
                os.kill(pid, signal.SIGKILL)
                os.waitpid(pid, 0)
                self._done(key, answer, len(self._jobs) + len(live))
        return True


def _answer(job: Job, items: list[pytest.Item], write_end: int) -> None:
    answer: Any = "died"
    try:
        process.limit_resources()  # many a mutant never ends, and lists modules meanwhile
        nowhere = os.open(os.devnull, os.O_RDWR)
        os.dup2(nowhere, 1)
        os.dup2(nowhere, 2)
        answer = job(items)
    except BaseException as error:
        answer = f"{type(error).__name__}: {error}"
    finally:
        view = memoryview(json.dumps(answer).encode())
        while view:
            view = view[os.write(write_end, view) :]
        os._exit(0)


def judge(source: str, items: list[pytest.Item]) -> None:
    """From now on the items judge this source, not the reference; for use in a job."""
    module = types.ModuleType("fcspec_mutant")
    sys.modules[module.__name__] = module
    exec(compile(source, "fcspec_mutant.py", "exec"), vars(module))
    ours = items[0].config.stash[plugin._KEY]
    ours.boundary.function = module.functional_call
    ours._is_last = False


def failing(items: list[pytest.Item], limit: float) -> dict[str, list[str]]:
    """Which cases don't pass: their ids, by clause.

    Args:
        limit: seconds for one case.
    """
    found: dict[str, list[str]] = {}
    for item, ended in isolation._ended([items], plugin._play, 1, limit, ()):
        if _fails(ended):
            found.setdefault(items_of.clause_of(item), []).append(items_of.case_id(item))
    return found


def first_failing(items: list[pytest.Item], slugs: Iterable[str], limit: float) -> dict[str, list[str]]:
    """Of each of these clauses the first case that does not pass."""
    found: dict[str, list[str]] = {}
    for slug in slugs:
        own = [item for item in items if items_of.clause_of(item) == slug]
        with contextlib.closing(isolation._ended([own], plugin._play, 1, limit, ())) as running:
            first = next((item for item, ended in running if _fails(ended)), None)
        if first is not None:
            found[slug] = [items_of.case_id(first)]
    return found


def _fails(ended: isolation.Ended) -> bool:
    verdicts = [report.fcspec["verdict"] for report in ended.reports if hasattr(report, "fcspec")]
    return bool(ended.verdict) or any(verdict not in ("pass", "unsupported") for verdict in verdicts)
