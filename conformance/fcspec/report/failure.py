"""One clause that does not hold, in words: law, call, expected, actual, where, and a script that shows it."""

from __future__ import annotations

import shlex
import textwrap
from collections.abc import Callable
from dataclasses import dataclass

from fcspec import index
from fcspec.report.model import Case, ClauseResult
from fcspec.report.plainest import is_example
from fcspec.report.trace import Frame, Trace, actual, trace_of
from fcspec.report.verdict import Verdict
from fcspec.report.words import LABEL, WIDTH, clean, joined, law_in_words, row, wrapped
from fcspec.spec import Clause, Spec

_MOST_LINES = 14
"""Of one row; the report has all."""

_MOST_FRAMES = 4


@dataclass(frozen=True)
class Failure:
    """What a person needs to mend it.

    Attributes:
        title: clause, level, place in SPEC.md.
        rows: (label, text): called, expected, actual, where, printed, cases.
        again: the command that judges the case again, in parts that stay whole.
        script: what shows it: the reproducer, else the drawn call that broke it, else the example of SPEC.md.
        caption: what the script is, where it does not show this failure; empty: it does.
    """

    title: str
    law: str
    rows: tuple[tuple[str, str], ...]
    again: tuple[str, ...]
    script: str
    caption: str = ""

    def __str__(self) -> str:
        return "\n".join((*self.lines(), "", *self.script_lines()))

    def script_lines(self) -> list[str]:
        """The script below its caption."""
        caption = wrapped(self.caption, WIDTH, "    # ") if self.caption else []
        return [*caption, *textwrap.indent(self.script.rstrip(), "    ").split("\n")]

    def lines(self, width: int = WIDTH, indent: str = "") -> list[str]:
        """All but the script, in lines with a hanging indent."""
        lines = [indent + self.title, *wrapped(self.law, width, f"{indent}  ")]
        for label, text in self.rows:
            if text:
                lines += row(label, text, width, f"{indent}    ", _MOST_LINES)
        return lines + again_in_lines(self.again, width, f"{indent}    ")


def again_in_lines(command: tuple[str, ...], width: int, indent: str) -> list[str]:
    """A command that can be pasted: the lines of one that is too long end in a backslash."""
    if not command:
        return []
    lines = joined(command, width - 2, f"{indent}{'again':<{LABEL}}", f"{indent}{'':<{LABEL + 2}}")
    return [f"{line} \\" for line in lines[:-1]] + lines[-1:]


Whole = Callable[[Clause], str]
"""Makes the example of a clause a script that can be run."""


def failure_of(result: ClauseResult, spec: Spec, address: str, whole: Whole | None = None) -> Failure:
    """
    Args:
        address: of the target, for the command that judges the clause again.
        whole: None: the example is shown as SPEC.md has it.
    """
    clause, case = spec[result.clause], result.plainest
    trace = trace_of(case, address) if case is not None else Trace()
    rows = [
        ("called", case.stimulus or "") if case is not None else ("", ""),
        ("expected", _expected(trace.test, clause)),
        ("actual", _actual(result, case, trace)),
        ("where", "\n".join(map(str, trace.own[:_MOST_FRAMES]))),
        ("printed", (case.output or "").strip("\n") if case is not None else ""),
        ("cases", _cases(result, case) if case is not None else ""),
    ]
    return Failure(
        f"{result.clause} · {result.level} · {spec.path.name}:{clause.line}",
        law_in_words(clause.law),
        tuple((label, clean(text)) for label, text in rows),
        tuple(map(clean, _again(result, case, address))),
        clean(result.reproducer or trace.script or (whole or _as_it_stands)(clause)),
        "" if result.reproducer or trace.script else clean(_caption(result, case, trace, spec, whole)),
    )


def _again(result: ClauseResult, case: Case | None, address: str) -> tuple[str, str]:
    """The command, or the call where no import finds the target."""
    module, _, name = address.rpartition(":")
    if module == "__main__" or "<" in name:
        which = f"clauses=[{result.clause!r}]" if case is None else f"cases=[{case.id!r}]"
        last = name.rpartition(".")[2]
        return f"fcspec.check({last if last.isidentifier() else '...'},", f"{which})"
    which = f"--clause {result.clause}" if case is None else f"--case {shlex.quote(case.id)}"
    return f"fcspec check {shlex.quote(address)}", which


def _caption(result: ClauseResult, case: Case | None, trace: Trace, spec: Spec, whole: Whole | None) -> str:
    """The example is there to read, where another case fails; and what it needs to be run."""
    shows_it = case is None or is_example(case.id)
    if whole is not None:
        return "" if shows_it else _about_example(result, case, trace)
    about = "The law's example" if shows_it else _about_example(result, case, trace)
    return f"{about}; what it names is in {spec.path.name}, Definitions"


def _about_example(result: ClauseResult, case: Case | None, trace: Trace) -> str:
    holds = any(is_example(one.id) and one.verdict is Verdict.PASS for one in result.cases)
    fails = trace.test.place if trace.test is not None else case.id if case is not None else ""
    return f"The law's example{', which holds' if holds else ''}; what fails is {fails}"


def _expected(frame: Frame | None, clause: Clause) -> str:
    """The line of the test that did not come true; with those that follow where it is only the beginning of a call."""
    if frame is None:
        return ""
    code, line = frame.code, int(frame.line)
    if code.endswith(("(", "[", "{", ",")):
        before = [one for one in clause.examples if one.line <= line]
        is_example = frame.file.endswith("SPEC.md") and before
        text = "\n" * (before[-1].line - 1) + before[-1].code if is_example else index.text(frame.file)
        code = index.statement(text, line) or code
    return code.removeprefix("assert ")


def _actual(result: ClauseResult, case: Case | None, trace: Trace) -> str:
    if case is None:
        return "not judged"
    how = "" if result.verdict is Verdict.FAIL else f"{result.verdict}: "
    return how + actual(case, trace.raised)


def _cases(result: ClauseResult, case: Case) -> str:
    wrong = sum(one.verdict == case.verdict for one in result.cases)
    return f"{wrong} of {len(result.cases)} like this" if len(result.cases) > 1 else ""


def _as_it_stands(clause: Clause) -> str:
    return "\n".join(example.code for example in clause.examples)


def drawn_script(case: Case) -> str | None:
    """The script of the drawn call that a case judged; None where it judged none."""
    return trace_of(case, "").script or None
