"""The tables of README and docs/speed.md and the plot of cost against size, all from the file of measurements."""

from __future__ import annotations

import sys
from pathlib import Path

import pyperf
from cases import SIZES
from measure import from_suite, ratios

sys.path.append(str(Path(__file__).parents[1]))

import cost_plot

ROOT = Path(__file__).parents[2]
README, PAGE, PLOT = ROOT / "README.md", ROOT / "docs" / "speed.md", ROOT / "docs" / "speed.svg"
BEGIN, END = "<!-- speed: drawn by tests/benchmark -->", "<!-- end of speed -->"
IN_README = (
    *(f"{cost_plot.SHAPE}, {size}" for size in SIZES),
    "tied, 200",
    "one name, 2000",
    "transformer",
    "residual network",
)


def draw(file: Path) -> None:
    """Write the tables and the plot. SystemExit where a page has no place for its table, or the file no measurements."""
    suite = pyperf.BenchmarkSuite.load(str(file))
    measured, metadata = from_suite(suite), suite.get_benchmarks()[0].get_metadata()
    write(README, table({case: measured[case] for case in IN_README}), metadata)
    write(PAGE, table(measured), metadata)
    PLOT.write_text(cost_plot.standalone(file), encoding="utf-8")


def write(page: Path, lines: list[str], metadata: dict[str, object]) -> None:
    before, begin, rest = page.read_text(encoding="utf-8").partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        raise SystemExit(
            f"{page.name} has no lines {BEGIN!r} and {END!r} between which the table could stand: add them"
        )
    page.write_text(before + "\n".join([BEGIN, "", *lines, "", machine(metadata), "", END]) + after, encoding="utf-8")


def machine(metadata: dict[str, object]) -> str:
    said = [
        f"{label} {metadata[key]}"
        for label, key in (("torch", "torch"), ("Python", "python_version"), ("on", "cpu_model_name"))
        if key in metadata
    ]
    count = f"{metadata['cpu_count']} cores" if "cpu_count" in metadata else ""
    return f"{', '.join([*said, count])}; load {float(str(metadata.get('load_avg_1min', 'nan'))):.0f} while it was measured."


def table(measured: dict[str, dict[str, list[float]]]) -> list[str]:
    """A row a case, a column an implementation: medians, with the quartiles of the reference."""
    names = list(dict.fromkeys(name for times in measured.values() for name in ratios(times)))
    lines = [f"| | {' | '.join(names)} |", f"|---|{'---|' * len(names)}"]
    for case, times in measured.items():
        found = ratios(times)
        cells = [
            "" if name not in found else str(found[name]) if name == "reference" else f"{found[name].median:.2f}"
            for name in names
        ]
        lines.append(f"| {case} | {' | '.join(cells)} |")
    return lines
