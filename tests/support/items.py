"""Cases without pytest, and what their children answer."""

from types import SimpleNamespace

import pytest
from fcspec.plugin.items import CASES, UNDER_TEST, Needs, note_clause
from fcspec.report.model import Case
from fcspec.report.verdict import Verdict
from fcspec.workers.child import Answer


class Item:
    """As much of a pytest.Item as the plugin looks at."""

    def __init__(self, name, clause="call.result", needs=None, *, folder=CASES):
        self.name, self.path, self.stash = name, folder / "test_call.py", pytest.Stash()
        self._marks = {"clause": clause, "needs": needs}
        self.config = SimpleNamespace(stash={UNDER_TEST: SimpleNamespace(boundary=_Boundary())})
        note_clause(self)

    def get_closest_marker(self, name):
        value = self._marks[name]
        return None if value is None else SimpleNamespace(args=(value,))

    def __repr__(self):
        return self.name


class _Boundary:
    careful = False
    printed = None

    def restore_all(self):
        return []


def some(names, clause="call.result", needs=Needs.TORCH):
    return [Item(name, clause, needs) for name in names]


def case_of(item, verdict=Verdict.PASS, reason=None):
    return Case(f"test_call.py::{item.name}", item.get_closest_marker("clause").args[0], verdict, reason)


def answer(item, verdict=Verdict.PASS, reason=None, **more):
    """What a child says when a case is done."""
    return Answer({"case": case_of(item, verdict, reason).as_dict(), "sections": [], **more}, None, False, 0.1)


def last_look(*changed, intruded=False):
    return Answer({"changed": list(changed)}, None, intruded, 0.1)
