"""Hand-made reports over a hand-made specification, and every view of them. `python tests/reports.py` writes tests/golden."""

import re
from dataclasses import replace
from pathlib import Path

from fcspec.report import badge, junit, markdown, page, side_by_side, terminal
from fcspec.report.deviations import Deviation, apply
from fcspec.report.matrix import Matrix
from fcspec.report.model import Case, Run, judge
from fcspec.report.verdict import Verdict
from fcspec.spec import parse

GOLDEN = Path(__file__).parent / "golden"

EVIL = "<script>alert('x')</script> \"quoted\" & \x1b[31mred\x1b[0m `code` | *bold* \u202eturned"
"""What a target may say."""

LAWS = {
    "call.result · MUST": "The call returns what the `module` returns.",
    "call.once · MUST": "A call invokes the module <once>.",
    "call.free · MAY": "The text of an error is free.",
    "tie.large-group · MUST": "Every name of a tied group sees the given value.",
    "tie.conflict · SHOULD": "Two values for one group are an error.",
    "tie.later · MUST · transforms": "A tied group is transformed as one.",
}

SPEC = parse(
    "Version 1.0\n\n"
    + "\n\n".join(
        f'### {title}\n\n{law}\n\nSource: documentation, "as before".\n\n```python\nassert {number} < len("&")\n```'
        for number, (title, law) in enumerate(LAWS.items())
    ),
    Path("SPEC.md"),
)

MESSAGE = f"""Traceback (most recent call last):
  File "/x/site-packages/fcspec/cases/test_call.py", line 12, in test_once
    assert calls == ["<once>"]
  File "/x/mine.py", line 3, in functional_call
    raise ValueError
ValueError: {EVIL}"""

SCRIPT = """# tie.large-group · MUST: Every name sees the given value.
import torch
assert "<b>" == '&'
"""


def report(verdicts, name="mine", declared=(), reproducers=(), **run):
    """A report of one case for each clause, given as {slug: Case's fields, None where it was not judged}."""
    plan = {slug: [f"test_x.py::test_{slug}"] for slug in verdicts}
    cases = [Case(plan[slug][0], slug, **fields) for slug, fields in verdicts.items() if fields is not None]
    made = judge(
        SPEC,
        plan,
        cases,
        target={"address": f"path/{name}.py:call", "name": "call", "file": f"{name}.py", "line": 3},
        environment={"python": "3.11.7", "torch": "2.13.0", "device": "cpu"},
        run=Run(**{"started": "2026-11-23T12:00:00Z", "seconds": 9.8, "profiles": ("all",), **run}),
    )
    made = replace(made, fcspec_version="0.1.0")
    scripts = dict(reproducers)
    made = replace(made, clauses=tuple(replace(one, reproducer=scripts.get(one.clause)) for one in made.clauses))
    return apply(made, [Deviation(slug, Verdict.FAIL, f"known {EVIL}") for slug in declared])


def mine():
    """Something of everything."""
    return report(
        {
            "call.result": {"verdict": "pass"},
            "call.once": {
                "verdict": "fail",
                "reason": f"ValueError: {EVIL}",
                "stimulus": f"Model(), {{'a': {EVIL}}}, (1,)",
                "message": MESSAGE,
            },
            "call.free": {"verdict": "pass", "observed": f"accepted {EVIL}"},
            "tie.large-group": {"verdict": "crash", "reason": "signal 11", "stimulus": "Pair(), {}, (1,)"},
            "tie.conflict": {"verdict": "fail", "reason": "no error", "stimulus": "Pair(), {}, (1,)"},
            "tie.later": {"verdict": "unsupported", "reason": "torch 2.0 has no vmap here"},
        },
        declared=("tie.conflict",),
        reproducers={"tie.large-group": SCRIPT}.items(),
        notes=(f"put back: {EVIL}",),
    )


def other():
    """A report that holds everything that was judged, of fewer clauses; one is not judged."""
    verdicts = {slug: {"verdict": "pass"} for slug in ("call.result", "call.once", "tie.large-group", "tie.conflict")}
    return report(
        {**verdicts, "call.free": {"verdict": "pass", "observed": "refused"}, "tie.conflict": None},
        name="other",
        profiles=("core",),
        problem="the suite's process died",
    )


def views():
    """Every view, by the name of its golden file. A page is without its style and script, which change for other reasons."""
    both = [mine(), other()]
    return {
        "show.txt": terminal.screen(mine(), SPEC).plain,
        "show.md": markdown.document(mine(), SPEC),
        "show.xml": junit.document(mine(), SPEC),
        "show.svg": badge.document(mine(), SPEC),
        "show.html": _without_parts(page.document([mine()], SPEC)),
        "compare.txt": side_by_side.screen(Matrix.of(both, SPEC)).plain,
        "compare.html": _without_parts(page.document(both, SPEC)),
    }


def _without_parts(text):
    text = re.sub(r"(<style>|<script>)\S.*?(</style>|</script>)", r"\1\2", text, flags=re.DOTALL)
    return re.sub(r"'sha256-[^']+'", "'sha256'", text)


if __name__ == "__main__":
    GOLDEN.mkdir(exist_ok=True)
    for name, text in views().items():
        (GOLDEN / name).write_text(text, encoding="utf-8")
