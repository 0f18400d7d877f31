"""What becomes of a case that pytest runs here: its verdict, and what is reset between two cases."""

import sys

import pytest
from fcspec.options import Options
from fcspec.plugin import items
from fcspec.plugin.items import UNDER_TEST, UnderTest, note_clause
from fcspec.plugin.protocol import Protocol
from fcspec.target.address import Address
from fcspec.target.boundary import Boundary
from fcspec.target.integrity import TrustedCode
from fcspec.target.preflight import Loaded

HEAD = """
import os, pytest, torch
from fcspec.plugin import unsupported

pytestmark = pytest.mark.clause("call.result")

@pytest.fixture
def functional_call(request):
    from fcspec.plugin.items import UNDER_TEST
    return request.config.stash[UNDER_TEST].boundary

@pytest.fixture
def broken():
    raise RuntimeError("broken")

@pytest.fixture
def broken_after_a_call(functional_call):
    functional_call("here")
    raise RuntimeError("broken")

"""


class Player:
    """A plugin that plays every case."""

    def __init__(self, target, isolation):
        self._target, self._isolation = target, isolation
        self._protocol = Protocol()
        self.cases = []

    def pytest_configure(self, config):
        loaded = Loaded(self._target, TrustedCode(config.pluginmanager), frozenset())
        boundary = Boundary(loaded.function, loaded.trusted, loaded.own_classes)
        config.stash[UNDER_TEST] = UnderTest(boundary, Options(Address.parse("a:b"), isolation=self._isolation), loaded)
        config.addinivalue_line("markers", "clause(slug)")
        config.pluginmanager.register(self._protocol)

    def pytest_collection_modifyitems(self, items):
        assert all(map(note_clause, items))

    def pytest_runtestloop(self, session):
        self.cases = [self._protocol.play(item, None)[0] for item in session.items]
        return True


@pytest.fixture
def play(tmp_path, monkeypatch):
    """`play(source of tests, target)` -> their cases."""
    monkeypatch.setattr(items, "CASES", tmp_path)
    monkeypatch.delenv("PYTEST_ADDOPTS", raising=False)

    def play(source, target=lambda *args: None, isolation="fork", plugins=()):
        (tmp_path / "pytest.ini").write_text("[pytest]\n")
        (tmp_path / "test_call.py").write_text(HEAD + source)
        sys.modules.pop("test_call", None)  # of another test
        player = Player(target, isolation)
        arguments = [
            "--disable-plugin-autoload",
            "-p",
            "no:cacheprovider",
            "-q",
            "-s",
            "--import-mode=importlib",
            f"--rootdir={tmp_path}",
        ]
        pytest.main([*arguments, f"-c={tmp_path / 'pytest.ini'}", str(tmp_path)], plugins=[player, *plugins])
        return player.cases

    return play


def speaks(*args):
    pytest.skip("not today")


@pytest.mark.parametrize(
    ("body", "verdict", "reason"),
    [
        ("functional_call(1)", "pass", None),
        ("assert functional_call(1) == 2", "fail", "assert None == 2"),
        ("raise ValueError('a\\nb')", "fail", "ValueError: a"),
        ("raise SystemExit(3)", "exit", "SystemExit: 3"),
        ("raise KeyboardInterrupt", "fail", "KeyboardInterrupt"),
        ("pytest.exit('all is well')", "fail", "_pytest.outcomes.Exit: all is well"),
        ("unsupported('this torch is too old')", "unsupported", "this torch is too old"),
        ("functional_call(1); unsupported('this torch is too old')", "unsupported", "this torch is too old"),
        ("pytest.skip('not today')", "error", "the case was skipped"),
        ("functional_call(1); pytest.skip('not today')", "evaded", "the case was skipped"),
    ],
)
def test_how_a_body_ends_is_its_verdict(play, body, verdict, reason):
    (case,) = play(f"def test_a(functional_call):\n    {body}\n")

    assert (case.id, case.clause, case.verdict) == ("test_call.py::test_a", "call.result", verdict)
    assert (case.reason or "").startswith(reason or ""), case.reason
    assert (case.reason is None) == (reason is None)


def test_what_a_target_says_to_pytest_is_an_evasion_also_where_the_test_swallows_it(play):
    source = (
        "def test_a(functional_call):\n    try:\n        functional_call(1)\n    except BaseException:\n        pass\n"
    )

    (case,) = play(source, speaks)

    assert (case.verdict, case.reason) == ("evaded", "Skipped: not today")


@pytest.mark.parametrize(
    ("fixture", "verdict"),
    [("broken", "error"), ("broken_after_a_call", "fail")],
)
def test_a_broken_fixture_is_to_blame_unless_the_target_was_called(play, fixture, verdict):
    (case,) = play(f"def test_a({fixture}): pass\n")

    assert (case.verdict, case.reason) == (verdict, "setup: RuntimeError: broken")


def test_a_failure_has_the_call_and_a_traceback_that_begins_with_the_case(play):
    (case,) = play("def test_a(functional_call):\n    functional_call(1, b=2)\n    assert False, 'so'\n")

    assert case.stimulus == "1, b=2"
    assert "def test_a(functional_call):" in case.message
    assert "pluggy" not in case.message


def test_a_report_that_was_made_to_pass_is_an_evasion(play):
    class Liar:
        @pytest.hookimpl(trylast=True, wrapper=True)
        def pytest_runtest_makereport(self, call):
            report = yield
            report.outcome = "passed"
            return report

    (case,) = play("def test_a(functional_call):\n    assert functional_call(1)\n", plugins=[Liar()])

    assert (case.verdict, case.reason) == ("evaded", "the report of a case that failed says that it passed")


def test_every_case_begins_with_the_same_random_numbers_and_no_call(play):
    source = (
        "import random\n"
        "def test_a(functional_call):\n"
        "    assert not functional_call.called\n"
        "    functional_call(torch.rand(1).item(), random.random())\n"
        "    assert 0\n"
        "test_b = test_a\n"
    )

    first, second = play(source)

    assert first.stimulus == second.stimulus
    assert first.reason.startswith("assert 0")


def test_what_a_case_observed_is_kept(play):
    (case,) = play("def test_a(request):\n    request.node.user_properties.append(('observed', 'unpacked'))\n")

    assert case.observed == "unpacked"


def test_an_interrupt_of_the_user_ends_pytest_where_nothing_is_isolated(play):
    assert play("def test_a(): raise KeyboardInterrupt\n", isolation="none") == []


def test_a_target_may_have_been_called_before_as_often_as_the_id_of_the_case_says(play):
    source = "".join(f"def test_{n}(functional_call):\n    functional_call('here')\n    assert 0\n" for n in range(12))
    calls, before = [], []

    def target(*args):
        if args == ("here",):
            before.append(len(calls))
            calls.clear()
        else:
            calls.append(args)

    play(source, target)

    assert set(before) == {0, 1, 2}
