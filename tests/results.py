"""What implementations keep of the law, by release of torch: `python tests/results.py NAME|REPORT.json...`

A short name is judged, here and now; `all`: every implementation that is installed. What is judged, and each report of
`fcspec check NAME --profile all --strict --json REPORT.json`, becomes a file of results/, a line for each clause, with nothing
that changes from run to run. RESULTS.md and results/index.html are drawn from all of them; without arguments, that is all.
"""

import json
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

from fcspec.errors import UsageError
from fcspec.known import ADDRESSES, known
from packaging.version import Version

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "results"
RELEASES = ("torch.func", "reference")
"""What is judged on every release; the others on one."""
TARGETS = {address: "torch.func" if name == "torch" else name for name, address in ADDRESSES.items()}
ALL = "all"
SECONDS = 60.0
"""For one test: some implementations compile in each call, and a busy machine must not change a result."""


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
        raise NoResultError(f"expected a report about one of `fcspec targets`, found {address}")
    check_version(address, report["target"]["name"])
    if not report["run"]["complete"]:
        raise NoResultError("expected a complete report, found one of an incomplete run; judge again")
    clauses = {one["clause"]: (one["level"], one["verdict"]) for one in report["clauses"]}
    return Result(TARGETS[address], report["environment"]["torch"].partition("+")[0], clauses)


def check_version(address: str, title: str) -> None:
    """NoResultError where a library has another version than its adapter says."""
    one = next(known(name) for name, where in ADDRESSES.items() if where == address)
    expected = one.tried.replace("==", " ")
    if one.library != "torch" and title != expected:
        raise NoResultError(f"expected {expected}, found {title}; install that, or change what the adapter says")


def read(path: Path) -> Result:
    lines = [line.split() for line in path.read_text(encoding="utf-8").splitlines()]
    return Result(path.parent.name, path.stem, {slug: (level, verdict) for slug, level, verdict in lines})


def committed() -> list[Result]:
    """Those of RELEASES first, then by name, each from the oldest release to the newest."""

    def place(result: Result) -> tuple[int, str, Version]:
        known = result.target in RELEASES
        return RELEASES.index(result.target) if known else len(RELEASES), result.target, Version(result.torch)

    return sorted(map(read, RESULTS.glob("*/*.txt")), key=place)


def judged(names: list[str]) -> Iterator[tuple[str, Result]]:
    """Each implementation and what it keeps, as soon as it is judged. NoResultError, UsageError."""
    from fcspec.options import Options
    from fcspec.runner import Session
    from fcspec.target.address import Address

    with Session(profiles=("all",)) as session:
        for name in names:
            report = session.judge(Options(Address.parse(name), ("all",), strict=True, timeout=SECONDS, patience=0))
            yield name, result_of(report.as_dict())


def reported(paths: list[str]) -> Iterator[tuple[str, Result]]:
    """Each file and what the report in it says. NoResultError."""
    for path in paths:
        try:
            yield path, result_of(json.loads(Path(path).read_text(encoding="utf-8")))
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise NoResultError(f"{path}: expected a report of `fcspec check --json`, found none: {error!r}") from None


def main(arguments: list[str]) -> str | None:
    """What is wrong with the first argument that becomes no result."""
    import results_page  # stands on this file

    paths = [one for one in arguments if one.endswith(".json")]
    names = [one for one in arguments if one not in paths]
    if names == [ALL]:
        names = [name for name in ADDRESSES if known(name).version is not None]
    try:
        for source, result in chain(reported(paths), judged(names) if names else ()):
            print(f"{source}: {result.counts('MUST')} MUST, {result.counts('SHOULD')} SHOULD", flush=True)
            result.path.parent.mkdir(parents=True, exist_ok=True)
            result.path.write_text(result.text, encoding="utf-8")
    except (NoResultError, UsageError) as error:
        return str(error)
    for path, text in results_page.files(committed()).items():
        path.write_text(text, encoding="utf-8")
    return None


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
