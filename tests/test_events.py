"""Events survive the trip from one process to another; what is none is not taken for one."""

import json
import os

import pytest
from fcspec import events
from fcspec.report.model import Case
from fcspec.report.verdict import Verdict

EVERY = [
    events.Alive(),
    events.TargetFound({"address": "a:b", "name": "b", "file": None, "line": None}),
    events.Planned({"call.result": ["test_call.py::a"]}, "fork", {"torch": "2.13.0"}),
    events.Judged(Case("test_call.py::a", "call.result", Verdict.FAIL, "not\nso", 0.5, "f()", "at line 1", "phrase")),
    events.Drafted("the target cannot call a torch.nn.Linear"),
    events.Spawning(),
    events.Noted("put back after the import: default dtype"),
    events.OutOfPatience(),
    events.Problem("pytest failed"),
    events.Refused("no such target ✗"),
    events.Done(),
]


def test_every_kind_of_event_is_here():
    assert {type(event) for event in EVERY} == set(events.Event.__args__)


@pytest.mark.parametrize("event", EVERY, ids=lambda event: type(event).__name__)
def test_an_event_survives_the_trip(event):
    read_end, write_end = os.pipe()
    events.write(event, write_end)
    os.close(write_end)
    with os.fdopen(read_end, "rb") as pipe:
        lines = pipe.readlines()

    assert [events.read(line) for line in lines] == [event]


def test_a_verdict_is_one_again_after_the_trip():
    event = events.read(json.dumps(events.as_dict(EVERY[3])).encode())

    assert event.case.verdict is Verdict.FAIL


@pytest.mark.parametrize("event", EVERY, ids=lambda event: type(event).__name__)
def test_a_line_that_was_cut_is_no_event(event):
    line = json.dumps(events.as_dict(event)).encode()

    assert {events.read(line[:length]) for length in range(len(line))} == {None}


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"\xff",
        b"null",
        b"[]",
        b"3",
        b'"Done"',
        b"{}",
        b'{"event": "Conforming"}',
        b'{"event": ["Done"]}',
        b'{"event": "Problem"}',
        b'{"event": "Done", "more": 1}',
        b'{"event": "Judged", "case": null}',
        b'{"event": "Judged", "case": {"id": "a"}}',
        b'{"event": "Judged", "case": {"id": "a", "clause": "b", "verdict": "fine"}}',
        b"[" * 100_000,
    ],
    ids=lambda line: line[:50].decode(errors="replace"),
)
def test_a_foreign_line_is_no_event(line):
    assert events.read(line) is None
