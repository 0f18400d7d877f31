"""One pytest that collects the cases once and then judges a target for each request."""

from __future__ import annotations

import gc
import json
import os
import platform
from collections.abc import Iterable, Mapping
from typing import Any

import pytest

from fcspec import events
from fcspec.errors import UsageError
from fcspec.options import NONE, Options
from fcspec.plugin import hosting, warmup
from fcspec.plugin.collection import Collection, chosen_cases, excluded, planned, shuffled
from fcspec.plugin.items import case_id, clause_of
from fcspec.plugin.protocol import Protocol
from fcspec.report.plainest import is_example
from fcspec.spec import load_spec
from fcspec.target.trial import Trial


class Server:
    """A plugin of pytest.

    Args:
        scope: the profiles and clauses to collect, the device in use.
        requests: lines of JSON: the folder to work in, and Options.
        answers: the descriptor that takes events.
        trial: tries targets; None where nothing forks.
    """

    def __init__(
        self, scope: Mapping[str, Any], requests: Iterable[bytes], answers: int, trial: Trial | None = None
    ) -> None:
        self._requests, self._answers, self._trial = requests, answers, trial
        self._protocol = Protocol()
        self._collection = Collection(scope["profiles"], scope["clauses"], scope["cases"])

    def _emit(self, event: events.Event) -> None:
        events.write(event, self._answers)

    def pytest_configure(self, config: pytest.Config) -> None:
        config.addinivalue_line("markers", "clause(slug): the clause of SPEC.md that this test is about")
        config.addinivalue_line("markers", "needs(what): what this test imports lazily")
        config.pluginmanager.register(self._collection, "fcspec-collection")
        config.pluginmanager.register(self._protocol, "fcspec-protocol")

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        if report.failed:  # ours is to blame, never the implementation
            lines = report.longreprtext.strip().splitlines()
            reason = lines[-1] if lines else "no reason"
            self._emit(events.Problem(f"{report.nodeid} cannot be collected: {reason}"))

    def pytest_internalerror(self, excinfo: pytest.ExceptionInfo[BaseException]) -> None:
        self._emit(events.Problem(f"pytest failed: {excinfo.exconly()}"))

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        warmup.warm_up()
        gc.freeze()
        gc.enable()
        for line in self._requests:
            request = json.loads(line)
            os.chdir(request.pop("folder"))
            trusted = request.pop("trusted", False)
            try:
                self._judge(session.config, Options.from_dict(request), trusted)
            except UsageError as error:
                self._emit(events.Refused(str(error)))
            else:
                self._emit(events.Done())
        return True

    def _judge(self, config: pytest.Config, options: Options, trusted: bool) -> None:
        isolated = options.isolated and self._trial is not None
        slugs = {clause.slug for clause in load_spec().select(options.profiles, options.clauses)}
        cases = [case for case in self._collection.cases if clause_of(case) in slugs]
        cases = chosen_cases(cases, options.cases)
        cases = shuffled([case for case in cases if not excluded(case, options.exclude)], options.seed)
        if options.brief:
            cases.sort(key=lambda case: not is_example(case_id(case)))  # the plainest one that is wrong ends its clause
        if options.exclude and not cases:
            raise UsageError(f"--exclude {' '.join(options.exclude)} leaves no case to judge")
        if options.cases or options.exclude:
            slugs = set(map(clause_of, cases))
        for case in cases:
            vars(case)["location"] = (case.nodeid, None, case.name)  # pytest would look it up for each report
        self._emit(
            events.Planned(planned(cases, slugs), options.isolation if isolated else NONE, environment(options.device))
        )
        if isolated and trusted:
            judged = hosting.judge_in_one_fork(config, self._protocol, options, cases)
        elif isolated and self._trial is not None:
            judged = hosting.judge_apart(config, self._protocol, options, cases, self._trial)
        else:
            judged = hosting.judge_here(config, self._protocol, options, cases)
        for event in judged:
            self._emit(event)


def environment(device: str) -> dict[str, str]:
    """Versions of what was judged with, and where."""
    import torch

    return {
        "python": platform.python_version(),
        "platform": platform.platform(),
        "torch": torch.__version__,
        "device": device,
    }
