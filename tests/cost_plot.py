"""Cost against size as SVG, from the measurements of tests/benchmark: in docs/speed.svg and on the page of results."""

import json
import math
import statistics
from pathlib import Path

from fcspec.report.page import plots
from markupsafe import Markup, escape

MEASURED = Path(__file__).parents[1] / "docs" / "speed.json"
SHAPE = "layers"  # the modules of the plot
TITLE = "µs that a call adds, by number of parameters and buffers"
STYLES = {"reference": "first", "torch.func": "second"}
DASHES = ("6 3", "2 3", "9 3 2 3", "12 4", "4 4")
LEFT, TOP, WIDTH, HEIGHT, NAMES = 64, 36, 280, 250, 215


def measured(file: Path = MEASURED) -> dict[str, dict[str, list[float]]]:
    """Seconds of a call, one figure a round, by case and implementation; the file is pyperf's."""
    found: dict[str, dict[str, list[float]]] = {}
    for one in json.loads(file.read_text(encoding="utf-8"))["benchmarks"]:
        case, _, name = one["metadata"]["name"].partition(" | ")
        found.setdefault(case, {})[name] = [value for run in one["runs"] for value in run["values"]]
    return found


def costs(times: dict[str, dict[str, list[float]]]) -> dict[str, dict[int, float]]:
    """Microseconds that a call takes on top of the module's own, by implementation and number of tensors."""
    found: dict[str, dict[int, float]] = {}
    for case, seconds in times.items():
        shape, _, size = case.partition(", ")
        for name in seconds if shape == SHAPE else ():
            added = [one - idle for one, idle in zip(seconds[name], seconds["plain"], strict=True)]
            found.setdefault(name, {})[int(size)] = 1e6 * statistics.median(added)
    return {name: by_size for name, by_size in found.items() if name != "plain"}


def plot(found: dict[str, dict[int, float]]) -> Markup:
    """Both axes are logarithmic; each line has its name at its end, dashes and a shape of its own."""
    sizes = sorted({size for by_size in found.values() for size in by_size})
    every = [cost for by_size in found.values() for cost in by_size.values()]
    least, most = math.floor(math.log10(min(every))), math.ceil(math.log10(max(every)))

    def place(size: float, cost: float) -> tuple[float, float]:
        across = math.log10(size / sizes[0]) / math.log10(sizes[-1] / sizes[0])
        up = (math.log10(cost) - least) / (most - least)
        return round(LEFT + WIDTH * across, 1), round(TOP + HEIGHT * (1 - up), 1)

    lines = [_level(power, place(sizes[0], 10.0**power)[1]) for power in range(least, most + 1)]
    lines += [_size(size, place(size, 1)[0]) for size in sizes]
    ends = _apart({name: place(*max(by_size.items()))[1] for name, by_size in found.items()})
    for number, (name, by_size) in enumerate(found.items()):
        lines += [_curve(number, name, [place(*one) for one in sorted(by_size.items())]), _name(name, ends[name])]
    return plots.svg(TITLE, _said(found), LEFT + WIDTH + NAMES, TOP + HEIGHT + 30, lines)


def _said(found: dict[str, dict[int, float]]) -> str:
    parts = (
        f"{name} {', '.join(f'{cost:.3g} at {size}' for size, cost in by_size.items())}"
        for name, by_size in found.items()
    )
    return f"Microseconds by number of tensors: {'; '.join(parts)}."


def _level(power: int, y: float) -> str:
    text = f'<text class="dim" x="{LEFT - 8}" y="{y + 4}" text-anchor="end">{10**power:,}</text>'
    return f'{text}<path class="grid" d="M{LEFT} {y}h{WIDTH}"/>'


def _size(size: int, x: float) -> str:
    return f'<text class="dim" x="{x}" y="{TOP + HEIGHT + 20}" text-anchor="middle">{size:,}</text>'


def _curve(number: int, name: str, points: list[tuple[float, float]]) -> str:
    dash = "" if name in STYLES else f' stroke-dasharray="{DASHES[number % len(DASHES)]}"'
    path = "L".join(f"{x} {y}" for x, y in points)
    return f'<path class="line {STYLES.get(name, "")}"{dash} d="M{path}"/>' + "".join(
        _mark(number, x, y) for x, y in points
    )


def _mark(number: int, x: float, y: float) -> str:
    shapes = (f"M{x - 4} {y}a4 4 0 1 0 8 0a4 4 0 1 0 -8 0", f"M{x - 4} {y - 4}h8v8h-8z", f"M{x} {y - 5}l5 9h-10z")
    return f'<path class="mark" d="{shapes[number % len(shapes)]}"/>'


def _name(name: str, y: float) -> str:
    kind = "head" if name in STYLES else ""
    return f'<text class="{kind}" x="{LEFT + WIDTH + 10}" y="{y + 4}">{escape(name)}</text>'


def _apart(ends: dict[str, float]) -> dict[str, float]:
    """The heights of the names: in their order, and far enough apart to be read."""
    found: dict[str, float] = {}
    lowest = -math.inf
    for name, y in sorted(ends.items(), key=lambda item: item[1]):
        lowest = found[name] = max(y, lowest + 15)
    return found


def standalone(file: Path = MEASURED) -> str:
    """The plot as a file of its own."""
    return plots.standalone(plot(costs(measured(file))))
