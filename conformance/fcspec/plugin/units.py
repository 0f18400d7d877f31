"""Cases that share a child: what the child does, and which of its verdicts stand.

* FAST: the cases of a unit run one after the other. What a target can change of the process and of the code that judges is looked
  at once, when all have run.
* CAREFUL: where that look finds something, or the child died, the cases that did not die themselves run again, and each is
  followed by a look. What it left changed is put back; where that does not work, it is the last of its child.
"""

from __future__ import annotations

import gc
import itertools
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Set
from dataclasses import dataclass, replace
from enum import Enum, auto
from typing import Any

import pytest

from fcspec.plugin import judging, lean
from fcspec.plugin.items import UNDER_TEST, Needs, clause_of
from fcspec.plugin.protocol import Play
from fcspec.plugin.spare import Spare
from fcspec.plugin.warmup import preload
from fcspec.report.model import Case
from fcspec.report.verdict import Verdict
from fcspec.report.words import capped
from fcspec.workers.child import Answer, Outcome
from fcspec.workers.output import Output, use_output, written_since

ONLY_AFTER_OTHERS = "only after other calls in the same process: "
"""Begins the reason of a case that fails after other cases of its child, and passes in a fresh one."""

_LEFT_FOR_OTHERS = ("defaults", "modes", "torch", "warnings", "processes", "interpreter")
"""What one case could leave behind for the next in its process; random numbers are seeded anew for each."""


class Phase(Enum):
    FAST = auto()
    CAREFUL = auto()
    CONFIRM = auto()


@dataclass(frozen=True)
class Judged:
    """A case with its verdict, and what was captured of its output."""

    case: Case
    sections: tuple[tuple[str, str], ...] = ()


Final = tuple[pytest.Item, Judged]


@dataclass(frozen=True)
class Playing:
    """How cases run in a child.

    Attributes:
        play: runs one case here and now.
        load: imports the target in each child; None: it is imported already.
        captures: pytest captures the output of cases.
        brief: a clause is judged up to its first case that is wrong.
        exitfirst: the whole run ends with the first case that is wrong.
    """

    play: Play
    load: Callable[[], object] | None = None
    captures: bool = False
    brief: bool = False
    exitfirst: bool = False


class Unit:
    """Cases that share a child.

    Args:
        items: in the order in which they run.
        needs: what they import lazily; it is an attribute, too.
        confirms: clauses whose suspects the child itself confirms, in a Spare: another child would import the same again.

    Attributes:
        todo: the items that have not answered in this phase; the first is the one that runs now.
        suspects: verdicts that wait for a Confirmation: of each clause the first case that failed after others had run.
        put_back: parts of process_state that cases changed, and how often they were put back after one.
    """

    def __init__(
        self,
        items: list[pytest.Item],
        needs: Needs,
        playing: Playing,
        phase: Phase,
        confirms: Set[str] = frozenset(),
    ) -> None:
        self.todo = items
        self.phase = phase
        self._items, self._confirms = tuple(items), confirms
        self.needs, self._playing = needs, playing
        self._held: dict[pytest.Item, Judged] = {}
        self._stopped = False
        self.suspects: list[Final] = []
        self.put_back = Counter[str]()

    # ------------------------------------------------------------------------------------------------ in the child

    def work(self, output: Output) -> Iterator[dict[str, Any]]:
        from fcspec.state import process_state, restoring

        gc.freeze()  # a collection would touch, and so copy, every page that is shared with the parent
        gc.set_threshold(100_000)  # a child lives for a second or two
        config = self.todo[0].config
        captures = self._playing.captures and not lean.make(self.todo[0], output)
        if not self._playing.captures:
            use_output(output)
        preload(self.needs)
        gc.freeze()  # what was imported now is no garbage either, and some cases collect
        if self._playing.load is not None:
            self._playing.load()
            yield {"loaded": True}
        boundary = config.stash[UNDER_TEST].boundary
        boundary.careful = self.phase is Phase.CAREFUL
        fast = self.phase is Phase.FAST
        spare = Spare(self._playing.play, [*self._items]) if fast and self._confirms else None
        before = process_state.snapshot(*_LEFT_FOR_OTHERS) if self.phase is not Phase.CONFIRM else {}

        played: list[tuple[pytest.Item, Verdict]] = []
        for answer in self._play_all(output, captures):
            if self.phase is Phase.CAREFUL:
                answer["put_back"], answer["changed"] = restoring.put_back(before)
            if spare is not None and "case" in answer:
                played.append((self._items[len(played)], Verdict(answer["case"]["verdict"])))
            yield answer
            if answer.get("changed"):
                return
        if fast:
            now = process_state.snapshot(*_LEFT_FOR_OTHERS)
            changed = [*boundary.restore_all(), *process_state.difference(before, now)]
            yield {"changed": changed}
            if spare is not None and not changed:
                for number in reversed(self._suspects_among(played)):
                    yield {"confirmed": number, "passes": spare.passes(number)}

    def _play_all(self, output: Output, captures: bool) -> Iterator[dict[str, Any]]:
        wrong: set[str] = set()
        for item, following in itertools.zip_longest(self.todo, self.todo[1:]):
            if self._playing.brief and clause_of(item) in wrong:
                # The case before it kept the fixtures that this one would need; those of the next may be others.
                item.session._setupstate.teardown_exact(following)
                yield {"skipped": True}
                continue
            case, reports = self._playing.play(item, following)
            printed = item.config.stash[UNDER_TEST].boundary.printed
            if case.verdict.is_wrong and printed is not None and not captures:
                case = replace(case, output=capped(written_since(output, printed)) or None)
            sections = [(title, capped(text)) for report in reports for title, text in report.sections]
            if case.output and not captures:
                sections.append(("Captured output call", case.output))
            yield {"case": case.as_dict(), "sections": sections if self._playing.captures else []}
            if case.verdict.is_wrong:
                wrong.add(clause_of(item))
                if self._playing.exitfirst:
                    return

    # ----------------------------------------------------------------------------------------------- in the parent

    def take(self, answer: Answer) -> list[Final]:
        """What the child said; the verdicts that are final now."""
        if self._stopped:
            return []
        said = answer.value or {}
        if "loaded" in said:
            return []
        if "confirmed" in said and not answer.intruded:
            return self._take_confirmed(said["confirmed"], said["passes"])
        if not self.todo or ("changed" in said and "case" not in said):
            self.todo = []
            return self._take_last_look(answer)
        item = self.todo.pop(0)
        if "skipped" in said:
            return []
        judged = _judged(item, answer)
        self.put_back.update(said.get("put_back", ()))
        self._stopped = answer.value is None or bool(answer.value.get("changed"))
        if self.phase is Phase.CAREFUL:
            return [(item, judged)]
        self._held[item] = judged
        return []

    def _take_last_look(self, answer: Answer) -> list[Final]:
        if answer.intruded or answer.value is None or answer.value["changed"]:
            self._stopped = True
            return []  # all run again, carefully
        self.suspects = self._find_suspects()
        for item, _ in self.suspects:
            del self._held[item]
        final, self._held = [*self._held.items()], {}
        return final

    def end(self, outcome: Outcome, clock: float | None) -> list[Final]:
        """The child ended; the verdicts that are final now. Where items are left to do, the unit needs another child.

        Args:
            clock: the limit that it ran into; None where it ended by itself.
        """
        final: list[Final] = []
        stopped, self._stopped = self._stopped, False
        if self.todo and not stopped:
            item = self.todo.pop(0)
            final.append((item, Judged(judging.of_death(item, outcome, clock))))
        if self.phase is Phase.FAST and (self._held or self.todo):
            self.phase = Phase.CAREFUL
            self.todo = [*self._held, *self.todo]
            self._held = {}
        return final

    def _take_confirmed(self, number: int, passes: bool) -> list[Final]:
        found = [one for one in self.suspects if one[0] is self._items[number]]
        self.suspects = [one for one in self.suspects if one not in found]
        return [(item, _only_after_others(judged) if passes else judged) for item, judged in found]

    def _find_suspects(self) -> list[Final]:
        if self._playing.brief or self._playing.exitfirst:
            return []
        held = [*self._held.items()]
        return [held[n] for n in _first_of_each_clause([(item, judged.case.verdict) for item, judged in held])]

    def _suspects_among(self, played: list[tuple[pytest.Item, Verdict]]) -> list[int]:
        return [n for n in _first_of_each_clause(played) if clause_of(played[n][0]) in self._confirms]


def _first_of_each_clause(played: Iterable[tuple[pytest.Item, Verdict]]) -> list[int]:
    """Of each clause the number of the first case that failed after others had run."""
    failed: dict[str, int] = {}
    for number, (item, verdict) in enumerate(played):
        if number and verdict in (Verdict.FAIL, Verdict.EVADED):
            failed.setdefault(clause_of(item), number)
    return [*failed.values()]


def _only_after_others(judged: Judged) -> Judged:
    return replace(judged, case=replace(judged.case, reason=f"{ONLY_AFTER_OTHERS}{judged.case.reason or ''}"))


class Confirmation:
    """Cases that failed run again in a fresh child, in reverse order: one that passes there failed because of what ran before it.

    Attributes:
        needs: what they import lazily.
    """

    def __init__(self, suspects: list[Final], needs: Needs, playing: Playing) -> None:
        self._todo = [*reversed(suspects)]
        self._unit = Unit([item for item, _ in self._todo], needs, playing, Phase.CONFIRM)
        self.work = self._unit.work

    def take(self, answer: Answer) -> list[Final]:
        """What the child said; the verdicts that are final now."""
        if not self._todo or (answer.value and "loaded" in answer.value):
            return []
        item, judged = self._todo.pop(0)
        if _judged(item, answer).case.verdict is Verdict.PASS:
            judged = _only_after_others(judged)
        return [(item, judged)]

    def end(self) -> list[Final]:
        """The child ended; the verdicts of those that it did not come to stand as they are."""
        rest, self._todo = self._todo, []
        return rest


def _judged(item: pytest.Item, answer: Answer) -> Judged:
    sections = answer.value.get("sections", ()) if isinstance(answer.value, dict) else ()
    return Judged(judging.of_answer(item, answer), tuple(map(tuple, sections)))
