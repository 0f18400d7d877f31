"""Reproducers of a report: scripts that were run before they are offered, and failed as the case did."""

from __future__ import annotations

import functools
import json
import re
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

from fcspec import devices, replaying, runner
from fcspec.options import Options
from fcspec.report.failure import drawn_script
from fcspec.report.model import Case, ClauseResult, Report
from fcspec.report.plainest import is_example
from fcspec.report.verdict import Verdict
from fcspec.reproducer import script_of
from fcspec.spec import load_spec
from fcspec.workers.processes import AVAILABLE

_START = 60.0
"""Seconds that importing torch may take."""

_ASSERTION = "AssertionError"

AnyReport = TypeVar("AnyReport", bound=Report)


@dataclass(frozen=True)
class _Attempt:
    """A script that may show what a case found."""

    clause: str
    case: Case
    script: str

    def is_confirmed_by(self, verdict: str, error: str) -> bool:
        """Whether the script, which ended so, fails as the case did."""
        if verdict != self.case.verdict:
            return False
        if verdict != Verdict.FAIL or (error == _ASSERTION and not is_example(self.case.id)):
            return True
        said = self.case.message or ""
        if error == _ASSERTION:  # pytest.raises fails with an exception of its own
            said = f"{said}\n{said.replace('Failed: DID NOT RAISE', _ASSERTION)}"
        return re.search(rf"^(E +)?{re.escape(error)}\b", said, re.MULTILINE) is not None


def with_reproducers(report: AnyReport, options: Options, folder: str | None = None) -> AnyReport:
    """The report, in which each MUST and SHOULD that does not hold has a script, where one shows it alone.

    Args:
        options: those of the run.
        folder: where a relative path of the target starts; None: in the current one.
    """
    if not (AVAILABLE and devices.is_cpu(options.device)) or report.run.interrupted:
        return report
    attempts = [one for result in report.clauses for one in _attempts(result, options, folder)]
    if not attempts:
        return report
    ends = run_scripts([one.script for one in attempts], options, folder)
    found = [one for one, end in zip(attempts, ends, strict=False) if one.is_confirmed_by(*end)]
    first = {one.clause: one.script for one in reversed(found)}
    return replace(report, clauses=tuple(replace(one, reproducer=first.get(one.clause)) for one in report.clauses))


def _attempts(result: ClauseResult, options: Options, folder: str | None) -> list[_Attempt]:
    """The example first, then the smallest drawn call; the example, too, where the run had neither."""
    if not result.is_wrong or result.level == "MAY":
        return []
    spec, wrong = load_spec(), [case for case in result.cases if case.verdict.is_wrong]
    example = functools.partial(script_of, spec[result.clause], spec, options.address, folder)
    found = [_Attempt(result.clause, case, example()) for case in wrong if is_example(case.id)]
    drawn = [_Attempt(result.clause, case, script) for case in wrong if (script := drawn_script(case)) is not None]
    if not drawn and not any(is_example(case.id) for case in result.cases):
        return [_Attempt(result.clause, wrong[0], example())]
    return [*found, *sorted(drawn, key=lambda one: len(one.script))[:1]]


def run_scripts(scripts: Sequence[str], options: Options, folder: str | None = None) -> list[tuple[str, str]]:
    """Verdict and type of error of each; nothing where the process that runs them fails."""
    request = json.dumps({"scripts": scripts, "workers": options.workers, "seconds": options.timeout})
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as own:
        try:
            done = subprocess.run(
                [sys.executable, "-P", "-m", "fcspec.replaying"],
                input=request,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                encoding="utf-8",
                env=runner.environment(own, options.device),
                cwd=folder,
                timeout=_START + 2 * replaying.PATIENCE * options.timeout,
                check=True,
            )
            return [(end["verdict"], end["error"]) for end in json.loads(done.stdout)]
        except (subprocess.SubprocessError, OSError, ValueError):
            return []
