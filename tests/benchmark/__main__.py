"""Speed, as ratios taken in one run: `python tests/benchmark [--quick] [--json FILE]`. Exit 1 when a goal is missed.

What the reference adds to a call is set against what torch.func adds, in turns with it, in CPU time; what the suite takes,
against `import torch`. With --json the measurements are written to a file, from which --draw makes the tables of
README.md and docs/speed.md, and docs/speed.svg.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

import compiling
import limits
import suite
import torch
from cases import cases
from measure import measure, ratios, to_suite

PARTS = "calls", "compile", "limits", "suite"


class Judge:
    """Prints figures beside their goals, and counts those that miss them."""

    def __init__(self) -> None:
        self.missed = 0

    def show(self, what: str, figure: float, said: str, goal: float | None) -> None:
        missed = goal is not None and figure > goal
        self.missed += missed
        aim = "(no goal)" if goal is None else f"(goal: at most {goal:g})"
        print(f"{'✗' if missed else '✓'} {what:<58} {said:<36} {aim}", flush=True)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="few rounds")
    parser.add_argument(
        "--only", choices=PARTS, nargs="+", default=PARTS, help="which parts to measure: all by default"
    )
    parser.add_argument(
        "--json", type=Path, metavar="FILE", help="write the measurements of calls and compile, as pyperf does"
    )
    parser.add_argument(
        "--draw", type=Path, metavar="FILE", help="measure nothing: draw the tables and docs/speed.svg from FILE"
    )
    options = parser.parse_args()
    if options.draw:
        if not options.draw.is_file():
            parser.error(f"--draw: {options.draw} is no file: write one with --json")
        import drawing

        drawing.draw(options.draw)
        return 0
    if options.json and not {"calls", "compile"} & set(options.only):
        parser.error("--json: neither calls nor compile are measured, so there is nothing to write: leave --only out")
    return run(options.quick, options.only, options.json)


def run(quick: bool, parts: tuple[str, ...], file: Path | None) -> int:
    torch.set_num_threads(1)
    judge, measured = Judge(), {}
    if "calls" in parts:
        for case in cases():
            measured[case.name] = measure(case, 5 if quick else 21)
            ratio = ratios(measured[case.name])["reference"]
            judge.show(f"a call of {case.name}", ratio.median, f"{ratio} of torch.func's", case.goal)
    if "compile" in parts:
        for name, times in compiling.compiling(3 if quick else 7).items():
            measured[name] = times
            ratio = ratios(times)["reference"]
            judge.show(name, ratio.median, f"{ratio} of torch.func's", compiling.GOALS[name])
    if "limits" in parts:
        show_limits(judge, 5 if quick else 15)
    if "suite" in parts:
        show_suite(judge, 1 if quick else 3)
    if file:
        to_suite(measured).dump(str(file), replace=True)
    return 1 if judge.missed else 0


def show_limits(judge: Judge, rounds: int) -> None:
    size = limits.growth_with_size(rounds)
    judge.show("the reference, 2000 tensors over 200", size, f"{size:.1f} times", limits.LINEAR)
    blocks = limits.growth_with_calls()
    judge.show("left of ten thousand calls of the reference", blocks, f"{blocks} blocks of memory", limits.GROWTH)
    reading = limits.reading_of_tied_values(rounds)
    judge.show("tied values of 100 MB over those of 64 bytes", reading, f"{reading:.1f} times", limits.UNREAD)


def show_suite(judge: Judge, rounds: int) -> None:
    for name, ratio in suite.start_up(rounds).items():
        judge.show(
            f"a core check of {name}, start-up included", ratio, f"{ratio:.1f} times import torch", suite.START_UP_GOAL
        )
    cost = suite.isolation(rounds)
    judge.show("isolation of one test", cost, f"{cost:.1f} ms", suite.ISOLATION_GOAL)


if __name__ == "__main__":
    sys.exit(main())
