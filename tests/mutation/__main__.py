"""Every generated mutant of the reference against the suite: `python tests/mutation`.

Prints which mutants survive, and exits 1 where one does that survivors.toml does not explain. A mutant runs in a fork of one
warm process, through the cases of every MUST and SHOULD, up to the first that does not pass; examples of SPEC.md do not count.
The cases that caught most so far come first, so that most mutants end after a few of them.
"""

from __future__ import annotations

import argparse
import collections
import os
import select
import signal
import sys
import time
import tomllib
import types
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

import fcspec_reference
from fcspec import plugin, suite
from fcspec.spec import load_spec
from operators import Mutant, mutants

SURVIVORS = Path(__file__).with_name("survivors.toml")


class Mutation:
    """The pytest plugin that runs mutants in place of items.

    Args:
        found: the mutants to run.
        workers: so many at a time.
        limit: seconds for one; a mutant that hangs is caught.
    """

    def __init__(self, found: list[Mutant], workers: int, limit: float) -> None:
        self.found, self.workers, self.limit = found, workers, limit
        self.survivors: list[Mutant] = []
        self.caught: collections.Counter[str] = collections.Counter()  # by the id of the case, or by how it ended

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        levels = {clause.slug: clause.level for clause in load_spec().clauses}
        items = [
            one for one in session.items if levels[plugin.slug_of(one)] != "MAY" and one.path.name != "test_examples.py"
        ]
        items = _one_of_each_first(items)
        plugin._warm(plugin._COMPILER)
        todo, live, started = collections.deque(self.found), {}, time.monotonic()
        while todo or live:
            while todo and len(live) < self.workers:
                mutant = todo.popleft()
                order = sorted(items, key=lambda item: -self.caught[plugin.case_id(item)])
                read_end, write_end = os.pipe()
                pid = os.fork()
                if pid == 0:
                    os.close(read_end)
                    _run(session, mutant, order, write_end)
                os.close(write_end)
                live[read_end] = pid, mutant, time.monotonic() + self.limit
            soonest = min(deadline for _, _, deadline in live.values())
            ready, _, _ = select.select(list(live), [], [], max(0.0, soonest - time.monotonic()))
            late = [end for end, (_, _, deadline) in live.items() if deadline <= time.monotonic() and end not in ready]
            for end in (*ready, *late):
                pid, mutant, _ = live.pop(end)
                word = "hung" if end in late else os.read(end, 4096).decode() or "died"
                os.close(end)
                os.kill(pid, signal.SIGKILL)
                os.waitpid(pid, 0)
                self._note(mutant, word, len(todo) + len(live), started)
        return True

    def _note(self, mutant: Mutant, word: str, left: int, started: float) -> None:
        if word == "survived":
            self.survivors.append(mutant)
            print(f"\nsurvives: {mutant.name}", file=sys.stderr, flush=True)
        else:
            self.caught[word] += 1
        done = len(self.found) - left
        rest = (time.monotonic() - started) / done * left
        line = f"{done}/{len(self.found)} mutants, {len(self.survivors)} survive, about {rest / 60:.0f} min left"
        if sys.stderr.isatty():
            print(f"\r{line:<70}", end="", file=sys.stderr, flush=True)
        elif done % 50 == 0 or not left:
            print(line, file=sys.stderr, flush=True)


def _one_of_each_first(items: list[pytest.Item]) -> list[pytest.Item]:
    """The first case of every clause, then every second one ..."""
    seen: collections.Counter[str | None] = collections.Counter()
    rank = {}
    for item in items:
        rank[item] = seen[plugin.slug_of(item)]
        seen[plugin.slug_of(item)] += 1
    return sorted(items, key=rank.__getitem__)


def _run(session: pytest.Session, mutant: Mutant, items: list[pytest.Item], write_end: int) -> None:
    """In the child: the id of the case that caught the mutant, or "survived"."""
    word = "died"
    try:
        nowhere = os.open(os.devnull, os.O_RDWR)
        os.dup2(nowhere, 1)
        os.dup2(nowhere, 2)
        module = types.ModuleType("fcspec_mutant")
        sys.modules[module.__name__] = module
        exec(compile(mutant.source, "fcspec_mutant.py", "exec"), vars(module))
        ours = session.config.stash[plugin._KEY]
        ours.boundary.function = module.functional_call
        ours._is_last = False
        word = "survived"
        for item in items:
            reports = plugin._play(item, False)
            if any(
                report.fcspec["verdict"] not in ("pass", "unsupported")
                for report in reports
                if hasattr(report, "fcspec")
            ):
                word = plugin.case_id(item)
                break
    except BaseException as error:
        word = f"import: {type(error).__name__}"
    finally:
        os.write(write_end, word.encode()[:4096])
        os._exit(0)


def explained() -> dict[str, str]:
    """The mutants that are allowed to survive, by name, with the reason."""
    if not SURVIVORS.exists():
        return {}
    entries = tomllib.loads(SURVIVORS.read_text(encoding="utf-8"))["mutant"]
    return {entry["name"]: entry["reason"] for entry in entries}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--seconds", type=float, default=90.0, help="for one mutant")
    parser.add_argument("--only", default="", help="mutants whose name has this in it")
    options = parser.parse_args()
    source = Path(fcspec_reference.__file__).read_text(encoding="utf-8")
    found = [mutant for mutant in mutants(source) if options.only in mutant.name]
    run = Mutation(found, options.workers, options.seconds)
    arguments = ["--implementation=fcspec_reference:functional_call", "--fcspec-isolation=none"]
    pytest.main([*suite.pytest_arguments(), *arguments], plugins=[run])
    judged = run.caught.total() + len(run.survivors)
    if not found or judged < len(found):
        print(f"only {judged} of {len(found)} mutants were run")
        return 1
    known = explained()
    new = [mutant for mutant in run.survivors if mutant.name not in known]
    for mutant in new:
        print(f"survives: {mutant.name}")
    caught = len(found) - len(run.survivors)
    print(
        f"{caught} of {len(found)} mutants caught; {len(run.survivors) - len(new)} survive for a known reason, {len(new)} without"
    )
    if not options.only:
        for name in known.keys() - {mutant.name for mutant in run.survivors}:
            print(f"no longer survives, or is gone: {name}")
    return 1 if new else 0


if __name__ == "__main__":
    sys.exit(main())
