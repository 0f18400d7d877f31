"""A child answers once it is done, is ended whatever it does, and speaks for nobody else; a pool runs several with clocks."""

import os
import signal
import time
from contextlib import closing

import pytest
from fcspec.workers import processes
from fcspec.workers.child import Child, use_output
from fcspec.workers.pool import Answered, Ended, Pool, Task
from fcspec.workers.processes import children

pytestmark = [
    pytest.mark.filterwarnings("ignore:.*multi-threaded:DeprecationWarning"),  # xdist's own thread
    pytest.mark.skipif(not processes.AVAILABLE, reason="nothing forks here"),
]


def ended(work, seconds=20.0):
    one = Child(work)
    in_time = one.wait(seconds)
    outcome = one.end()
    return in_time, outcome, [answer.value for answer in one.answers()]


def test_a_child_answers_each_piece_of_work():
    in_time, outcome, answers = ended(lambda output: iter([{"one": 1}, [2]]))

    assert (in_time, outcome.signal, answers) == (True, None, [{"one": 1}, [2]])


def test_an_answer_may_be_large():
    _, _, answers = ended(lambda output: ["x" * (8 << 20)])

    assert len(answers[0]) == 8 << 20


def test_an_exception_is_an_answer_in_words():
    one = Child(lambda output: (1 / 0 for _ in "x"))
    one.wait(20.0)
    one.end()

    (answer,) = one.answers()
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


def test_the_next_answer_is_waited_for():
    def work(output):
        yield "first"
        yield "second"

    one = Child(work)
    said = [one.next_answer(20.0) for _ in range(3)]
    one.end()

    assert [answer and answer.value for answer in said] == ["first", "second", None]


def test_what_somebody_else_writes_into_the_channel_is_an_intrusion():
    def work(output):
        for descriptor in processes.channels():
            try:
                os.write(descriptor, b'{"value": "all is well"}')
            except OSError:
                pass
        return ["honest"]

    one = Child(work, denied=processes.channels())
    one.wait(20.0)
    one.end()

    (answer,) = one.answers()
    assert (answer.value, answer.intruded) == ("honest", True)


def test_a_denied_descriptor_leads_nowhere():
    read_end, write_end = os.pipe()

    ended_child = Child(lambda output: [os.write(write_end, b"hello")], denied=[write_end])
    ended_child.wait(20.0)
    ended_child.end()

    os.set_blocking(read_end, False)
    with pytest.raises(BlockingIOError):
        os.read(read_end, 5)
    os.close(read_end)
    os.close(write_end)


def test_the_end_of_what_a_child_printed_is_kept():
    def work(output):
        use_output(output)
        os.write(1, b"x" * 5000)
        os.write(2, b"the end")
        os._exit(3)

    _, outcome, _ = ended(work)

    assert (os.WEXITSTATUS(outcome.status), outcome.output) == (3, "x" * 4000 + "the end")


# ------------------------------------------------------------------------------------------------------------- a pool


def says(*values, after=0.0):
    def work(output):
        time.sleep(after)
        return iter(values)

    return work


def happens(pool):
    """What happens in a pool, as (key, what)."""
    return [
        (event.task.key, event.answer.value if isinstance(event, Answered) else "late" if event.late else "ended")
        for event in pool.run()
    ]


def test_every_task_answers_before_it_ends():
    pool = Pool(2)
    for key in "abc":
        pool.add(Task(key, says(1, 2), 20.0))

    found = happens(pool)

    for key in "abc":
        assert [what for one, what in found if one == key] == [1, 2, "ended"]


def test_tasks_run_in_the_order_in_which_they_were_added():
    pool = Pool(1)
    for key in "abc":
        pool.add(Task(key, says(), 20.0))
    pool.add(Task("first", says(), 20.0), first=True)

    assert [key for key, _ in happens(pool)] == ["first", "a", "b", "c"]


def test_as_many_tasks_run_at_a_time_as_there_are_workers(tmp_path):
    """Each waits until there are as many marks as workers, so with fewer at a time they would wait for ever."""

    def work(output):
        (tmp_path / str(os.getpid())).touch()
        while len(list(tmp_path.iterdir())) < 2:
            time.sleep(0.01)
        return ["met"]

    pool = Pool(2)
    for key in "ab":
        pool.add(Task(key, work, 20.0))

    assert sorted(happens(pool)) == [("a", "ended"), ("a", "met"), ("b", "ended"), ("b", "met")]


def test_a_task_that_does_not_answer_is_ended_when_its_clock_runs_out():
    pool = Pool(2)
    pool.add(Task("slow", says("never", after=3600), 0.3))
    pool.add(Task("quick", says("here"), 20.0))

    assert sorted(happens(pool)) == [("quick", "ended"), ("quick", "here"), ("slow", "late")]


def test_the_clock_begins_anew_with_each_answer():
    def work(output):
        for number in range(3):
            time.sleep(0.4)
            yield number

    pool = Pool(1)
    pool.add(Task("a", work, 1.0))

    assert happens(pool) == [("a", 0), ("a", 1), ("a", 2), ("a", "ended")]


def test_a_sign_of_life_that_is_no_answer_sets_the_clock_too():
    begun = time.monotonic()
    pool = Pool(1, pause=0.05)
    pool.add(Task("a", says("late, but alive", after=0.8), 0.5, alive=lambda: min(time.monotonic(), begun + 10)))

    assert happens(pool) == [("a", "late, but alive"), ("a", "ended")]


def test_a_limit_may_be_changed_while_the_task_runs():
    def work(output):
        yield "ready"
        time.sleep(3600)

    pool = Pool(1)
    task = Task("a", work, 20.0)
    pool.add(task)
    found = []
    for event in pool.run():
        found.append(event)
        task.limit = 0.2

    assert isinstance(found[-1], Ended)
    assert found[-1].late


def test_whoever_follows_may_add_tasks_and_drop_those_that_wait():
    pool = Pool(1)
    for key in ("a", "dropped"):
        pool.add(Task(key, says(), 20.0))
    keys = []
    for event in pool.run():
        keys.append(event.task.key)
        if event.task.key == "a":
            pool.drop_waiting()
            pool.add(Task("added", says(), 20.0))

    assert keys == ["a", "added"]


def test_children_are_killed_when_the_iteration_stops():
    def work(output):
        yield os.getpid()
        time.sleep(3600)

    pool = Pool(2)
    for key in "ab":
        pool.add(Task(key, work, 20.0))
    pids = set()
    with closing(pool.run()) as events:
        for event in events:
            pids.add(event.answer.value)
            if len(pids) == 2:
                break

    assert pids
    assert not pids & children()
    for pid in pids:
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)


def test_what_a_child_leaves_behind_is_killed():
    def work(output):
        if (pid := os.fork()) == 0:
            os.setsid()
            time.sleep(3600)
        yield pid

    pool = Pool(1)
    pool.add(Task("a", work, 20.0))
    (stray,) = [event.answer.value for event in pool.run() if isinstance(event, Answered)]

    with pytest.raises(ProcessLookupError):
        os.kill(stray, 0)


def test_a_child_has_neither_the_channels_of_its_siblings_nor_what_is_denied():
    read_end, write_end = os.pipe()
    elsewhere = processes.channels() - {write_end}  # pytest's own

    def is_quiet(output):
        yield "ready"
        time.sleep(0.5)
        yield "honest"

    def writes_everywhere(output):
        for descriptor in processes.channels() - elsewhere:
            os.write(descriptor, b"noise")
        os.write(write_end, b"noise")
        return []

    pool = Pool(2, denied=[write_end])
    pool.add(Task("a", is_quiet, 20.0))
    pool.add(Task("b", writes_everywhere, 20.0))
    intruded = [(event.task.key, event.outcome.intruded) for event in pool.run() if isinstance(event, Ended)]

    assert sorted(intruded) == [("a", False), ("b", True)]
    os.set_blocking(read_end, False)
    with pytest.raises(BlockingIOError):
        os.read(read_end, 5)
    os.close(read_end)
    os.close(write_end)
