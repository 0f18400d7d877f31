"""Speed, as ratios taken in one run: `python tests/benchmark.py [--quick]`. Exit 1 when a goal is missed.

No figure but the milliseconds depends on how fast the machine is: each is set against another one, taken in turns with it.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import torch
from fcspec_reference import functional_call

REFERENCE = "fcspec_reference:functional_call"
FAILING = f"{Path(__file__).parent / 'hostile' / 'failing.py'}:fails_every_case"
TARGETS = {"torch.func": "torch.func:functional_call", "the reference": REFERENCE, "what fails every case": FAILING}
START_UP_GOAL = 4.0  # a whole core check, in times of `import torch`
ISOLATION_GOAL = 40.0  # ms for one test
OVERHEAD_GOAL = 0.9  # of torch's
JUDGED = (0, 1)  # exit codes of a check that was completed


def seconds(*command: str, expected: tuple[int, ...] = (0,)) -> float:
    """Run a command to its end. SystemExit, with what it wrote, where it exits otherwise than expected."""
    started = time.perf_counter()
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    if done.returncode not in expected:
        sys.exit(f"{' '.join(command)} exits {done.returncode}\n{done.stdout}{done.stderr}")
    return time.perf_counter() - started


def check(target: str, *options: str) -> tuple[float, int]:
    """A whole core check: seconds, start-up included, and how many cases it judged."""
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.json"
        command = sys.executable, "-m", "fcspec", "check", target, *options, "--json", str(report)
        taken = seconds(*command, expected=JUDGED)
        clauses = json.loads(report.read_text(encoding="utf-8"))["clauses"]
    return taken, sum(len(clause["cases"]) for clause in clauses)


def start_up(rounds: int) -> dict[str, float]:
    """A core check of each target with two workers, start-up included, over `import torch`."""
    ratios: dict[str, list[float]] = {name: [] for name in TARGETS}
    for _ in range(rounds):
        for name, target in TARGETS.items():
            torch_alone = seconds(sys.executable, "-c", "import torch")
            ratios[name].append(check(target, "--workers", "2")[0] / torch_alone)
    return {name: statistics.median(those) for name, those in ratios.items()}


def isolation(rounds: int) -> float:
    """What a process of its own costs one test, in ms: one worker, against none at all."""
    costs = []
    for _ in range(rounds):
        plain, _ = check(REFERENCE, "--isolation", "none")
        forked, cases = check(REFERENCE, "--isolation", "fork", "--workers", "1")
        costs.append((forked - plain) / cases * 1000)
    return statistics.median(costs)


class Layers(torch.nn.Module):
    """So many linear layers, and a forward that does nothing."""

    def __init__(self, tensors: int) -> None:
        super().__init__()
        self.layers = torch.nn.ModuleList(torch.nn.Linear(1, 1) for _ in range(tensors // 2))

    def forward(self) -> None:
        return None


def overhead(tensors: int, rounds: int) -> float:
    """What the reference adds to a call, over what torch.func adds."""
    module = Layers(tensors)
    values = {name: value.detach().clone() for name, value in module.named_parameters()}
    calls: dict[str, Callable[[], object]] = {
        "plain": module,
        "reference": lambda: functional_call(module, values),
        "torch": lambda: torch.func.functional_call(module, values),
    }
    times: dict[str, list[float]] = {name: [] for name in calls}
    for _ in range(rounds):
        for name, call in calls.items():
            started = time.perf_counter()
            for _ in range(1 + 400 // tensors):
                call()
            times[name].append(time.perf_counter() - started)
    plain, reference, torchs = (statistics.median(times[name]) for name in calls)
    return (reference - plain) / (torchs - plain)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="one round of each check")
    rounds = 1 if parser.parse_args().quick else 3
    torch.set_num_threads(1)
    missed = 0

    def show(what: str, figure: float, unit: str, goal: float) -> None:
        nonlocal missed
        missed += figure > goal
        print(f"{'✗' if figure > goal else '✓'} {what:<56} {figure:6.2f} {unit}   (goal: at most {goal:g})", flush=True)

    for tensors in (2, 20, 200):
        show(f"overhead of the reference, {tensors} tensors", overhead(tensors, 30), "of torch.func's", OVERHEAD_GOAL)
    for name, ratio in start_up(rounds).items():
        show(f"a core check of {name}, start-up included", ratio, "times import torch", START_UP_GOAL)
    show("isolation of one test", isolation(rounds), "ms", ISOLATION_GOAL)
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
