"""One clause that does not hold, in words: law, call, expected, actual, where, and a script that shows it."""

from __future__ import annotations

import re
import sysconfig
import textwrap
from dataclasses import dataclass

from fcspec.report.model import Case, ClauseResult
from fcspec.report.terminal import clean
from fcspec.report.verdict import Verdict
from fcspec.spec import Clause, Spec

_FRAME = re.compile(
    r'^  File "(?P<file>[^"\n]+)", line (?P<line>\d+), in (?P<name>.+)\n(?:    (?P<code>.+))?', re.MULTILINE
)
_SCRIPT = re.compile(r"^# [a-z-]+\.[a-z0-9-]+ · .*", re.MULTILINE | re.DOTALL)
_STDLIB = sysconfig.get_path("stdlib")
_WIDTH = 100


@dataclass(frozen=True)
class Failure:
    """What a person needs to mend it.

    Attributes:
        title: clause, level, place in SPEC.md.
        rows: (label, text): called, expected, actual, where, case.
        script: what shows it: the reproducer, else the drawn call that broke it, else the example of SPEC.md.
    """

    title: str
    law: str
    rows: tuple[tuple[str, str], ...]
    script: str

    def __str__(self) -> str:
        law = textwrap.fill(self.law, _WIDTH, initial_indent="  ", subsequent_indent="  ")
        rows = [_row(label, text) for label, text in self.rows if text]
        return "\n".join((self.title, law, *rows, "", textwrap.indent(self.script.rstrip(), "    ")))


def failure_of(result: ClauseResult, spec: Spec, address: str) -> Failure:
    """
    Args:
        address: of the target, for the command that judges the clause again.
    """
    clause, case = spec[result.clause], plainest(result)
    frames = list(_FRAME.finditer(case.message or "")) if case is not None else []
    rows = [
        ("called", case.stimulus or "") if case is not None else ("", ""),
        ("expected", _expected(frames)),
        ("actual", _actual(result, case)),
        ("where", _where(frames)),
        ("case", _case(result, case) if case is not None else ""),
        ("again", f"fcspec check {address} --clause {result.clause}"),
    ]
    return Failure(
        f"{result.clause} · {result.level} · {spec.path.name}:{clause.line}",
        " ".join(clause.law.split("\n\n")[0].replace("`", "").split()),
        tuple((label, clean(text)) for label, text in rows),
        clean(_script(result, clause, case)),
    )


def plainest(result: ClauseResult) -> Case | None:
    """Of the cases that have the clause's verdict: the example, else one written for the clause, else a drawn one."""
    worst = [case for case in result.cases if case.verdict == result.verdict]
    return min(worst, key=lambda case: _rank(case.id), default=None)


def _rank(id: str) -> int:
    return {"test_examples.py": 0, "test_covering.py": 2, "test_drawn.py": 2}.get(id.partition("::")[0], 1)


def _row(label: str, text: str) -> str:
    lines = text.splitlines() if label == "where" else textwrap.wrap(" ".join(text.split()), _WIDTH - 14)
    return "\n".join(f"    {label if number == 0 else '':<10}{line}" for number, line in enumerate(lines[:12]))


def _is_of_suite(file: str) -> bool:
    return "/fcspec/" in file or file.endswith("SPEC.md")


def _expected(frames: list[re.Match[str]]) -> str:
    """The line of the test that did not come true."""
    own = [frame for frame in frames if _is_of_suite(frame["file"]) and "AssertionError(" not in (frame["code"] or "")]
    return (own[-1]["code"] or "").removeprefix("assert ") if own else ""


def _actual(result: ClauseResult, case: Case | None) -> str:
    if case is None:
        return "not judged"
    how = "" if result.verdict is Verdict.FAIL else f"{result.verdict}: "
    return f"{how}{case.reason or ''}"


def _where(frames: list[re.Match[str]]) -> str:
    """The target's own frames, the innermost first."""
    theirs = [
        frame for frame in reversed(frames) if not _is_of_suite(frame["file"]) and not _is_of_python(frame["file"])
    ]
    return "\n".join(f"{_short(frame['file'])}:{frame['line']} in {frame['name']}" for frame in theirs[:3])


def _is_of_python(file: str) -> bool:
    return file.startswith((_STDLIB, "<frozen")) and "site-packages" not in file


def _short(file: str) -> str:
    return file.rpartition("site-packages/")[2]


def _case(result: ClauseResult, case: Case) -> str:
    wrong = sum(one.verdict == case.verdict for one in result.cases)
    more = f" (and {wrong - 1} more of {len(result.cases)} cases)" if wrong > 1 else ""
    return f"{case.id}{more}"


def _script(result: ClauseResult, clause: Clause, case: Case | None) -> str:
    drawn = drawn_script(case) if case is not None else None
    return result.reproducer or drawn or "\n".join(example.code for example in clause.examples)


def drawn_script(case: Case) -> str | None:
    """The script of the drawn call that a case judged; None where it judged none."""
    found = _SCRIPT.search(case.message or "")
    return found[0] if found else None


def is_example(case: Case) -> bool:
    return case.id.startswith("test_examples.py::")
