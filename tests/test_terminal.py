"""What `fcspec check` shows: all that decides, nothing that a target could forge."""

from fcspec.report import terminal
from fcspec.report.model import Case, Run, judge
from fcspec.spec import load_spec


def screen(verdicts, observed=None, **run):
    """The final screen of a run with these verdicts, a case for each clause: (verdict, reason)."""
    spec, seen = load_spec(), observed or {}
    cases = [
        Case(f"test_x.py::{slug}", slug, verdict, reason, observed=seen.get(slug))
        for slug, (verdict, reason) in verdicts.items()
    ]
    report = judge(
        spec,
        {slug: [f"test_x.py::{slug}"] for slug in verdicts},
        cases,
        target={"address": "package:function", "name": "function", "file": None, "line": None},
        environment={},
        run=Run(**run),
    )
    return terminal.screen(report, spec).plain


def test_what_this_torch_cannot_run_does_not_count_and_says_why():
    old = "unsupported", "from torch 2.5 on"
    shown = screen({"call.result": ("pass", None), "compile.fullgraph": old, "compile.tuple": old})

    assert "compile        0/0    - fullgraph  - tuple" in shown
    assert "- compile.fullgraph and 1 more: unsupported: from torch 2.5 on" in shown
    assert "MUST 1 of 1 hold · 2 unsupported · 3 of 3 clauses judged" in shown
    assert shown.endswith("\nCONFORMING in the clauses that were selected\n")


def test_a_whole_profile_conforms_without_a_but():
    shown = screen({clause.slug: ("pass", None) for clause in load_spec().select()})

    assert shown.endswith("\nCONFORMING\n")
    assert "    generator: " not in shown


def test_what_was_observed_is_listed_where_clauses_were_selected():
    shown = screen({"args.none": ("pass", None)}, observed={"args.none": "no argument"})

    assert "\n    none: no argument\n" in shown


def test_a_failure_shows_its_clause_its_case_and_its_reason():
    shown = screen({"call.result": ("pass", None), "call.once": ("fail", "called twice"), "args.none": ("pass", None)})

    assert "call           1/2    ✗ once" in shown
    assert "✗ call.once · MUST" in shown
    assert "fail      called twice" in shown
    assert "MUST 1 of 2 hold · MAY 1 observed · 3 of 3 clauses judged" in shown
    assert shown.endswith("\nNOT CONFORMING\n")


def test_control_characters_of_a_target_are_not_shown():
    shown = screen({"call.once": ("fail", "\x1b[2J\x1b]0;CONFORMING\x07gone\r\x00")})

    assert not set("\x1b\x07\r\x00") & set(shown)
    assert "gone" in shown
