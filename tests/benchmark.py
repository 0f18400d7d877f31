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

TARGET = "fcspec_reference:functional_call"
START_UP_GOAL = 8.0  # a whole core check, in times of `import torch`
ISOLATION_GOAL = 40.0  # ms for one test
OVERHEAD_GOAL = 0.9  # of torch's


def seconds(*command: str) -> float:
    """Run a command to its end. SystemExit, with what it wrote, where it fails."""
    started = time.perf_counter()
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"{' '.join(command)} exits {done.returncode}\n{done.stdout}{done.stderr}")
    return time.perf_counter() - started


def check(*options: str) -> tuple[float, int]:
    """A whole core check of the reference: seconds, start-up included, and how many cases it judged."""
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.json"
        taken = seconds(sys.executable, "-m", "fcspec", "check", TARGET, *options, "--json", str(report))
        clauses = json.loads(report.read_text(encoding="utf-8"))["clauses"]
    return taken, sum(len(clause["cases"]) for clause in clauses)


def start_up(rounds: int) -> float:
    """A core check with two workers, start-up included, over `import torch`."""
    ratios = []
    for _ in range(rounds):
        torch_alone = seconds(sys.executable, "-c", "import torch")
        ratios.append(check("--workers", "2")[0] / torch_alone)
    return statistics.median(ratios)


def isolation(rounds: int) -> float:
    """What a process of its own costs one test, in ms: one worker, against none at all."""
    costs = []
    for _ in range(rounds):
        plain, _ = check("--isolation", "none")
        forked, cases = check("--isolation", "fork", "--workers", "1")
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
        print(f"{'✗' if figure > goal else '✓'} {what:<48} {figure:6.2f} {unit}   (goal: at most {goal:g})", flush=True)

    for tensors in (2, 20, 200):
        show(f"overhead of the reference, {tensors} tensors", overhead(tensors, 30), "of torch.func's", OVERHEAD_GOAL)
    show("a core check, start-up included", start_up(rounds), "times import torch", START_UP_GOAL)
    show("isolation of one test", isolation(rounds), "ms", ISOLATION_GOAL)
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
