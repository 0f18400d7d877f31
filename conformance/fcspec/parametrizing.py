"""Inside somebody's pytest: `@fcspec.parametrize(callable_or_address)`, one test for each clause.

The clauses are judged at once, as `fcspec check` judges them, when the first of their tests runs. Where the entry point of pytest
is loaded (plugin/hooks.py), only the clauses that this session has selected are judged, before any plugin's clock for the
test runs; and of several workers of xdist one judges for all.
"""

from __future__ import annotations

import contextlib
import functools
import importlib.metadata
import json
import sys
import warnings
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from pathlib import Path
from typing import IO, Any

import pytest
from _pytest.skipping import evaluate_skip_marks

from fcspec import api
from fcspec.errors import UsageError
from fcspec.report.declarations import Deviation
from fcspec.report.deviations import ended
from fcspec.report.failure import failure_of
from fcspec.report.model import ClauseResult, Report
from fcspec.report.verdict import Verdict
from fcspec.report.words import clean
from fcspec.reproducing import with_reproducers
from fcspec.spec import load_spec
from fcspec.workers.processes import AVAILABLE


class ConformanceWarning(UserWarning):
    """A SHOULD does not hold, and nobody asked to be strict."""


class DeclaredDeviation(AssertionError):
    """A clause deviates as declared."""


class Kind(StrEnum):
    """What becomes of a clause's test."""

    HOLDS = "holds"
    FAILS = "fails"
    DEVIATES = "deviates as declared"
    WARNS = "warns"
    UNSUPPORTED = "unsupported"


@dataclass(frozen=True)
class Outcome:
    kind: Kind
    text: str = ""


def parametrize(
    target: api.Target,
    profiles: Iterable[str] | str | None = None,
    clauses: Iterable[str] | str | None = None,
    *,
    strict: bool = False,
    deviations: str | Path | None = None,
    workers: int | None = None,
    timeout: float = 10.0,
    **more: Any,
) -> pytest.MarkDecorator:
    """Make one test for each clause of a function that has the argument `clause`, and calls it.

    The arguments are those of fcspec.check. Relative paths start in the folder of the test file; where nothing is there, in the
    current one. UsageError where the call is wrong.
    """
    __tracebackhide__ = True
    frame = sys._getframe(1)
    chosen = {"profiles": profiles, "clauses": clauses, "strict": strict, "workers": workers, "timeout": timeout}
    try:
        return _mark(target, chosen | more, api.path_in_words(deviations), frame.f_code.co_filename, frame.f_lineno)
    except UsageError as error:
        raise UsageError(str(error)) from None  # without frames of fcspec


def _mark(
    target: api.Target, chosen: dict[str, Any], declared: str | None, test_file: str, line: int
) -> pytest.MarkDecorator:
    folder = Path(test_file).parent
    file = target.rpartition(":")[0] if isinstance(target, str) and ".py:" in target else ""
    declared = None if declared is None else _found_from(folder, declared)
    request = api.request_for(target, chosen, declared, str(folder) if (folder / file).is_file() else None)
    slugs = [clause.slug for clause in load_spec().select(request.options.profiles, request.options.clauses)]
    judgement = Judgement(request, slugs, f"{test_file}:{line}")
    reasons = _declared_here(request)
    params = [
        pytest.param(ClauseTest(slug, judgement), id=slug, marks=_expected_to_fail(reasons.get(slug))) for slug in slugs
    ]
    return pytest.mark.parametrize("clause", params)


def _found_from(folder: Path, path: str) -> str:
    return str(folder / path) if path != "builtin" and (folder / path).is_file() else path


def _declared_here(request: api.Request) -> dict[str, str]:
    """The reasons of the deviations that are declared for this torch, and today, by clause."""
    today = date.today()
    return {one.clause: _reason(one, today) for one in _of_release(request) if not one.has_ended(today)}


def _of_release(request: api.Request) -> list[Deviation]:
    release = importlib.metadata.version("torch")
    return [one for one in request.declared or () if one.matches(release)]


def _reason(one: Deviation, today: date) -> str:
    return f"{one.reason} (to be reviewed since {one.review})" if one.is_to_review(today) else one.reason


def _expected_to_fail(reason: str | None) -> tuple[pytest.MarkDecorator, ...]:
    return () if reason is None else (pytest.mark.xfail(reason=reason, strict=True, raises=DeclaredDeviation),)


@dataclass(frozen=True)
class ClauseTest:
    """The argument `clause` of a test: call it, and it passes, fails, skips or warns as the clause was judged."""

    slug: str
    judgement: Judgement = field(repr=False)

    def __call__(self) -> None:
        __tracebackhide__ = True
        outcome = self.judgement.outcome(self.slug)
        if outcome.kind is Kind.FAILS:
            pytest.fail(outcome.text, pytrace=False)
        elif outcome.kind is Kind.DEVIATES:
            raise DeclaredDeviation(outcome.text)
        elif outcome.kind is Kind.UNSUPPORTED:
            pytest.skip(outcome.text)
        elif outcome.kind is Kind.WARNS:
            try:
                warnings.warn(outcome.text, ConformanceWarning, stacklevel=2)
            except ConformanceWarning:  # warnings are errors here, but this clause does not decide
                pytest.xfail(outcome.text)


class Judgement:
    """How the clauses of one `parametrize` were judged, when the first of them is asked for.

    Args:
        slugs: all of them.
        place: of the call in its file.

    Attributes:
        selected: those that this session runs; empty: not known.
        folder: where the workers of one run of xdist share what one of them found out; None: there are none.
    """

    def __init__(self, request: api.Request, slugs: Iterable[str], place: str) -> None:
        self._request, self._slugs, self._place = request, tuple(slugs), place
        self._outcomes: dict[str, Outcome] = {}
        self.selected: set[str] = set()
        self.folder: Path | None = None

    def outcome(self, slug: str) -> Outcome:
        if slug not in self._outcomes:
            known = slug in self.selected
            self._outcomes |= self._judge_once([one for one in self._slugs if not known or one in self.selected])
        return self._outcomes[slug]

    def _judge_once(self, slugs: list[str]) -> dict[str, Outcome]:
        """Here, or in another worker of xdist."""
        if self.folder is None or not AVAILABLE:
            return self._judge(slugs)
        key = zlib.crc32(repr((self._place, self._request.options, slugs)).encode())
        with _locked(self.folder / f"fcspec-{key}.json") as file:
            found = file.read()
            if found:
                return {slug: Outcome(Kind(kind), text) for slug, (kind, text) in json.loads(found).items()}
            outcomes = self._judge(slugs)
            file.write(json.dumps({slug: (one.kind, one.text) for slug, one in outcomes.items()}))
            return outcomes

    def _judge(self, slugs: list[str]) -> dict[str, Outcome]:
        try:
            report = self._request.judge(slugs)
            if self._request.function is None:
                report = with_reproducers(report, self._request.options, self._request.folder)
        except UsageError as error:
            return dict.fromkeys(slugs, Outcome(Kind.FAILS, f"fcspec: {error}"))
        over = {one.clause: one for one in _of_release(self._request) if one.has_ended(date.today())}
        return {result.clause: _outcome(result, report, over.get(result.clause)) for result in report.clauses}


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[IO[str]]:
    import fcntl  # not on Windows, where nothing forks

    with path.open("a+", encoding="utf-8") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        file.seek(0)
        yield file


def _outcome(result: ClauseResult, report: Report, over: Deviation | None = None) -> Outcome:
    """
    Args:
        over: what was declared of the clause, and does not count any more.
    """
    text = functools.partial(_text, result, report, over)
    decides = result in report.required() or result.verdict is Verdict.ERROR
    if report.run.problem is not None:
        return Outcome(Kind.FAILS, f"the suite itself failed: {report.run.problem}")
    if report.run.draft is not None and not result.is_wrong:
        return Outcome(Kind.FAILS, clean(report.run.draft))  # whatever holds, holds by accident, or where pytest is
    if result.verdict is None:
        return Outcome(Kind.FAILS, "not judged: too many timeouts in a row (patience)")
    if result.clause in report.stale and result.is_wrong:
        return Outcome(Kind.FAILS, f"it deviates in another way, or in other cases, than declared\n{text()}")
    if result.declared is not None:
        return Outcome(Kind.DEVIATES, text())
    if result.verdict is Verdict.UNSUPPORTED:
        return Outcome(Kind.UNSUPPORTED, result.reason or "")
    if not result.is_wrong or (result.level == "MAY" and not decides):
        return Outcome(Kind.HOLDS)
    if decides:
        return Outcome(Kind.FAILS, text())
    again = f"fcspec check {report.target['address']} --clause {result.clause}"
    return Outcome(Kind.WARNS, clean(f"{result.clause} · {result.level} does not hold: {result.reason} ({again})"))


def _text(result: ClauseResult, report: Report, over: Deviation | None) -> str:
    text = str(failure_of(result, load_spec(), report.target["address"]))
    return text if over is None else f"{clean(ended(over, over.clause))}\n{text}"


class Judging:
    """A plugin of pytest: which clauses a session has selected, and when they are judged.

    Args:
        session: one that has collected.
    """

    def __init__(self, session: pytest.Session) -> None:
        folder = _shared_folder(session.config)
        for item in session.items:
            clause = _clause_of(item)
            if clause is not None:
                clause.judgement.selected.add(clause.slug)
                clause.judgement.folder = folder

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Iterator[None]:
        """Judge here: what clocks, reruns or captures a test wraps itself around what follows."""
        clause = _clause_of(item)
        if clause is not None and not _is_skipped(item):
            clause.judgement.outcome(clause.slug)
        return (yield)


def _clause_of(item: pytest.Item) -> ClauseTest | None:
    callspec = getattr(item, "callspec", None)
    clause = callspec.params.get("clause") if callspec is not None else None
    return clause if isinstance(clause, ClauseTest) else None


def _is_skipped(item: pytest.Item) -> bool:
    try:
        return evaluate_skip_marks(item) is not None
    except BaseException:
        return True  # pytest says so when it runs the test


def _shared_folder(config: pytest.Config) -> Path | None:
    """Of all workers of this run of xdist; None where this is none of them."""
    factory = getattr(config, "_tmp_path_factory", None)
    if factory is None or not hasattr(config, "workerinput"):
        return None
    folder = Path(factory.getbasetemp()).parent / f"fcspec-{config.workerinput['testrunuid']}"
    folder.mkdir(exist_ok=True)
    return folder
