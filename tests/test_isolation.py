"""A child answers once it is done, is ended whatever it does, and speaks for nobody else; the guard sees what changed."""

import builtins
import os
import random
import signal
import threading
import time
import warnings
from types import ModuleType

import pytest
import torch
from fcspec.plugin import isolation
from fcspec.state import memory_marks, process_state
from fcspec.state.attributes import Attributes, Code
from fcspec.target.boundary import Boundary
from fcspec.target.integrity import Judging
from fcspec.workers import child as process
from fcspec.workers.child import Process

pytestmark = pytest.mark.filterwarnings("ignore:.*multi-threaded:DeprecationWarning")  # xdist's own thread


def ended(work, seconds=20.0):
    child = Process(work)
    in_time = child.wait(seconds)
    outcome = child.end()
    return in_time, outcome, [answer.value for answer in child.answers()]


def test_a_child_answers_each_piece_of_work():
    in_time, outcome, answers = ended(lambda output: iter([{"one": 1}, [2]]))

    assert (in_time, outcome.signal, answers) == (True, None, [{"one": 1}, [2]])


def test_an_answer_may_be_large():
    _, _, answers = ended(lambda output: ["x" * (8 << 20)])

    assert len(answers[0]) == 8 << 20


def test_an_exception_is_an_answer_in_words():
    child = Process(lambda output: (1 / 0 for _ in "x"))
    child.wait(20.0)
    child.end()

    (answer,) = child.answers()
    assert answer.escaped[0] == "ZeroDivisionError: division by zero"


def test_what_was_answered_before_a_death_is_kept():
    def work(output):
        yield "first"
        os.kill(os.getpid(), signal.SIGKILL)

    _, outcome, answers = ended(work)

    assert (outcome.signal, answers) == ("SIGKILL", ["first"])


def test_a_child_that_hangs_is_ended_with_its_children():
    def work(output):
        os.fork()
        time.sleep(3600)
        return []

    in_time, outcome, answers = ended(work, seconds=0.5)

    assert (in_time, outcome.signal, answers) == (False, "SIGKILL", [])


def test_what_somebody_else_writes_into_the_channel_is_an_intrusion():
    def work(output):
        for descriptor in process.channels():
            try:
                os.write(descriptor, b'{"value": "all is well"}')
            except OSError:
                pass
        return ["honest"]

    child = Process(work, denied=process.channels())
    child.wait(20.0)
    child.end()

    (answer,) = child.answers()
    assert (answer.value, answer.intruded) == ("honest", True)


def test_a_denied_descriptor_leads_nowhere():
    read_end, write_end = os.pipe()

    child = Process(lambda output: [os.write(write_end, b"hello")], denied=[write_end])
    child.wait(20.0)
    child.end()

    os.set_blocking(read_end, False)
    with pytest.raises(BlockingIOError):
        os.read(read_end, 5)
    os.close(read_end)
    os.close(write_end)


def test_patience_ends_after_timeouts_in_a_row_only():
    late, other = isolation.Ended(verdict="timeout"), isolation.Ended(verdict="fail")
    patience = isolation.Patience(2)

    for one, over in ((late, False), (other, False), (late, False), (late, True)):
        patience.count(one)
        assert patience.over is over


def test_patience_of_0_never_ends():
    patience = isolation.Patience(0)
    patience.count(isolation.Ended(verdict="timeout"))

    assert not patience.over


def _names(change, undo, group):
    before = process_state.snapshot(group)
    change()
    try:
        return set(process_state.difference(before, process_state.snapshot(group)))
    finally:
        undo()


def test_the_guard_sees_nothing_where_nothing_changed():
    assert process_state.difference(process_state.snapshot(), process_state.snapshot()) == {}


CHANGES = {
    "rng.torch": (lambda: torch.rand(1), lambda: None),
    "rng.python": (random.random, lambda: None),
    "defaults.dtype": (
        lambda: torch.set_default_dtype(torch.float64),
        lambda: torch.set_default_dtype(torch.float32),
    ),
    "defaults.deterministic algorithms": (
        lambda: torch.use_deterministic_algorithms(True, warn_only=True),
        lambda: torch.use_deterministic_algorithms(False),
    ),
    "modes.grad": (lambda: torch.set_grad_enabled(False), lambda: torch.set_grad_enabled(True)),
    "torch.nn.modules.module.Module.named_children_too": (
        lambda: setattr(torch.nn.Module, "named_children_too", None),
        lambda: delattr(torch.nn.Module, "named_children_too"),
    ),
    "warnings.filters": (lambda: warnings.simplefilter("ignore"), lambda: warnings.filters.pop(0)),
    "interpreter.environment": (
        lambda: os.environ.update(FCSPEC_TEST="1"),
        lambda: os.environ.pop("FCSPEC_TEST"),
    ),
}


@pytest.mark.parametrize("part", CHANGES)
def test_the_guard_names_what_changed(part):
    change, undo = CHANGES[part]
    group = part.partition(".")[0]

    assert part in _names(change, undo, group)


def test_the_guard_sees_a_thread():
    over = threading.Event()
    thread = threading.Thread(target=over.wait)

    assert _names(thread.start, lambda: (over.set(), thread.join()), "processes") == {"processes.threads"}


def test_attributes_are_put_back_by_identity(monkeypatch):
    class Agreeable:
        __eq__ = lambda self, other: True  # noqa: E731
        __hash__ = object.__hash__

    class Owner:
        kept = removed = replaced = print

    attributes = Attributes({"Owner": Owner})
    del Owner.removed
    Owner.replaced, Owner.added = Agreeable(), 1

    assert set(attributes.put_back()) == {"Owner.removed", "Owner.replaced", "Owner.added"}
    assert attributes.changes() == {}


def test_code_of_a_function_is_put_back():
    class Owner:
        def method(self):
            return 1

    code = Code({"Owner": Owner})
    Owner.method.__code__ = (lambda self: 2).__code__

    assert set(code.put_back()) == {"Owner.method.__code__"}
    assert Owner().method() == 1


@pytest.fixture(params=["marks from memory", "objects compared"])
def marks(request, monkeypatch):
    if request.param == "objects compared":
        monkeypatch.setattr(memory_marks, "_VERSION", None)
        monkeypatch.setattr(memory_marks, "_POINTERS", None)
    elif memory_marks._VERSION is None or memory_marks._POINTERS is None:
        pytest.skip("this Python leaves no marks")


class Owned:
    name = "class"

    def method(self, default=1, *, keyword=2):
        return default


@pytest.mark.usefixtures("marks")
@pytest.mark.parametrize("owner", [Owned, ModuleType("owned")])
def test_every_change_of_an_attribute_is_a_new_mark(owner):
    owner.name = "before"
    read = memory_marks.of_attributes([int, owner])
    acts = (
        lambda: setattr(owner, "name", "after"),
        lambda: setattr(owner, "other", None),
        lambda: delattr(owner, "other"),
    )
    for act in acts:
        before = read()
        assert read() == before
        act()
        first, second = zip(before, read(), strict=True)
        assert (first[0] == first[1], second[0] == second[1]) == (True, False)


@pytest.mark.usefixtures("marks")
@pytest.mark.parametrize("part", memory_marks.PARTS)
def test_every_change_of_a_function_is_a_new_mark(monkeypatch, part):
    read = memory_marks.of_code([ended, Owned.method])
    before = read()
    assert read() == before
    other = {"__code__": (lambda: None).__code__, "__defaults__": (3,), "__kwdefaults__": {"keyword": 3}}[part]
    monkeypatch.setattr(Owned.method, part, other)

    assert [old == new for old, new in zip(before, read(), strict=True)] == [True, False]


@pytest.mark.usefixtures("marks")
def test_attributes_of_another_moment_are_compared_with_it():
    owner = ModuleType("owner")
    owner.kept = owner.replaced = 1
    first = Attributes({"owner": owner})
    assert first.now() is first
    owner.replaced = second = object()
    later = first.now()
    owner.replaced = object()

    assert first.changes(later) == {"owner.replaced": (1, second)}


def test_a_call_inside_a_call_may_see_what_the_outer_one_has_patched():
    real = builtins.isinstance

    def target(depth):
        builtins.isinstance = lambda value, kind: real(value, kind)
        try:
            return depth and boundary(depth - 1)
        finally:
            builtins.isinstance = real

    boundary = Boundary(target, Judging())
    boundary(2)

    assert boundary.evasion is None


def test_what_a_call_replaced_sticks_and_is_put_back():
    real = builtins.isinstance

    def target():
        builtins.isinstance = lambda value, kind: True

    boundary = Boundary(target, Judging())
    boundary()

    assert builtins.isinstance is real
    assert boundary.evasion == "replaced builtins.isinstance"
