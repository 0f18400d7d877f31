"""What the suite costs: a whole core check, in times of `import torch`, and a process of its own for a test."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

REFERENCE = "fcspec_reference:functional_call"
FAILING = f"{Path(__file__).parents[1] / 'hostile' / 'failing.py'}:fails_every_case"
TARGETS = {"torch.func": "torch.func:functional_call", "the reference": REFERENCE, "what fails every case": FAILING}
START_UP_GOAL = 4.0  # a whole core check, in times of `import torch`
ISOLATION_GOAL = 40.0  # ms for one test
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
            command = sys.executable, "-m", "fcspec", "check", target, "--workers", "2"  # --json would try scripts, too
            ratios[name].append(seconds(*command, expected=JUDGED) / torch_alone)
    return {name: statistics.median(those) for name, those in ratios.items()}


def isolation(rounds: int) -> float:
    """What a process of its own costs one test, in ms: one worker, against none at all."""
    costs = []
    for _ in range(rounds):
        plain, _ = check(REFERENCE, "--isolation", "none")
        forked, cases = check(REFERENCE, "--isolation", "fork", "--workers", "1")
        costs.append((forked - plain) / cases * 1000)
    return statistics.median(costs)
