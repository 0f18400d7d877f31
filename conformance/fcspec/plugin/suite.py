"""The suite inside somebody's own pytest: `pytest --pyargs fcspec --fcspec-target TARGET`."""

from __future__ import annotations

import contextlib
import gc
import os
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

import pytest

from fcspec import devices
from fcspec.errors import UsageError
from fcspec.options import NONE, SPAWN, Flag, Options, flags
from fcspec.plugin import hosting, judging, warmup
from fcspec.plugin.collection import Collection, chosen_cases, excluded, shuffled
from fcspec.plugin.grouping import cases_by_child
from fcspec.plugin.isolation import Isolation, Patience
from fcspec.plugin.items import is_case
from fcspec.plugin.protocol import Protocol
from fcspec.plugin.units import Playing
from fcspec.target import preflight
from fcspec.workers.processes import AVAILABLE, adopt_strays, channels

_HAS_CASES = "fcspec_has_cases"


class Suite:
    """A plugin of pytest: collects the chosen cases, and judges them in children, under pytest's own loop or in workers of xdist.

    Cases share a child as in `fcspec check`, and are judged when the first of them comes up. pytest itself imports the target;
    only `fcspec check` has a process of its own for that.
    """

    def __init__(self, config: pytest.Config) -> None:
        self.options = _options(config)
        self._collection = Collection(self.options.profiles, self.options.clauses, self.options.cases)
        self._workeroutput: dict[str, Any] = getattr(config, "workeroutput", {})
        self._protocol = Protocol()
        self._has_cases = self._found_nothing = False
        self._patience = Patience(self.options.patience)
        self._denied = channels() if self.options.isolated else frozenset()
        self._begun: set[pytest.Item] = set()
        self._together: dict[pytest.Item, list[pytest.Item]] = {}
        self._reports: dict[pytest.Item, list[pytest.TestReport]] = {}
        self._collect_garbage = gc.enable if gc.isenabled() else gc.disable
        gc.disable()  # until the cases run: nothing that is imported is garbage
        config.add_cleanup(self._collect_garbage)
        config.addinivalue_line("markers", "clause(slug): the clause of SPEC.md that this test is about")
        config.addinivalue_line("markers", "needs(what): what this test imports lazily")
        config.pluginmanager.register(self._collection, "fcspec-collection")
        config.pluginmanager.register(self._protocol, "fcspec-protocol")
        config.pluginmanager.register(_Ahead(self), "fcspec-ahead")
        self._use_device(config)
        if self.options.isolated and not hasattr(config, "workerinput"):
            try:  # in a child, before any worker of xdist starts
                first = preflight.try_in_child(self.options.address, self.options.timeout, channels())
            except UsageError as error:
                raise pytest.UsageError(str(error)) from None
            if first.draft is not None:
                raise pytest.UsageError(first.draft)
            if not first.forks:
                config.option.fcspec_isolation = SPAWN
                self.options = replace(self.options, isolation=SPAWN)
            config.option.fcspec_warm = first.imports

    def _use_device(self, config: pytest.Config) -> None:
        if self.options.isolated:
            config.add_cleanup(_set_environment(devices.HIDDEN))
        if self.options.device != devices.CPU:
            try:
                config.add_cleanup(devices.use(self.options.device))
            except UsageError as error:
                raise pytest.UsageError(str(error)) from None

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, config: pytest.Config, items: list[pytest.Item]) -> None:
        try:
            self._prepare(config, items)
        finally:
            self._collect_garbage()

    def _prepare(self, config: pytest.Config, items: list[pytest.Item]) -> None:
        cases = self._chosen(config, items)
        if not cases:
            return
        self._has_cases = True
        self._workeroutput[_HAS_CASES] = True
        if not config.option.collectonly:
            self._load(config)
            warmup.warm_up()
            warmup.preload_for([needs for needs, _ in cases_by_child(cases)])
            gc.freeze()  # else each collection goes through all of torch and all cases
        if self.options.seed:
            items[:] = [*shuffled(cases, self.options.seed), *(item for item in items if not is_case(item))]

    def _chosen(self, config: pytest.Config, items: list[pytest.Item]) -> list[pytest.Item]:
        """The cases among the items, without those that were not asked for; these are no items any more."""
        cases = [item for item in items if is_case(item)]
        try:
            chosen = {
                case for case in chosen_cases(cases, self.options.cases) if not excluded(case, self.options.exclude)
            }
        except UsageError as error:
            raise pytest.UsageError(str(error)) from None
        if others := {case for case in cases if case not in chosen}:
            config.hook.pytest_deselected(items=[*others])
            items[:] = [item for item in items if item not in others]
        return [case for case in cases if case in chosen]

    def _load(self, config: pytest.Config) -> None:
        if self.options.isolation == SPAWN:
            return  # each child does
        try:
            hosting.load(config, self.options)
        except UsageError as error:
            raise pytest.UsageError(str(error)) from None
        if getattr(config.option, "fcspec_warm", False):
            hosting.warm(config)

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any) -> None:
        """A worker of xdist says whether it has collected a case; its ids leave out the folder."""
        self._has_cases = self._has_cases or _HAS_CASES in getattr(node, "workeroutput", ())

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session, exitstatus: int) -> None:
        if not self._has_cases and exitstatus in (pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED):
            self._found_nothing = True
            session.exitstatus = pytest.ExitCode.USAGE_ERROR

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        if self._found_nothing:
            line = "--fcspec-target: no case of the suite was collected; `--pyargs fcspec` names them"
            terminalreporter.write_line(f"ERROR: {line}", red=True)

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_setup(self, item: pytest.Item) -> Iterator[None]:
        with _warnings_of_a_new_process(item):
            return (yield)

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_call(self, item: pytest.Item) -> Iterator[None]:
        with _warnings_of_a_new_process(item):
            return (yield)

    def pytest_runtest_protocol(self, item: pytest.Item) -> bool | None:
        """Log what a child found out."""
        if not is_case(item) or not self.options.isolated:
            return None
        self.judge([item])
        self._log(item, self._reports.pop(item, [judging.not_judged(item)]))
        return True

    def judge_with_its_child(self, item: pytest.Item) -> None:
        """Judge all cases that share a child with this one, as `fcspec check` does, where none of them has been judged."""
        if not is_case(item) or not self.options.isolated or item in self._begun:
            return
        if not self._together:
            children = cases_by_child(filter(is_case, item.session.items))
            self._together = {case: cases for _, cases in children for case in cases}
        self.judge([case for case in self._together.get(item, [item]) if case not in self._begun])

    def judge(self, cases: list[pytest.Item]) -> None:
        """One child at a time. What has been judged and not been logged is not judged again."""
        cases = [case for case in cases if case not in self._reports]
        self._begun.update(cases)
        if self._patience.over or not cases:
            return
        adopt_strays()
        isolation = Isolation(
            Playing(self._protocol.play, load=self._loading(cases[0].config), captures=True),
            workers=1,
            limit=self.options.timeout,
            patience=self._patience,
            denied=self._denied,
        )
        for final in isolation.run(cases):
            for case, judged in final:
                reports = judging.reports_of(case, judged.case, judged.sections, strict=self.options.strict)
                self._reports[case] = [*reports]

    def _loading(self, config: pytest.Config) -> Callable[[], object] | None:
        return (lambda: hosting.load(config, self.options)) if self.options.isolation == SPAWN else None

    def _log(self, item: pytest.Item, reports: Iterable[pytest.TestReport]) -> None:
        hook = item.ihook  # it is looked up each time
        hook.pytest_runtest_logstart(nodeid=item.nodeid, location=item.location)
        for report in reports:
            hook.pytest_runtest_logreport(report=report)
        hook.pytest_runtest_logfinish(nodeid=item.nodeid, location=item.location)


@contextlib.contextmanager
def _warnings_of_a_new_process(item: pytest.Item) -> Iterator[None]:
    """What torch warns of fails no case, whatever the user's own tests make of warnings."""
    with warnings.catch_warnings():
        if is_case(item):
            warnings.resetwarnings()
        yield


class _Ahead:
    """A plugin of pytest: judges outside of what clocks, reruns or captures a test wraps itself around one case."""

    def __init__(self, suite: Suite) -> None:
        self._suite = suite

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Iterator[None]:
        self._suite.judge_with_its_child(item)
        return (yield)


def _set_environment(variables: Mapping[str, str]) -> Callable[[], None]:
    """Set variables of the environment, and return what sets them back."""
    before = {name: os.environ.get(name) for name in variables}
    os.environ.update(variables)

    def set_back() -> None:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value

    return set_back


def _options(config: pytest.Config) -> Options:
    chosen: dict[str, Any] = {flag.field: _chosen(config, flag) for flag in flags() if flag.name != "workers"}
    if config.option.usepdb or not AVAILABLE:
        chosen["isolation"] = NONE
    given = {name: value for name, value in chosen.items() if value is not None}
    try:
        return Options.from_dict({"address": config.option.fcspec_target, **given})
    except UsageError as error:
        raise pytest.UsageError(str(error)) from None


def _chosen(config: pytest.Config, flag: Flag) -> Any:
    """What the command line says, else the ini file; None where neither says anything."""
    given = config.getoption(f"--fcspec-{flag.name}")
    if given is not None:
        return given
    key = f"fcspec_{flag.name}"
    given = config.getini(key)
    if not isinstance(given, str):
        return given
    try:
        value = type(flag.default)(given)
    except ValueError:
        value = None
    if value is None or (flag.choices is not None and value not in flag.choices):
        expected = " or ".join(flag.choices) if flag.choices is not None else f"a value like {flag.default}"
        raise pytest.UsageError(f"{key}: expected {expected}, found {given!r}")
    return value
