"""A process beside a child that runs cases: forked when all is imported there and no case has run, it runs some of them again."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import pytest

from fcspec.plugin.protocol import Play
from fcspec.report.verdict import Verdict
from fcspec.workers.child import Child
from fcspec.workers.output import Output, use_output

_LONG = 3600.0
"""Seconds. Whoever waits for the child that has the spare has a clock, and ends both."""


class Spare:
    """Forked when it is made; it ends with the process that made it.

    Args:
        items: which can be run again.
    """

    def __init__(self, play: Play, items: list[pytest.Item]) -> None:
        numbers, self._numbers = os.pipe()

        def work(output: Output) -> Iterator[dict[str, Any]]:
            use_output(output)
            with os.fdopen(numbers, "rb") as lines:
                for line in lines:
                    case, _ = play(items[int(line)], None)
                    yield {"passes": case.verdict is Verdict.PASS}

        self._child = Child(work, (self._numbers,))
        os.close(numbers)

    def passes(self, number: int) -> bool:
        """Run the item of this number; False, too, where there is no answer."""
        try:
            os.write(self._numbers, f"{number}\n".encode())
        except OSError:
            return False  # the target has closed it, or ended the spare
        answer = self._child.next_answer(_LONG)
        return answer is not None and not answer.intruded and answer.value == {"passes": True}
