"""What torch.func.functional_call and the reference keep on each release of torch: `python tests/results.py REPORT.json...`

Each report of `fcspec check TARGET --profile all --strict --json REPORT.json` becomes a file of results/, a line for each clause,
with nothing that changes from run to run. RESULTS.md is drawn from all of them.
"""

import json
import sys
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from packaging.version import Version

ROOT = Path(__file__).parents[1]
RESULTS, PAGE = ROOT / "results", ROOT / "RESULTS.md"
TARGETS = {"torch.func:functional_call": "torch.func", "fcspec_reference:functional_call": "reference"}
SIGNS = {"pass": "✓", "unsupported": "–", None: ""}
HEAD = """# Results by release of torch

Drawn by `python tests/results.py` from [results/](results), which come from runs of
`fcspec check TARGET --profile all --strict` with Python 3.11, on the CPU.

How many laws hold, of those that this release can be asked:

"""
LEGEND = "\nLaws on which releases differ; ✓ holds, ✗ does not, – can't be asked of this release:\n"


class NoResultError(Exception):
    """A report that says nothing lasting."""


@dataclass(frozen=True)
class Result:
    """What one target kept on one release of torch.

    Attributes:
        target: its name in results/.
        clauses: (level, verdict) by slug, in SPEC.md's order.
    """

    target: str
    torch: str
    clauses: dict[str, tuple[str, str]]

    @property
    def path(self) -> Path:
        return RESULTS / self.target / f"{self.torch}.txt"

    @property
    def text(self) -> str:
        return "".join(f"{slug:32} {level:6} {verdict}\n" for slug, (level, verdict) in self.clauses.items())

    def counts(self, level: str) -> str:
        verdicts = Counter(verdict for one, verdict in self.clauses.values() if one == level)
        return f"{verdicts['pass']} of {verdicts.total() - verdicts['unsupported']}"


def result_of(report: dict) -> Result:
    """NoResultError where a clause was not judged, or the target is none of TARGETS."""
    address = report["target"]["address"]
    if address not in TARGETS:
        raise NoResultError(f"expected a report about {' or '.join(TARGETS)}, found {address}")
    if not report["run"]["complete"]:
        raise NoResultError("expected a complete report, found one of an incomplete run; judge again")
    clauses = {one["clause"]: (one["level"], one["verdict"]) for one in report["clauses"]}
    return Result(TARGETS[address], report["environment"]["torch"].partition("+")[0], clauses)


def read(path: Path) -> Result:
    lines = [line.split() for line in path.read_text(encoding="utf-8").splitlines()]
    return Result(path.parent.name, path.stem, {slug: (level, verdict) for slug, level, verdict in lines})


def committed() -> list[Result]:
    """From the oldest release to the newest."""
    return sorted(map(read, RESULTS.glob("*/*.txt")), key=lambda result: (Version(result.torch), result.target))


def page(results: list[Result]) -> str:
    """The text of RESULTS.md."""
    found = {(result.target, result.torch): result for result in results}
    releases = list(dict.fromkeys(result.torch for result in results))
    levels = [(target, level) for target in TARGETS.values() for level in ("MUST", "SHOULD")]
    rows = [
        [one, *(found[target, one].counts(level) if (target, one) in found else "" for target, level in levels)]
        for one in releases
    ]
    counts = table(["torch", *map(" ".join, levels)], rows)
    return f"{HEAD}{counts}{LEGEND}{differing(results)}"


def differing(results: list[Result]) -> str:
    """A table for each target, of the clauses with more than one verdict."""
    parts = []
    for target in TARGETS.values():
        mine = [result for result in results if result.target == target]
        slugs = dict.fromkeys(slug for result in reversed(mine) for slug in result.clauses)
        rows = [[slug, *(sign(result, slug) for result in mine)] for slug in slugs]
        rows = [row for row in rows if len(set(row[1:])) > 1]
        body = table(["", *(result.torch for result in mine)], rows) if rows else "None.\n"
        parts.append(f"\n## {target}\n\n{body}")
    return "".join(parts)


def sign(result: Result, slug: str) -> str:
    verdict = result.clauses.get(slug, (None, None))[1]
    return SIGNS.get(verdict, "✗")


def table(head: list[str], rows: list[list[str]]) -> str:
    return "".join(f"| {' | '.join(row)} |\n" for row in (head, ["---"] * len(head), *rows))


def main(paths: list[str]) -> str | None:
    """What is wrong with the first report that becomes no result."""
    for path in paths:
        try:
            result = result_of(json.loads(Path(path).read_text(encoding="utf-8")))
        except NoResultError as error:
            return f"{path}: {error}"
        except (OSError, ValueError, KeyError, TypeError) as error:
            return f"{path}: expected a report of `fcspec check --json`, found none: {error!r}"
        result.path.parent.mkdir(parents=True, exist_ok=True)
        result.path.write_text(result.text, encoding="utf-8")
    PAGE.write_text(page(committed()), encoding="utf-8")
    return None


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
