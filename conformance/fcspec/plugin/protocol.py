"""What surrounds a case while pytest runs it, and the Case that comes of it."""

from __future__ import annotations

import bdb
import itertools
import random
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

import _pytest
import pluggy
import pytest
from _pytest.outcomes import Exit
from _pytest.runner import runtestprotocol

from fcspec.errors import LeftTheTest, in_words
from fcspec.plugin.items import UNDER_TEST, UnderTest, case_id, is_case
from fcspec.plugin.judging import mark, of_body, of_broken, of_nothing
from fcspec.report.model import Case
from fcspec.target import boundary


class Protocol:
    """A plugin of pytest: resets what cases share, runs their bodies, and judges how they end.

    Attributes:
        case: the latest one; None until its verdict is known.
    """

    def __init__(self) -> None:
        self.case: Case | None = None
        self._raised: BaseException | None = None
        self._has_run = False
        self._reports: list[pytest.TestReport] | None = None  # of the item that `play` runs now

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_setup(self, item: pytest.Item) -> Iterator[None]:
        if (now := _under_test(item)) is not None:
            self._raised, self._has_run = None, False
            now.boundary.reset()
            _seed(now.options.seed)
        return (yield)

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_call(self, item: pytest.Item) -> Iterator[None]:
        if (now := _under_test(item)) is None:
            return (yield)
        try:
            # Call the target 0, 1 or 2 times first (which, depends on the case's id), so that a target that is right
            # on its n-th call only fails somewhere. A debugger stops in the calls of the case alone.
            times = zlib.crc32(f"{case_id(item)} {now.options.seed}".encode()) % 3
            now.boundary.warm_up(0 if now.boundary.debugged else times)
            _seed(now.options.seed)
            return (yield)
        except bdb.BdbQuit as quit:
            if now.boundary.debugged:
                raise KeyboardInterrupt from quit
            raise
        except (KeyboardInterrupt, Exit) as error:
            # pytest would end the run. A user's own Ctrl-C reaches the parent; without isolation it must pass here.
            if now.options.isolated or now.boundary.evasion is not None:
                raise LeftTheTest(in_words(error)) from error
            raise
        finally:
            now.boundary.finish_body()

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_pyfunc_call(self) -> Iterator[None]:
        """Note how the body ended before pytest does, whose own code the target may have replaced."""
        try:
            return (yield)
        except BaseException as error:
            self._raised = error
            raise
        finally:
            self._has_run = True

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(self, item: pytest.Item, call: pytest.CallInfo[None]) -> Iterator[None]:
        now = _under_test(item)
        if now is not None and call.when == "call":
            now.boundary.finish_case()
            if call.excinfo is not None:
                call.excinfo = _without_frames_of_ours(call.excinfo)
        report: pytest.TestReport = yield  # type: ignore[assignment]
        if now is None:
            return report  # type: ignore[return-value]
        if call.when == "call":
            if report.passed and (self._raised is not None or not self._has_run):
                now.boundary.record_evasion("the report of a case that failed says that it passed")
            self.case = of_body(report, call, now.boundary, item)
            mark(report, self.case, strict=now.options.strict)
        elif report.failed:
            self.case = of_broken(report, call, now.boundary, item)
            mark(report, self.case, strict=True)
        return report  # type: ignore[return-value]

    def play(self, item: pytest.Item, following: pytest.Item | None) -> tuple[Case, list[pytest.TestReport]]:
        """Run one case here and now, with what pytest's plugins wrap around a test.

        Args:
            following: the item that comes next in this process; what both share is not torn down between them.
        """
        self.case, self._reports = None, []
        item.ihook.pytest_runtest_protocol(item=item, nextitem=following)
        reports, self._reports = self._reports or [], None
        return self.case or of_nothing(item, item.config.stash[UNDER_TEST].boundary), reports

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_protocol(self, item: pytest.Item, nextitem: pytest.Item | None) -> bool | None:
        """In `play`: run the item, and log nothing."""
        if self._reports is None:
            return None
        self._reports += runtestprotocol(item, log=False, nextitem=nextitem)
        return True


def _under_test(item: pytest.Item) -> UnderTest | None:
    return item.config.stash.get(UNDER_TEST, None) if is_case(item) else None


def _without_frames_of_ours(excinfo: pytest.ExceptionInfo[BaseException]) -> pytest.ExceptionInfo[BaseException]:
    """From the case's own frame on, and without the boundary's: pytest's are most of a traceback, and slow to format."""
    frames, trace = [], excinfo.tb
    while trace is not None:
        frames.append(trace)
        trace = trace.tb_next  # type: ignore[assignment]
    kept = [one for one in frames if not one.tb_frame.f_code.co_filename.startswith(_OURS)]
    if not kept:
        return excinfo
    for one, following in itertools.pairwise([*kept, None]):
        assert one is not None
        one.tb_next = following
    return pytest.ExceptionInfo.from_exc_info((excinfo.type, excinfo.value.with_traceback(kept[0]), kept[0]))


_OURS = (*(str(Path(str(one.__file__)).parent) for one in (_pytest, pluggy)), __file__, boundary.__file__)


def _seed(seed: int) -> None:
    import torch

    torch.default_generator.manual_seed(seed)  # torch.manual_seed also formats a stack, for CUDA
    random.seed(seed)


Play = Callable[[pytest.Item, pytest.Item | None], tuple[Case, list[pytest.TestReport]]]
