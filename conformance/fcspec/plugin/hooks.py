"""The pytest side: options, the mark `clause`, fixtures, and verdicts from pytest's reports.

Every pytest of an environment loads this file, so it imports neither torch nor hypothesis, and its hooks act on items of the
suite only: those that carry a clause.
"""

from __future__ import annotations

import gc
import json
import os
import random
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from _pytest.outcomes import Exit
from _pytest.runner import runtestprotocol

pytest.register_assert_rewrite("fcspec.cases", "fcspec.state.module_state", "fcspec.specimens", "fcspec.calls")

from fcspec import devices  # noqa: E402
from fcspec.errors import LeftTheTest, UsageError, in_words  # noqa: E402
from fcspec.plugin.items import CASES, case_id, clause_of, is_case, note_clause  # noqa: E402
from fcspec.plugin.verdicts import mark, not_judged, of_broken, of_dead, of_report  # noqa: E402
from fcspec.plugin.warmup import by_warmth, warm  # noqa: E402

if TYPE_CHECKING:
    from fcspec.plugin.isolation import Ended, Patience
    from fcspec.state import process_state
    from fcspec.target.boundary import Boundary

_KEY = pytest.StashKey["Suite"]()


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("fcspec", "conformance of an implementation of functional_call")
    add = group.addoption
    add("--implementation", metavar="TARGET", help="package.module:function, path/to/file.py:function or a short name")
    add("--fcspec-profile", action="append", default=[], metavar="PROFILE", help="judge this profile (default: core)")
    add("--fcspec-clause", action="append", default=[], metavar="GLOB", help="judge only clauses that match")
    add("--fcspec-isolation", choices=("fork", "none"), default="fork", help="a process per clause, or none")
    add("--fcspec-device", default=devices.CPU, metavar="DEVICE", help="where modules and values lie (default: cpu)")
    add("--fcspec-workers", type=int, default=0, help="tests at a time, in pytest's own process; 0: pytest decides")
    add("--fcspec-timeout", type=float, default=10.0, help="seconds for one test")
    add("--fcspec-patience", type=int, default=5, help="after so many timeouts in a row the rest is not judged")
    add("--fcspec-seed", type=int, default=0, help="varies the names in specimens and the order of tests")
    add("--fcspec-strict", action="store_true", help="a SHOULD that does not hold is a failed test")
    add(
        "--fcspec-events", type=int, default=None, help="internal: the descriptor that takes one line of JSON per event"
    )


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "clause(slug): the clause of SPEC.md that this test is about")
    suite = Suite(config)
    config.stash[_KEY] = suite
    config.pluginmanager.register(suite, "fcspec-suite")
    suite.use_device()
    suite.try_target()


class Suite:
    """One run of the suite inside one pytest."""

    def __init__(self, config: pytest.Config) -> None:
        self.config = config
        self.boundary: Boundary | None = None
        self.out_of_patience = False
        self._patience: Patience | None = None
        self._denied: frozenset[int] = frozenset()
        self._in_child: list[pytest.TestReport] | None = None
        self._state: process_state.State = {}
        self._is_last = True
        self._events: int | None = config.getoption("--fcspec-events")

    def option(self, name: str, prefix: str = "fcspec-") -> Any:
        return self.config.getoption(f"--{prefix}{name}")

    @property
    def isolated(self) -> bool:
        from fcspec.workers import child as process

        wanted = self.option("isolation") == "fork" and devices.is_cpu(self.option("device"))
        return bool(wanted and process.AVAILABLE and not self.config.option.usepdb)

    def emit(self, event: str, **data: Any) -> None:
        """One line of JSON to whoever started this run."""
        if self._events is not None:
            view = memoryview((json.dumps({"event": event, **data}) + "\n").encode())
            while view:
                view = view[os.write(self._events, view) :]

    # ------------------------------------------------------------------------------------------------ the target

    def use_device(self) -> None:
        """For all that is made from here on, when modules of cases are imported too."""
        if (device := self.option("device")) != devices.CPU:
            try:
                self.config.add_cleanup(devices.use(device))
            except UsageError as error:
                raise pytest.UsageError(str(error)) from None

    def try_target(self) -> None:
        """In a child, before any worker of xdist starts; `fcspec check` has done so before it started pytest."""
        address = self.option("implementation", "")
        if not address or self._events is not None or not self.isolated or hasattr(self.config, "workerinput"):
            return
        from fcspec.target import preflight
        from fcspec.workers import child as process

        try:
            preflight.try_in_child(address, self.option("timeout"), process.channels())
        except UsageError as error:
            raise pytest.UsageError(str(error)) from None

    def _load(self, address: str) -> None:
        from fcspec.target import address as target
        from fcspec.target import preflight
        from fcspec.target.boundary import Boundary
        from fcspec.workers import child as process

        if self.isolated:
            self._denied = process.channels()
        try:
            loaded = preflight.load(address, self.config.pluginmanager)
        except UsageError as error:
            raise pytest.UsageError(str(error)) from None
        self.boundary = Boundary(loaded.function, loaded.judging, loaded.own_classes)
        self.emit("target", target=target.describe(address, loaded.function).as_dict())

    # ------------------------------------------------------------------------------------------------ collection

    def pytest_ignore_collect(self, collection_path: Path) -> bool | None:
        """Files that mention none of the chosen clauses need no import."""
        if collection_path.parent != CASES or not collection_path.name.startswith("test_"):
            return None
        text = collection_path.read_text(encoding="utf-8")
        return None if "SPEC.clauses" in text or any(slug in text for slug in self._chosen()) else True

    def _chosen(self) -> set[str]:
        from fcspec.spec import load_spec

        try:
            return {one.slug for one in load_spec().select(self.option("profile"), self.option("clause"))}
        except UsageError as error:
            raise pytest.UsageError(str(error)) from None

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, config: pytest.Config, items: list[pytest.Item]) -> None:
        from fcspec.spec import load_spec

        ours = [item for item in items if note_clause(item)]
        if not ours:
            return
        address = config.getoption("--implementation")
        if not address:
            from fcspec.target.address import FORMS

            forms = "\n  ".join(FORMS)
            raise pytest.UsageError(f"which implementation? --implementation takes one of\n  {forms}")
        spec, chosen = load_spec(), self._chosen()
        left_out = [item for item in ours if clause_of(item) not in chosen]
        if left_out:
            config.hook.pytest_deselected(items=left_out)
            gone = set(left_out)
            items[:] = [item for item in items if item not in gone]
        if not config.option.collectonly:
            self._load(address)
        plan: dict[str, list[str]] = {slug: [] for slug in sorted(chosen, key=spec.position)}
        for item in items:
            if is_case(item):
                plan[clause_of(item)].append(case_id(item))
        if seed := self.option("seed"):
            random.Random(seed).shuffle(ours := [item for item in items if is_case(item)])
            items[:] = [*ours, *(item for item in items if not is_case(item))]
        isolation = "fork" if self.isolated else "none"
        self.emit("plan", plan=plan, isolation=isolation, environment=_environment(self.option("device")))

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        if report.failed:  # ours is to blame, never the implementation
            lines = report.longreprtext.strip().splitlines()
            self.emit("problem", message=f"{report.nodeid} cannot be collected: {lines[-1] if lines else 'no reason'}")

    def pytest_internalerror(self, excinfo: pytest.ExceptionInfo[BaseException]) -> None:
        self.emit("problem", message=f"pytest failed: {excinfo.exconly()}")

    def pytest_collection_finish(self) -> None:
        if self._events is not None:  # the process is ours
            gc.freeze()
            gc.enable()

    # ---------------------------------------------------------------------------------------------------- running

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool | None:
        """With --fcspec-workers: our own loop, several children of one warm process."""
        options = self.config.option
        workers = self.option("workers")
        ours = bool(session.items) and all(is_case(item) for item in session.items)
        if (
            not workers
            or not self.isolated
            or not ours
            or options.collectonly
            or getattr(options, "dist", "no") != "no"
        ):
            return None
        if session.testsfailed and not options.continue_on_collection_errors:
            raise session.Interrupted(f"{session.testsfailed} errors during collection")
        self._run(session.items, workers)
        if session.shouldstop:
            raise session.Interrupted(session.shouldstop)
        return True

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> bool | None:
        """Under pytest's own loop, and in each worker of xdist: one child at a time."""
        if not is_case(item) or not self.isolated:
            return None
        if self._in_child is not None:
            self._in_child += runtestprotocol(item, log=False)
        else:
            self._run([item], 1)
        return True

    def _run(self, items: list[pytest.Item], workers: int) -> None:
        from fcspec.plugin import isolation
        from fcspec.workers import child as process

        process.adopt_strays()
        if self._patience is None:
            self._patience = isolation.Patience(self.option("patience"))
        for warmth, part in by_warmth(items):
            warm(warmth)
            if not self.out_of_patience:
                isolation.run(
                    part,
                    self._play_all_hooks if workers > 1 or len(items) > 1 else _play,
                    jobs=workers,
                    limit=self.option("timeout"),
                    patience=self._patience,
                    done=self._ended,
                    denied=self._denied,
                    alive=lambda: self.emit("alive"),
                )
            elif len(items) == 1:
                self._log(items[0], [not_judged(items[0])])
        if self._patience.over and not self.out_of_patience:
            self.out_of_patience = True
            self.emit("out-of-patience")

    def _play_all_hooks(self, item: pytest.Item, is_last: bool) -> list[pytest.TestReport]:
        """In a child of our own loop: with what pytest and its plugins wrap around a test."""
        self._in_child, self._is_last = [], is_last
        item.ihook.pytest_runtest_protocol(item=item, nextitem=None)
        return self._in_child

    def _ended(self, item: pytest.Item, ended: Ended) -> None:
        if not ended.reports:
            report, case = of_dead(item, ended)
            mark(report, case, strict=self.option("strict"))
            ended.reports = [report]
        self._log(item, ended.reports)

    def _log(self, item: pytest.Item, reports: list[pytest.TestReport]) -> None:
        item.ihook.pytest_runtest_logstart(nodeid=item.nodeid, location=item.location)
        for report in reports:
            item.ihook.pytest_runtest_logreport(report=report)
        item.ihook.pytest_runtest_logfinish(nodeid=item.nodeid, location=item.location)

    # --------------------------------------------------------------------------------------------------- verdicts

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_setup(self, item: pytest.Item) -> Iterator[None]:
        if is_case(item) and self.boundary is not None:
            from fcspec.state import process_state

            self.boundary.reset()
            self._seed()
            self._state = process_state.snapshot(*_LEFT_FOR_OTHERS)
        return (yield)

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_call(self, item: pytest.Item) -> Iterator[None]:
        if not is_case(item) or self.boundary is None:
            return (yield)
        try:
            # So that "right on the first call only" and its like show, in one case or another.
            self.boundary.practise(zlib.crc32(f"{case_id(item)} {self.option('seed')}".encode()) % 3)
            self._seed()
            return (yield)
        except (KeyboardInterrupt, Exit) as error:
            # pytest would end the run. A user's own Ctrl-C reaches the parent; without isolation it must pass here.
            if self.isolated or self.boundary.evasion is not None:
                raise LeftTheTest(in_words(error)) from error
            raise
        finally:
            self.boundary.look_at_hooks()

    def _seed(self) -> None:
        import torch

        torch.default_generator.manual_seed(self.option("seed"))  # torch.manual_seed also formats a stack, for CUDA
        random.seed(self.option("seed"))

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(self, item: pytest.Item, call: pytest.CallInfo[None]) -> Iterator[None]:
        left_changes = False
        if is_case(item) and call.when == "call" and self.boundary is not None:
            from fcspec.state import process_state

            left_changes = bool(process_state.difference(self._state, process_state.snapshot(*_LEFT_FOR_OTHERS)))
            self.boundary.look_back(everywhere=self._is_last or left_changes or call.excinfo is not None)
        failed = call.excinfo is not None
        report: pytest.TestReport = yield  # type: ignore[assignment]
        if failed and report.passed and self.boundary is not None:
            self.boundary.note("the report of a case that failed says that it passed")
        if not is_case(item) or self.boundary is None:
            return report  # type: ignore[return-value]
        if call.when == "call":
            report.left_changes = left_changes  # type: ignore[attr-defined]
            mark(report, of_report(report, call, self.boundary, item), strict=self.option("strict"))
        elif report.failed:
            mark(report, of_broken(report, call, self.boundary, item), strict=True)
        return report  # type: ignore[return-value]

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> Iterator[None]:
        if data := getattr(report, "fcspec", None):
            self.emit("case", case=data)
        return (yield)

    def pytest_sessionfinish(self, exitstatus: int) -> None:
        self.emit("end", exitstatus=int(exitstatus))


def _play(item: pytest.Item, _: bool) -> list[pytest.TestReport]:
    """In a child of pytest's own loop, which has wrapped its hooks around the fork."""
    return runtestprotocol(item, log=False)


# What one case could leave behind for the next in its process; random numbers are seeded anew for each.
# Attributes of torch that cases use are put back after each call, see tampering.py.
_LEFT_FOR_OTHERS = ("defaults", "modes", "warnings", "processes", "interpreter")


def _environment(device: str) -> dict[str, str]:
    import platform

    import torch

    return {
        "python": platform.python_version(),
        "platform": platform.platform(),
        "torch": torch.__version__,
        "device": device,
    }


@pytest.fixture(scope="session")
def functional_call(request: pytest.FixtureRequest) -> Boundary:
    """The implementation under test. Session-scoped, because hypothesis refuses function-scoped fixtures under @given."""
    boundary = request.config.stash[_KEY].boundary
    assert boundary is not None
    return boundary


@pytest.fixture
def observe(request: pytest.FixtureRequest) -> Callable[[str], None]:
    """`observe("unpacked")`: what a MAY clause reports, in one short phrase."""

    def record(phrase: str) -> None:
        request.node.user_properties.append(("observed", phrase))

    return record
