"""What torch.func.functional_call and the reference keep on each release of torch: `python tests/results.py REPORT.json...`

Each report of `fcspec check TARGET --profile all --strict --json REPORT.json` becomes a file of results/, a line for each clause,
with nothing that changes from run to run. RESULTS.md and results/index.html are drawn from all of them; without a report, that is
all that happens.
"""

import json
import sys
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from packaging.version import Version

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "results"
TARGETS = {"torch.func:functional_call": "torch.func", "fcspec_reference:functional_call": "reference"}


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

    def judged(self, level: str) -> Counter[str]:
        """How many clauses of this level have which verdict, of those that this release can be asked."""
        return Counter(one for of, one in self.clauses.values() if of == level and one != "unsupported")

    def counts(self, level: str) -> str:
        return f"{self.judged(level)['pass']} of {self.judged(level).total()}"

    def broken(self, level: str) -> int:
        return self.judged(level).total() - self.judged(level)["pass"]


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
    """Those of TARGETS first, then by name, each from the oldest release to the newest."""
    first = [*TARGETS.values()]

    def place(result: Result) -> tuple[int, str, Version]:
        known = result.target in first
        return first.index(result.target) if known else len(first), result.target, Version(result.torch)

    return sorted(map(read, RESULTS.glob("*/*.txt")), key=place)


def main(paths: list[str]) -> str | None:
    """What is wrong with the first report that becomes no result."""
    import results_page  # stands on this file

    for path in paths:
        try:
            result = result_of(json.loads(Path(path).read_text(encoding="utf-8")))
        except NoResultError as error:
            return f"{path}: {error}"
        except (OSError, ValueError, KeyError, TypeError) as error:
            return f"{path}: expected a report of `fcspec check --json`, found none: {error!r}"
        result.path.parent.mkdir(parents=True, exist_ok=True)
        result.path.write_text(result.text, encoding="utf-8")
    for path, text in results_page.files(committed()).items():
        path.write_text(text, encoding="utf-8")
    return None


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
