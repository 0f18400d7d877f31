"""What the message of a case says: the frames of the target, the line of the test, what was raised, a script."""

from __future__ import annotations

import os
import re
import sysconfig
from collections.abc import Iterable
from dataclasses import dataclass

from fcspec.report.model import Case
from fcspec.report.words import squeezed

_FRAME = re.compile(
    r'^  File "(?P<file>[^"\n]+)", line (?P<line>\d+),? in (?P<name>.+)(?:\n    (?P<code>.+))?', re.MULTILINE
)
_BEGIN = re.compile(r"^Traceback \(most recent call last\):\n", re.MULTILINE)
_SCRIPT = re.compile(r"^# [a-z-]+\.[a-z0-9-]+ · .*", re.MULTILINE | re.DOTALL)
_SUITE = re.compile(r"/fcspec/(?:calls|cases|plugin|specimens|state|target|workers)/|SPEC\.md$")
_TEST = re.compile(r"/fcspec/(?:calls|cases)/|SPEC\.md$")
_TESTING = re.compile(r"/(?:site|dist)-packages/(?:_pytest|pytest|pluggy|hypothesis)/")
_TORCH = re.compile(r"/(?:site|dist)-packages/(?:torch|torchgen)/")
_MODULES_OF_TORCH = re.compile(r"/(?:site|dist)-packages/torch/nn/modules/")
_SAYS_NOTHING = ("", "Use -v to get more diff")
_PARAMETER = "Parameter containing:\\n"
_WHERE_IT_LIES = re.compile(r" at 0x[0-9a-f]+")
_OF_PYTEST = (
    (re.compile(r"\Aassert (?:False|not True)\n +\+ +where (False|True) = (.+)"), r"\2 is \1"),
    (re.compile(r"\A(?:Failed: )?DID NOT RAISE .+"), "no error was raised"),
    (
        re.compile(
            r"\ARegex pattern did not match\.\n *(?:Expected regex|Regex): (.+)\n *(?:Actual message|Input): (.+)"
        ),
        r"an error that says \2, which does not match \1",
    ),
)
"""What pytest says of an assertion, and what a report says instead."""

_STDLIB = sysconfig.get_path("stdlib")


@dataclass(frozen=True)
class Frame:
    file: str
    line: str
    name: str
    code: str

    @property
    def place(self) -> str:
        return f"{_short(self.file)}:{self.line}"

    def __str__(self) -> str:
        return f"{self.place} in {self.name}" + (f": {self.code}" if self.code else "")


@dataclass(frozen=True)
class Trace:
    """
    Attributes:
        own: the target's frames of the latest exception, the innermost first; not those of torch, unless it is torch's target.
        test: where the test, or an example, ended.
        raised: the text of that exception, whole; empty: there was none.
        script: a program that shows the failure, for a case that was drawn.
    """

    own: tuple[Frame, ...] = ()
    test: Frame | None = None
    raised: str = ""
    script: str = ""

    @property
    def is_of_test(self) -> bool:
        """The test itself raised it: something is other than expected."""
        return not self.own and self.raised.startswith(("AssertionError", "Failed:", "assert "))


def trace_of(case: Case, address: str) -> Trace:
    """
    Args:
        address: of the target.
    """
    script = _SCRIPT.search(case.message or "")
    message = (case.message or "")[: script.start() if script else None]
    latest = _BEGIN.split(message)[-1]
    frames = [
        Frame(one["file"], one["line"], one["name"], (one["code"] or "").strip()) for one in _FRAME.finditer(latest)
    ]
    innermost = frames if "(most recent call first)" in latest else frames[::-1]
    of_suite = [one for one in frames if _TEST.search(one.file) and "AssertionError(" not in one.code]
    return Trace(
        own=tuple(_unrepeated(one for one in innermost if _is_own(one.file, address))),
        test=of_suite[-1] if of_suite else None,
        raised=_raised(latest) if frames else "",
        script=script[0] if script else "",
    )


def _is_own(file: str, address: str) -> bool:
    if _SUITE.search(file) or _TESTING.search(file) or file.startswith("<frozen"):
        return False
    if file.startswith(_STDLIB) and "-packages/" not in file:
        return False
    foreign = _MODULES_OF_TORCH if address.startswith("torch.") else _TORCH
    return not foreign.search(file)


def _unrepeated(frames: Iterable[Frame]) -> list[Frame]:
    """Without those of a comprehension, where its function's stands on the same line."""
    found: dict[str, Frame] = {}
    for frame in frames:
        if frame.place not in found or found[frame.place].name.startswith("<"):
            found[frame.place] = frame
    return [*found.values()]


def _raised(message: str) -> str:
    """What follows the last frame, its code, and the marks below that."""
    end = [one.end() for one in _FRAME.finditer(message)][-1]
    lines = message[end:].splitlines()
    while lines and (not lines[0].strip() or lines[0].startswith("    ")):
        lines.pop(0)
    kept = (line for line in lines if line.strip() not in _SAYS_NOTHING and "<ExceptionInfo " not in line)
    return "\n".join(kept).replace(_PARAMETER, "Parameter ").strip()


def actual(case: Case, raised: str) -> str:
    """The reason of a case, with all lines of the exception that it comes from."""
    reason, whole = (case.reason or "").replace(_PARAMETER, "Parameter "), raised.removeprefix("AssertionError: ")
    if squeezed(_WHERE_IT_LIES.sub("", reason))[:60] in squeezed(_WHERE_IT_LIES.sub("", whole)):
        found = whole
    else:
        found = f"{reason}\n{whole}" if "\n" in whole else reason
    return _in_words(_WHERE_IT_LIES.sub("", found))


def _in_words(found: str) -> str:
    """Without what pytest says of a statement that the row `expected` shows already."""
    for pattern, words in _OF_PYTEST:
        found = pattern.sub(words, found, count=1)
    first, _, rest = found.partition("\n")
    if first.startswith("assert ") and any(word in first for word in (", expected ", ", was ")):
        kept = (line for line in rest.splitlines() if not line.startswith(" + "))
        return "\n".join((first.removeprefix("assert "), *kept))
    return found


def _short(file: str) -> str:
    """As it is found from here, or below the folder of packages."""
    if "-packages/" in file:
        return file.rpartition("-packages/")[2]
    near = os.path.relpath(file)
    return file if near.startswith("..") else near
