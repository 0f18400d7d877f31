"""Targets are tried in a process without pytest, lest one be right only where it finds that it is tested."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from fcspec.errors import UsageError
from fcspec.target import preflight
from fcspec.target.address import Address
from fcspec.workers.child import Child
from fcspec.workers.output import Output, use_output


class Trial:
    """A process that forks children, which import a target and call it once. Make it before pytest is imported."""

    def __init__(self) -> None:
        requests, self._requests = os.pipe()
        self._first: preflight.FirstCall | None = None
        self._child = Child(lambda output: _serve(requests, output), (self._requests,), limited=False)
        os.close(requests)

    def ask(self, address: Address, seconds: float) -> None:
        """Begin to try a target.

        Args:
            seconds: the clock of one test; an import may take twice as long.
        """
        self._seconds, self._first = seconds, None
        request = {"place": address.place, "attribute": address.attribute, "seconds": seconds, "folder": os.getcwd()}
        os.write(self._requests, (json.dumps(request) + "\n").encode())

    def answer(self) -> preflight.FirstCall:
        """Wait until it was tried. UsageError where it can't be judged."""
        if self._first is not None:
            return self._first
        said = self._child.next_answer(5 * self._seconds + 5 * preflight.CALL_LIMIT)
        if said is None or said.value is None:
            raise UsageError("the target cannot be tried: the process that tries it is gone")
        if said.value["refused"]:
            raise UsageError(said.value["refused"])
        self._first = preflight.FirstCall(**said.value["first"])
        return self._first


def _serve(requests: int, output: Output) -> Iterator[dict[str, Any]]:
    use_output(output)
    for line in os.fdopen(requests, "rb"):
        request = json.loads(line)
        os.chdir(request["folder"])
        refused, first = None, preflight.FirstCall()
        try:
            first = preflight.try_in_child(Address(request["place"], request["attribute"]), request["seconds"])
        except UsageError as error:
            refused = str(error)
        yield {"refused": refused, "first": asdict(first)}
