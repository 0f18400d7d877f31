"""Cases that share a child: their verdicts are final where nothing was left behind; otherwise they run again, and apart."""

import os
import signal
import time

import pytest
from fcspec.plugin.isolation import Isolation, Patience
from fcspec.plugin.items import Needs
from fcspec.plugin.units import ONLY_AFTER_OTHERS, Confirmation, Phase, Playing, Unit
from fcspec.report.verdict import Verdict
from fcspec.workers.child import Answer, Outcome
from support.items import Item, answer, case_of, last_look, some

PLAYING = Playing(play=None)
LEFT, KILLED = Outcome(status=0), Outcome(status=int(signal.SIGKILL))


def unit(names, phase=Phase.FAST, playing=PLAYING):
    items = some(names)
    return Unit(list(items), Needs.TORCH, playing, phase), items


def verdicts(final):
    return [(item.name, judged.case.verdict) for item, judged in final]


def names(items):
    return "".join(item.name for item in items)


# ------------------------------------------------------------------------------------------------------------ the phases


def test_verdicts_are_final_once_a_last_look_finds_nothing_changed():
    fast, items = unit("abc")

    assert [fast.take(answer(item)) for item in items] == [[], [], []]
    assert verdicts(fast.take(last_look())) == [("a", "pass"), ("b", "pass"), ("c", "pass")]
    assert (fast.end(LEFT, None), fast.todo) == ([], [])


@pytest.mark.parametrize(
    "look",
    [last_look("torch.equal"), last_look(intruded=True), Answer(None, ("KeyError", ""), False, 0.1)],
    ids=["something changed", "an intrusion", "an exception"],
)
def test_all_run_again_carefully_where_the_last_look_cannot_be_trusted(look):
    fast, items = unit("abc")
    for item in items:
        fast.take(answer(item))

    assert fast.take(look) == []
    assert fast.end(LEFT, None) == []
    assert (fast.phase, names(fast.todo)) == (Phase.CAREFUL, "abc")


@pytest.mark.parametrize(
    ("outcome", "clock", "verdict"),
    [
        (KILLED, None, Verdict.CRASH),
        (KILLED, 3.0, Verdict.TIMEOUT),
        (LEFT, None, Verdict.EXIT),
        (Outcome(status=3 << 8), None, Verdict.EXIT),
        (Outcome(status=0, intruded=True), None, Verdict.EVADED),
    ],
    ids=["killed", "clock", "status 0", "status 3", "intrusion"],
)
def test_a_death_is_the_verdict_of_the_case_that_ran_and_the_rest_run_again(outcome, clock, verdict):
    fast, (first, *_) = unit("abc")
    fast.take(answer(first))

    assert verdicts(fast.end(outcome, clock)) == [("b", verdict)]
    assert (fast.phase, names(fast.todo)) == (Phase.CAREFUL, "ac")


def test_a_death_after_the_last_case_is_no_verdict_of_any():
    fast, items = unit("ab")
    for item in items:
        fast.take(answer(item))

    assert fast.end(KILLED, None) == []
    assert (fast.phase, names(fast.todo)) == (Phase.CAREFUL, "ab")


def test_an_exception_out_of_the_child_makes_all_run_again():
    fast, (first, *_) = unit("abc")
    fast.take(answer(first))
    fast.take(Answer(None, ("KeyError: 'x'", "trace"), False, 0.1))

    assert fast.end(LEFT, None) == []
    assert (fast.phase, names(fast.todo)) == (Phase.CAREFUL, "abc")


def test_a_careful_verdict_is_final_at_once():
    careful, (first, second) = unit("ab", Phase.CAREFUL)

    assert verdicts(careful.take(answer(first, Verdict.FAIL, changed=[]))) == [("a", "fail")]
    assert verdicts(careful.take(answer(second, changed=[]))) == [("b", "pass")]
    assert (careful.end(LEFT, None), careful.todo) == ([], [])


def test_a_case_that_leaves_something_changed_is_the_last_of_its_child():
    careful, (first, second, _) = unit("abc", Phase.CAREFUL)

    assert verdicts(careful.take(answer(first, changed=["defaults.dtype"]))) == [("a", "pass")]
    assert careful.take(answer(second, changed=[])) == []  # whatever else this child says
    assert careful.end(LEFT, None) == []
    assert names(careful.todo) == "bc"


def test_after_a_death_in_the_careful_phase_the_rest_go_on():
    careful, _ = unit("abc", Phase.CAREFUL)

    assert verdicts(careful.end(KILLED, None)) == [("a", "crash")]
    assert (careful.phase, names(careful.todo)) == (Phase.CAREFUL, "bc")


def test_an_answer_about_another_case_is_an_error_of_the_suite():
    careful, (_, second) = unit("ab", Phase.CAREFUL)

    ((_, judged),) = careful.take(answer(second, changed=[]))

    assert (judged.case.verdict, judged.case.reason) == ("error", "the answer is about test_call.py::b")


def test_an_answer_after_an_intrusion_is_an_evasion():
    careful, (first,) = unit("a", Phase.CAREFUL)
    said = answer(first, changed=[])
    said.intruded = True

    assert verdicts(careful.take(said)) == [("a", "evaded")]


def test_a_case_that_a_brief_run_skips_has_no_verdict():
    fast, (first, _, third) = unit("abc", playing=Playing(play=None, brief=True))
    fast.take(answer(first, Verdict.FAIL))
    fast.take(Answer({"skipped": True}, None, False, 0.1))
    fast.take(answer(third))

    assert verdicts(fast.take(last_look())) == [("a", "fail"), ("c", "pass")]


def test_where_the_first_wrong_case_ends_the_run_the_others_have_no_verdict():
    fast, (first, *_) = unit("abc", playing=Playing(play=None, exitfirst=True))
    fast.take(answer(first, Verdict.FAIL))

    assert verdicts(fast.take(last_look())) == [("a", "fail")]
    assert (fast.end(LEFT, None), fast.todo) == ([], [])


# ---------------------------------------------------------------------------------------------------------- confirmation


def with_suspects(*fails, playing=PLAYING):
    """A unit whose cases a to d have answered, and what is final then; c and d are about another clause."""
    items = [*some("ab"), *some("cd", "call.once")]
    fast = Unit(list(items), Needs.TORCH, playing, Phase.FAST)
    for item in items:
        fast.take(answer(item, Verdict.FAIL if item.name in fails else Verdict.PASS, "is wrong"))
    return fast, fast.take(last_look())


@pytest.mark.parametrize(
    ("fails", "suspects"), [("", ""), ("a", ""), ("b", "b"), ("ab", "b"), ("cd", "c"), ("bcd", "bc")]
)
def test_of_each_clause_the_first_case_that_failed_after_others_waits_for_a_confirmation(fails, suspects):
    fast, final = with_suspects(*fails)

    assert names(item for item, _ in fast.suspects) == suspects
    assert names(item for item, _ in final) == "".join(name for name in "abcd" if name not in suspects)


def test_a_brief_run_confirms_nothing():
    fast, final = with_suspects("b", playing=Playing(play=None, brief=True))

    assert (fast.suspects, len(final)) == ([], 4)


def test_a_case_that_passes_alone_says_so_and_fails_still():
    fast, _ = with_suspects("b", "c")
    (second, _), (third, _) = fast.suspects
    confirmation = Confirmation(fast.suspects, Needs.TORCH, PLAYING)

    # in reverse order
    ((item, judged),) = confirmation.take(answer(third))
    assert (item, judged.case.verdict, judged.case.reason) == (third, "fail", f"{ONLY_AFTER_OTHERS}is wrong")
    ((item, judged),) = confirmation.take(answer(second, Verdict.FAIL, "is wrong in another way"))
    assert (item, judged.case.verdict, judged.case.reason) == (second, "fail", "is wrong")
    assert confirmation.end() == []


def test_the_verdicts_of_a_confirmation_that_dies_stand():
    fast, _ = with_suspects("b", "c")
    confirmation = Confirmation(fast.suspects, Needs.TORCH, PLAYING)

    final = confirmation.end()

    assert [judged.case.reason for _, judged in final] == ["is wrong", "is wrong"]
    assert names(item for item, _ in final) == "cb"


# ------------------------------------------------------------------------------------------------------- in real children


def play(item, following):
    """Do what the name of a case says."""
    act = item.name.partition("-")[0]
    if act == "crashes":
        os.kill(os.getpid(), signal.SIGKILL)
    elif act == "hangs":
        time.sleep(3600)
    elif act == "litters":
        os.environ["FCSPEC_LITTER"] = "1"
    elif act == "suffers":
        return case_of(item, Verdict.FAIL if "FCSPEC_LITTER" in os.environ else Verdict.PASS), []
    return case_of(item, Verdict.FAIL if act == "fails" else Verdict.PASS), []


def run(*names, workers=2, patience=0, limit=20.0, **more):
    isolation = Isolation(Playing(play, **more), workers=workers, limit=limit, patience=Patience(patience))
    items = [Item(name, clause) for clause, name in (name.split("/") for name in names)]
    return {item.name: judged.case for final in isolation.run(items) for item, judged in final}


pytestmark = pytest.mark.filterwarnings("ignore:.*multi-threaded:DeprecationWarning")  # xdist's own thread


def test_every_case_gets_one_verdict_whatever_others_do():
    found = run("call.result/passes", "call.result/crashes", "call.result/fails", "args.none/passes-too")

    assert {name: case.verdict for name, case in found.items()} == {
        "passes": "pass",
        "crashes": "crash",
        "fails": "fail",
        "passes-too": "pass",
    }


def test_no_case_suffers_from_what_another_one_left_behind():
    found = run("call.result/litters", "call.result/suffers")

    assert [case.verdict for case in found.values()] == ["pass", "pass"]


def test_a_case_that_failed_only_after_others_is_found_in_a_fresh_child():
    calls = []

    def fails_second(item, following):
        calls.append(item)
        return case_of(item, Verdict.FAIL if len(calls) > 1 else Verdict.PASS, "second"), []

    isolation = Isolation(Playing(fails_second), workers=2, limit=20.0, patience=Patience(0))
    cases = [judged.case for final in isolation.run(some("ab")) for _, judged in final]

    assert [(case.verdict, case.reason) for case in cases] == [
        ("pass", "second"),
        ("fail", f"{ONLY_AFTER_OTHERS}second"),
    ]


def isolated(play, *items):
    isolation = Isolation(Playing(play), workers=2, limit=20.0, patience=Patience(0))
    return {item.name: judged.case for final in isolation.run(items) for item, judged in final}


def test_what_one_unit_alone_has_cases_of_is_confirmed_while_another_one_runs(tmp_path):
    log = tmp_path / "log"
    log.touch()

    def play(item, following):
        if item.name == "waits":
            deadline = time.monotonic() + 15
            while log.read_text().count("fails ") < 2 and time.monotonic() < deadline:
                time.sleep(0.01)
            return case_of(item, Verdict.PASS if time.monotonic() < deadline else Verdict.FAIL), []
        with log.open("a") as file:
            file.write(f"{item.name} ")
        return case_of(item, Verdict.FAIL if item.name == "fails" else Verdict.PASS, "is wrong"), []

    drawn = [Item(name, "grad.given", Needs.DRAWING) for name in ("passes", "fails")]
    found = isolated(play, *drawn, Item("waits", "call.result"))

    assert {name: case.verdict for name, case in found.items()} == {"passes": "pass", "fails": "fail", "waits": "pass"}
    assert found["fails"].reason == "is wrong"


def test_of_a_clause_with_cases_in_two_units_only_the_cheaper_one_is_confirmed(tmp_path):
    log = tmp_path / "log"

    def play(item, following):
        with log.open("a") as file:
            file.write(f"{item.name} ")
        return case_of(item, Verdict.PASS if item.name.startswith("passes") else Verdict.FAIL), []

    drawn = [Item(name, "call.result", Needs.DRAWING) for name in ("passes", "fails-drawn")]
    found = isolated(play, *drawn, Item("passes-too", "call.result"), Item("fails", "call.result"))

    assert sorted(log.read_text().split()) == ["fails", "fails", "fails-drawn", "passes", "passes-too"]
    assert sorted(found) == ["fails", "fails-drawn", "passes", "passes-too"]


@pytest.mark.slow
def test_what_was_not_confirmed_when_patience_was_over_is_confirmed_then(tmp_path):
    log = tmp_path / "log"

    def play(item, following):
        with log.open("a") as file:
            file.write(f"{item.name} ")
        times = log.read_text().split().count(item.name)
        if item.name == "hangs" or (item.name == "fails" and times == 2):
            time.sleep(3600)
        return case_of(item, Verdict.FAIL if item.name == "fails" and times == 1 else Verdict.PASS, "is wrong"), []

    isolation = Isolation(Playing(play), workers=2, limit=2.0, patience=Patience(1))
    drawn = [Item(name, "grad.given", Needs.DRAWING) for name in ("passes", "fails")]
    items = [*drawn, Item("hangs", "call.result")]
    found = {item.name: judged.case for final in isolation.run(items) for item, judged in final}

    assert {name: case.verdict for name, case in found.items()} == {
        "passes": "pass",
        "fails": "fail",
        "hangs": "timeout",
    }
    assert found["fails"].reason == f"{ONLY_AFTER_OTHERS}is wrong"


def test_a_case_that_hangs_is_tried_again_alone_and_then_given_up():
    found = run("call.result/hangs", "args.none/passes", limit=0.5)

    assert {name: case.verdict for name, case in found.items()} == {"hangs": "timeout", "passes": "pass"}


def test_patience_ends_a_run():
    found = run(*(f"call.result/hangs-{n}" for n in range(4)), limit=0.3, patience=2, workers=1)

    assert list(found) == ["hangs-0", "hangs-1"]


def test_the_first_wrong_case_may_end_a_run():
    found = run("call.result/passes", "call.result/fails", "call.result/fails-too", workers=1, exitfirst=True)

    assert list(found) == ["passes", "fails"]
