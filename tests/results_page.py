"""RESULTS.md, results/index.html and their plots, drawn from the results of tests/results.py, whatever folders are there."""

from __future__ import annotations

from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

import cost_plot
from fcspec.report import page
from fcspec.report.model import Case, ClauseResult, Report, Run
from fcspec.report.page import plots
from fcspec.spec import Spec, load_spec
from markupsafe import Markup
from packaging.version import Version

if TYPE_CHECKING:
    from results import Result

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / "results"
TITLE = "functional_call: what implementations and releases of torch keep"
SIGNS = {"pass": "✓", "unsupported": "–", None: ""}
HEAD = """# Results

Drawn by `python tests/results.py` from [results/](results), which come from runs of
`fcspec check TARGET --profile all --strict` with Python 3.11, on the CPU. [results/index.html](results/index.html) shows every
law: a page that needs nothing else, to be opened in a browser.

## By implementation

How many laws hold, of those that can be asked of this implementation on this release of torch:

"""
RELEASES = "\n## By release of torch\n\nHow many laws hold, of those that this release can be asked:\n\n"
LEGEND = "\nLaws on which releases differ; ✓ holds, ✗ does not, – can't be asked of this release:\n"


def files(results: list[Result]) -> dict[Path, str]:
    """All that is drawn, by path."""
    plotted = {FOLDER / "implementations.svg": by_implementation(results)}
    for target, mine in by_target(results).items():
        if len(mine) > 1 and any(_broken(one) for one in mine):
            plotted[FOLDER / target / "releases.svg"] = by_release(target, mine)
    pages = {ROOT / "RESULTS.md": markdown(results), FOLDER / "index.html": html(results, load_spec())}
    return pages | {path: plots.standalone(plot) for path, plot in plotted.items()}


def by_target(results: list[Result]) -> dict[str, list[Result]]:
    """The releases of each, in the order given."""
    found: dict[str, list[Result]] = {}
    for result in results:
        found.setdefault(result.target, []).append(result)
    return found


# ------------------------------------------------------------------------------------------------------------------------ plots


def by_implementation(results: list[Result]) -> Markup:
    newest = [mine[-1] for mine in by_target(results).values()]
    return plots.bars("Broken laws by implementation", [_bar(one.target, one) for one in newest])


def by_release(target: str, mine: list[Result]) -> Markup:
    return plots.bars(f"{target}: broken laws by release of torch", [_bar(one.torch, one) for one in mine])


def _bar(label: str, result: Result) -> plots.Bar:
    return plots.Bar(label, result.broken("MUST"), result.broken("SHOULD"))


def _broken(result: Result) -> int:
    return result.broken("MUST") + result.broken("SHOULD")


# ------------------------------------------------------------------------------------------------------------------- RESULTS.md


def markdown(results: list[Result]) -> str:
    newest = [mine[-1] for mine in by_target(results).values()]
    rows = [[one.target, one.torch, one.counts("MUST"), one.counts("SHOULD")] for one in newest]
    head = table(["", "torch", "MUST", "SHOULD"], rows)
    several = {target: mine for target, mine in by_target(results).items() if len(mine) > 1}
    pictures = [
        f"\n![broken laws of {target} by release of torch](results/{target}/releases.svg)\n"
        for target, mine in several.items()
        if any(map(_broken, mine))
    ]
    picture = "\n![broken laws by implementation](results/implementations.svg)\n"
    return f"{HEAD}{head}{picture}{RELEASES}{releases(several)}{''.join(pictures)}{LEGEND}{differing(several)}"


def releases(several: dict[str, list[Result]]) -> str:
    """A row a release, two columns a target."""
    found = {(one.target, one.torch): one for mine in several.values() for one in mine}
    levels = [(target, level) for target in several for level in ("MUST", "SHOULD")]
    rows = [
        [one, *(found[target, one].counts(level) if (target, one) in found else "" for target, level in levels)]
        for one in sorted({torch for _, torch in found}, key=Version)
    ]
    return table(["torch", *map(" ".join, levels)], rows)


def differing(several: dict[str, list[Result]]) -> str:
    """A table for each target, of the clauses with more than one verdict."""
    parts = []
    for target, mine in several.items():
        slugs = dict.fromkeys(slug for result in reversed(mine) for slug in result.clauses)
        rows = [[slug, *(sign(result, slug) for result in mine)] for slug in slugs]
        rows = [row for row in rows if len(set(row[1:])) > 1]
        body = table(["", *(result.torch for result in mine)], rows) if rows else "None.\n"
        parts.append(f"\n### {target}\n\n{body}")
    return "".join(parts)


def sign(result: Result, slug: str) -> str:
    verdict = result.clauses.get(slug, (None, None))[1]
    return SIGNS.get(verdict, "✗")


def table(head: list[str], rows: list[list[str]]) -> str:
    return "".join(f"| {' | '.join(row)} |\n" for row in (head, ["---"] * len(head), *rows))


# ----------------------------------------------------------------------------------------------------------- results/index.html


def html(results: list[Result], spec: Spec) -> str:
    """Releases of a target that follow each other and keep the same laws are one column, the newest first."""
    reports, figures = [], []
    for target, mine in by_target(results).items():
        same = [list(group) for _, group in groupby(mine, key=lambda result: result.clauses)]
        reports += [report_of(group, spec, several=len(same) > 1) for group in reversed(same)]
        if len(same) > 1 and any(map(_broken, mine)):
            figures.append(by_release(target, mine))
    figures.append(cost_plot.plot(cost_plot.costs(cost_plot.measured())))
    return page.document(reports, spec, title=TITLE, figures=figures)


def report_of(group: list[Result], spec: Spec, *, several: bool) -> Report:
    """What the releases of the group have in common, as a report whose cases say no more than the verdict.

    Args:
        several: the target has other groups, so its name has to say which this is.
    """
    first, last = group[0], group[-1]
    torch = first.torch if first is last else f"{first.torch} – {last.torch}"
    clauses = tuple(
        ClauseResult(slug, level, spec[slug].profile, case.verdict, (case,))
        for slug, (level, verdict) in first.clauses.items()
        for case in [Case("", slug, verdict)]
    )
    notes = (f"judged with each of torch {', '.join(one.torch for one in group)}",) if len(group) > 1 else ()
    return Report(
        spec.version,
        {"address": first.target, "name": f"{first.target} {torch}" if several else first.target},
        {"torch": torch},
        Run(profiles=("all",), strict=True, notes=notes),
        clauses,
    )
