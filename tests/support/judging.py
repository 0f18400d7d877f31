"""Many implementations, given as source code, judged by the suite's cases."""

import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, TypeVar

from fcspec.options import Options
from fcspec.report.model import Report
from fcspec.runner import Session
from fcspec.target.address import Address

NO_EXAMPLES = ("test_examples.py::*",)
Found = TypeVar("Found")


def judge_source(session: Session, source: str, *, trusted: bool = False, **options) -> Report:
    """Judge a file with this source, whose implementation is called functional_call."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "implementation.py"
        path.write_text(source, encoding="utf-8")
        return session.judge(Options(Address(str(path), "functional_call"), **options), trusted=trusted)


def wrong_clauses(report: Report) -> list[str]:
    """Every MUST and SHOULD that does not hold."""
    return sorted(result.clause for result in report.clauses if result.is_wrong and result.level != "MAY")


def wrong_cases(report: Report) -> list[str]:
    """The ids of their cases that are wrong."""
    return [
        case.id for result in report.clauses for case in result.cases if case.verdict.is_wrong and result.level != "MAY"
    ]


def judge_all(
    jobs: Iterable[tuple[Any, Callable[[Session], Found]]], *, workers: int, profiles: Iterable[str]
) -> Iterator[tuple[Any, Found]]:
    """What each job finds: several at a time, each worker with a session of its own; in the order in which they end."""
    sessions = threading.local()
    opened = []

    def run(job):
        if not hasattr(sessions, "own"):
            sessions.own = Session(profiles=profiles).__enter__()
            opened.append(sessions.own)
        return job(sessions.own)

    try:
        with ThreadPoolExecutor(workers) as pool:
            keys = {pool.submit(run, job): key for key, job in jobs}
            for done in as_completed(keys):
                yield keys[done], done.result()
    finally:
        for session in opened:
            session.__exit__()
