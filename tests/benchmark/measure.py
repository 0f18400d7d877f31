"""Measure calls in turns, and keep what was measured as pyperf does: `python -m pyperf stats FILE` reads it too.

pyperf's own runner gives each benchmark processes of its own, one after the other. On a machine that others use too, their ratios
tell of the others; here each round makes a sample of every implementation of a case, and ratios are taken within a round.
"""

from __future__ import annotations

import gc
import statistics
import time
from dataclasses import dataclass

import pyperf
import torch
from cases import Case
from implementations import IMPLEMENTATIONS, Call
from models import own_values

SAMPLE = 1e-3  # seconds that a sample lasts at least
SAID = (
    "python_version",
    "cpu_model_name",
    "cpu_count",
    "load_avg_1min",
    "platform",
    "date",
)  # no name and no path of a machine
OF = "torch.func"  # whose overhead is 1


@dataclass(frozen=True)
class Ratio:
    """What an implementation adds to a call, over what torch.func adds: median and quartiles over all rounds."""

    low: float
    median: float
    high: float

    def __str__(self) -> str:
        digits = 2 if self.median < 10 else 0
        return f"{self.median:.{digits}f} ({self.low:.{digits}f}\N{EN DASH}{self.high:.{digits}f})"


def measure(case: Case, rounds: int) -> dict[str, list[float]]:
    """Seconds of a call, one figure a round, by implementation; those that refuse the case are left out."""
    module = case.build()
    calls = {}
    for name, implementation in IMPLEMENTATIONS.items():
        values = case.choose(dict(own_values(module)))
        try:
            call = implementation(module, values, case.options)
            call()
        except (KeyError, AttributeError, RuntimeError, TypeError, ValueError):
            continue
        calls[name] = call
    return in_turns(calls, rounds)


def in_turns(calls: dict[str, Call], rounds: int) -> dict[str, list[float]]:
    """Seconds of each call, one figure a round. Objects that existed before are kept from the garbage collector."""
    repeats = {name: max(1, round(SAMPLE / seconds(call, 3))) for name, call in calls.items()}
    times: dict[str, list[float]] = {name: [] for name in calls}
    gc.collect()
    gc.freeze()
    for _ in range(rounds):
        for name, call in calls.items():
            times[name].append(seconds(call, repeats[name]))
    gc.unfreeze()
    return times


def seconds(call: Call, repeats: int) -> float:
    """CPU time of one call, after one that no clock sees: what others do and leave in caches is not in it."""
    call()
    started = time.process_time()
    for _ in range(repeats):
        call()
    return (time.process_time() - started) / repeats


def ratios(times: dict[str, list[float]]) -> dict[str, Ratio]:
    """What each implementation adds to a plain call, if that was measured, over what torch.func adds in the same round."""
    found = {}
    idle = times.get("plain", [0.0] * len(times[OF]))
    for name in [name for name in times if name not in ("plain", OF)]:
        rounds = zip(times[name], times[OF], idle, strict=True)
        found[name] = spread([(one - none) / (of - none) for one, of, none in rounds])
    return found


def median_ratio(times: dict[str, list[float]], one: str, other: str) -> float:
    return statistics.median(a / b for a, b in zip(times[one], times[other], strict=True))


def spread(values: list[float]) -> Ratio:
    return Ratio(*statistics.quantiles(values, n=4)) if len(values) > 1 else Ratio(*values * 3)


def to_suite(measured: dict[str, dict[str, list[float]]]) -> pyperf.BenchmarkSuite:
    found = pyperf.Run([1.0], collect_metadata=True).get_metadata()
    metadata = {**{key: found[key] for key in SAID if key in found}, "torch": torch.__version__}
    return pyperf.BenchmarkSuite(
        [
            pyperf.Benchmark(
                [pyperf.Run(values, metadata={**metadata, "name": f"{case} | {name}"}, collect_metadata=False)]
            )
            for case, times in measured.items()
            for name, values in times.items()
        ]
    )


def from_suite(suite: pyperf.BenchmarkSuite) -> dict[str, dict[str, list[float]]]:
    measured: dict[str, dict[str, list[float]]] = {}
    for benchmark in suite.get_benchmarks():
        case, _, name = benchmark.get_name().partition(" | ")
        measured.setdefault(case, {})[name] = list(benchmark.get_values())
    return measured
