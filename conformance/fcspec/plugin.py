"""The pytest side: options, the mark `clause`, fixtures, and verdicts from pytest's reports.

Every pytest of an environment loads this file, so it imports neither torch nor hypothesis, and its hooks act on items of the
suite only: those that carry a clause.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

pytest.register_assert_rewrite("fcspec.cases", "fcspec.snapshot", "fcspec.specimens", "fcspec.oracle")

from fcspec.errors import UsageError  # noqa: E402
from fcspec.report import Case, capped  # noqa: E402

if TYPE_CHECKING:
    from fcspec.boundary import Boundary
    from fcspec.isolation import Ended

CASES = Path(__file__).parent / "cases"
_KEY = pytest.StashKey["Suite"]()


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("fcspec", "conformance of an implementation of functional_call")
    add = group.addoption
    add("--implementation", metavar="TARGET", help="package.module:function, path/to/file.py:function or a short name")
    add("--fcspec-profile", action="append", default=[], metavar="PROFILE", help="judge this profile (default: core)")
    add("--fcspec-clause", action="append", default=[], metavar="GLOB", help="judge only clauses that match")
    add("--fcspec-isolation", choices=("fork", "none"), default="fork", help="a process per test, or none")
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


def clause(slug: str) -> pytest.MarkDecorator:
    """`@clause("restore.exception")`: this test is about that clause. UsageError, with a did-you-mean, where there is none."""
    from fcspec.spec import load_spec

    return pytest.mark.clause(load_spec()[slug].slug)


def slug_of(item: pytest.Item) -> str | None:
    """The clause an item is about; None where it is no test of the suite."""
    mark = item.get_closest_marker("clause")
    if mark is None or not str(item.path).startswith(str(CASES)):
        return None
    return str(mark.args[0])


def case_id(item: pytest.Item) -> str:
    """file::name; pytest's nodeid depends on the folder it was started in."""
    return f"{item.path.name}::{item.name}"


class Suite:
    """One run of the suite inside one pytest."""

    def __init__(self, config: pytest.Config) -> None:
        self.config = config
        self.boundary: Boundary | None = None
        self.out_of_patience = False
        self._events: int | None = config.getoption("--fcspec-events")

    def option(self, name: str) -> Any:
        return self.config.getoption(f"--fcspec-{name}")

    @property
    def isolated(self) -> bool:
        from fcspec import isolation

        return bool(self.option("isolation") == "fork" and isolation.AVAILABLE and not self.config.option.usepdb)

    def emit(self, event: str, **data: Any) -> None:
        """One line of JSON to whoever started this run."""
        if self._events is not None:
            view = memoryview((json.dumps({"event": event, **data}) + "\n").encode())
            while view:
                view = view[os.write(self._events, view) :]

    # ------------------------------------------------------------------------------------------------ collection

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, config: pytest.Config, items: list[pytest.Item]) -> None:
        from fcspec.spec import load_spec

        ours = [item for item in items if slug_of(item)]
        if not ours:
            return
        address = config.getoption("--implementation")
        if not address:
            from fcspec.target import FORMS

            forms = "\n  ".join(FORMS)
            raise pytest.UsageError(f"which implementation? --implementation takes one of\n  {forms}")
        spec = load_spec()
        try:
            chosen = {one.slug for one in spec.select(self.option("profile"), self.option("clause"))}
        except UsageError as error:
            raise pytest.UsageError(str(error)) from None
        left_out = [item for item in ours if slug_of(item) not in chosen]
        if left_out:
            config.hook.pytest_deselected(items=left_out)
            gone = set(left_out)
            items[:] = [item for item in items if item not in gone]
        if not config.option.collectonly:
            self._load(address)
        plan: dict[str, list[str]] = {slug: [] for slug in sorted(chosen, key=spec.position)}
        for item in items:
            if slug := slug_of(item):
                plan[slug].append(case_id(item))
        isolation = "fork" if self.isolated else "none"
        self.emit("plan", plan=plan, isolation=isolation, environment=_environment())

    def _load(self, address: str) -> None:
        from fcspec import target

        try:
            function = target.load(address)
        except UsageError as error:
            raise pytest.UsageError(str(error)) from None
        from fcspec.boundary import Boundary

        self.boundary = Boundary(function)

    # ---------------------------------------------------------------------------------------------------- running

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool | None:
        """With --fcspec-workers: our own loop, several children of one warm process."""
        options = self.config.option
        workers = self.option("workers")
        ours = bool(session.items) and all(slug_of(item) for item in session.items)
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
        if slug_of(item) is None:
            return None
        if not self.isolated:
            return None
        self._run([item], 1)
        return True

    def _run(self, items: list[pytest.Item], workers: int) -> None:
        from fcspec import isolation

        _warm()
        isolation.adopt_strays()
        inherited = () if self._events is None else (self._events,)
        patient = isolation.run(
            items,
            jobs=workers,
            limit=self.option("timeout"),
            done=self._ended,
            inherited=inherited,
            patience=self.option("patience"),
        )
        if not patient:
            self.out_of_patience = True
            self.emit("out-of-patience")

    def _ended(self, item: pytest.Item, ended: Ended) -> None:
        reports = ended.reports or [_report_of_the_dead(item, ended)]
        item.ihook.pytest_runtest_logstart(nodeid=item.nodeid, location=item.location)
        for report in reports:
            item.ihook.pytest_runtest_logreport(report=report)
        item.ihook.pytest_runtest_logfinish(nodeid=item.nodeid, location=item.location)

    # --------------------------------------------------------------------------------------------------- verdicts

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_setup(self, item: pytest.Item) -> Iterator[None]:
        if slug_of(item) and self.boundary is not None:
            import random

            import torch

            self.boundary.reset()
            torch.manual_seed(self.option("seed"))
            random.seed(self.option("seed"))
        return (yield)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(self, item: pytest.Item, call: pytest.CallInfo[None]) -> Iterator[None]:
        report: pytest.TestReport = yield  # type: ignore[assignment]
        if slug_of(item) and call.when == "call" and self.boundary is not None:
            report.fcspec = _verdict(report, call, self.boundary, item).as_dict()  # type: ignore[attr-defined]
        elif slug_of(item) and report.failed:
            text = f"{call.when}: {call.excinfo.exconly() if call.excinfo else ''}"
            broken = Case(case_id(item), slug_of(item) or "", "error", reason=text, message=capped(report.longreprtext))
            report.fcspec = broken.as_dict()  # type: ignore[attr-defined]
        return report  # type: ignore[return-value]

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> Iterator[None]:
        if data := getattr(report, "fcspec", None):
            self.emit("case", case=data)
        return (yield)

    def pytest_sessionfinish(self, exitstatus: int) -> None:
        self.emit("end", exitstatus=int(exitstatus))


def _verdict(report: pytest.TestReport, call: pytest.CallInfo[None], boundary: Boundary, item: pytest.Item) -> Case:
    verdict, reason = "pass", None
    if boundary.evasion is not None:
        verdict, reason = "evaded", boundary.evasion
    elif call.excinfo is not None and isinstance(call.excinfo.value, Unsupported):
        verdict, reason = "unsupported", str(call.excinfo.value)
    elif report.skipped:
        verdict, reason = "error", f"the case was skipped: {report.longreprtext}"
    elif report.failed and call.excinfo is not None:
        verdict = "exit" if isinstance(call.excinfo.value, SystemExit) else "fail"
        reason = _first_line(call.excinfo)
    return Case(
        id=case_id(item),
        clause=slug_of(item) or "",
        verdict=verdict,
        reason=reason,
        seconds=round(report.duration, 3),
        stimulus=boundary.stimulus if verdict != "pass" else None,
        message=capped(report.longreprtext) if report.failed else None,
        observed=dict(item.user_properties).get("observed"),  # type: ignore[arg-type]
    )


def _first_line(error: pytest.ExceptionInfo[BaseException]) -> str:
    text = error.exconly().removeprefix("AssertionError: ")
    return next((line.strip() for line in text.splitlines() if line.strip()), type(error.value).__name__)[:300]


def _report_of_the_dead(item: pytest.Item, ended: Ended) -> pytest.TestReport:
    """For a child that ended without its own reports."""
    assert ended.verdict is not None
    text = f"{ended.verdict}: {ended.reason}\n{ended.output}"
    report = pytest.TestReport(
        nodeid=item.nodeid,
        location=item.location,
        keywords={},
        outcome="failed",
        longrepr=text,
        when="call",
        duration=ended.seconds,
        user_properties=list(item.user_properties),
    )
    case = Case(
        case_id(item), slug_of(item) or "", ended.verdict, ended.reason, round(ended.seconds, 3), message=capped(text)
    )
    report.fcspec = case.as_dict()  # type: ignore[attr-defined]
    return report


def _warm() -> None:
    """Pay for lazy imports once, before the first fork, and be single-threaded: torch's pool does not survive a fork."""
    import torch

    if torch.get_num_threads() != 1:
        torch.set_num_threads(1)
    if not _warm_already:
        _warm_already.append(time.monotonic())
        weight = torch.ones(2, 2, requires_grad=True)
        torch.nn.functional.linear(torch.ones(1, 2), weight).sum().backward()  # type: ignore[no-untyped-call]
        torch.func.grad(lambda x: x.sum())(weight)


_warm_already: list[float] = []


def _environment() -> dict[str, str]:
    import platform

    import torch

    return {
        "python": platform.python_version(),
        "platform": platform.platform(),
        "torch": torch.__version__,
        "device": "cpu",
    }


class Unsupported(Exception):
    """This torch or platform cannot run the case."""


def unsupported(reason: str) -> None:
    """End a case that this torch or platform cannot run."""
    raise Unsupported(reason)


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
