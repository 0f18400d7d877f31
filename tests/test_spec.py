"""SPEC.md is read as it is written, and its own rules hold."""

import inspect
import itertools
import re
from pathlib import Path

import appendices
import pytest
import torch
from fcspec.errors import UsageError
from fcspec.report import deviations
from fcspec.spec import FIRST_VERSION, load_spec, parse

SPEC = load_spec()
WRITTEN = SPEC.path.read_text(encoding="utf-8")
DOCUMENTED_RELEASE = "2.13"

TEXT = """# functional_call

Version 1.3

## Definitions

```python
one = 1
```

## call

### call.result · MUST

The law.

More of it: `[a]`, [call.once], [is an error] and [the page](#page).

Source: "the words", [pytorch#1]. Since
1.2.

Known deviations: none known.

```python
assert one == 1
```
"""


def test_a_clause_is_read_whole():
    spec = parse(TEXT, Path("SPEC.md"))
    (clause,) = spec.clauses

    assert (spec.version, spec.definitions[0].code, spec.definitions[0].line) == ("1.3", "one = 1\n", 8)
    assert (clause.slug, clause.level, clause.profile, clause.chapter) == ("call.result", "MUST", "core", "call")
    assert clause.law == "The law.\n\nMore of it: `[a]`, call.once, is an error and [the page](#page)."
    assert (clause.source, clause.since) == ('"the words", pytorch#1.', "1.2")
    assert (clause.deviations, clause.observed, clause.line) == ("none known.", None, 13)
    assert (clause.examples[0].code, clause.examples[0].line) == ("assert one == 1\n", 25)


def test_a_clause_that_says_nothing_else_is_of_the_first_version():
    (clause,) = parse(TEXT.replace(" Since\n1.2.", ""), Path("SPEC.md")).clauses

    assert (clause.source, clause.since) == ('"the words", pytorch#1.', FIRST_VERSION)


def test_what_torch_does_where_a_clause_is_may_is_observed():
    may = TEXT.replace("· MUST", "· MAY").replace("Known deviations: none", "Observed: nothing")
    (clause,) = parse(may, Path("SPEC.md")).clauses

    assert (clause.deviations, clause.observed) == (None, "nothing known.")


@pytest.mark.parametrize(
    ("written", "instead", "says"),
    [
        ("Version 1.3", "", "Version X.Y"),
        ("· MUST", "· WILL", "SPEC.md:13"),
        ("call.result ·", "Result ·", "SPEC.md:13"),
        ("Source: ", "From ", "call.result needs"),
        ("The law.\n\nMore of it: `[a]`, [call.once], [is an error] and [the page](#page).", "", "call.result needs"),
        ("· MUST", "· MAY", "SPEC.md:13: call.result is a MAY"),
        ("Known deviations: ", "Observed: ", "SPEC.md:13: call.result is a MUST"),
    ],
)
def test_a_break_of_the_format_is_said_with_its_line(written, instead, says):
    with pytest.raises(ValueError, match=says):
        parse(TEXT.replace(written, instead), Path("SPEC.md"))


def test_a_slug_stands_for_one_clause():
    with pytest.raises(ValueError, match=r"call\.result"):
        parse(TEXT + TEXT[TEXT.index("### call") :], Path("SPEC.md"))


def test_an_unknown_slug_glob_or_profile_gets_a_did_you_mean():
    spec = parse(TEXT, Path("SPEC.md"))

    with pytest.raises(UsageError, match=r"did you mean 'call\.result'"):
        spec["call.results"]
    with pytest.raises(UsageError, match=r"did you mean 'call\.result'"):
        spec.select((), ("call.resul",))
    with pytest.raises(UsageError, match="did you mean 'core'"):
        spec.select(("cor",))


def test_globs_select_within_the_chosen_profiles():
    text = TEXT + TEXT[TEXT.index("### call") :].replace("call.result · MUST", "drop-in.list · MUST · drop-in")
    spec = parse(text, Path("SPEC.md"))

    def slugs(*selection):
        return [clause.slug for clause in spec.select(*selection)]

    assert slugs() == ["call.result"]
    assert slugs(("all",)) == ["call.result", "drop-in.list"]
    assert slugs((), ("drop-in.*",)) == ["drop-in.list"]
    assert slugs(("drop-in",)) == ["drop-in.list"]


@pytest.mark.parametrize("clause", SPEC.clauses, ids=lambda clause: clause.slug)
def test_every_clause_has_one_example(clause):
    assert len(clause.examples) == 1


def test_chapters_are_together():
    chapters = [clause.chapter for clause in SPEC.clauses]

    assert sorted(set(chapters), key=chapters.index) == list(dict.fromkeys(chapters))
    assert sum(a != b for a, b in itertools.pairwise(chapters)) == len(set(chapters)) - 1


def test_a_version_is_named_where_it_is_not_the_first():
    assert f"Since {FIRST_VERSION}." not in WRITTEN


def test_may_clauses_stand_at_the_end_of_their_chapter():
    by_chapter = itertools.groupby(SPEC.clauses, lambda clause: clause.chapter)
    free = {chapter: [clause.level == "MAY" for clause in clauses] for chapter, clauses in by_chapter}

    assert [chapter for chapter, may in free.items() if may != sorted(may)] == []


def test_generated_parts_are_up_to_date():
    assert appendices.regenerated(WRITTEN, SPEC) == WRITTEN, f"run `{appendices.COMMAND}`"


def test_a_link_that_leads_nowhere_is_said():
    with pytest.raises(appendices.UnknownTargetError, match=r"\[call\.onc\] is no clause"):
        appendices.links("The law: [call.onc].", SPEC)


@pytest.mark.parametrize(
    ("heading", "name"), [("call.no-values · MUST", "callno-values--must"), ("How to read this", "how-to-read-this")]
)
def test_the_address_of_a_heading_is_what_github_makes_of_it(heading, name):
    assert appendices.anchor(heading) == name


def test_clauses_tell_what_is_declared_of_torch():
    declared = deviations.load("builtin", appendices.TARGET, SPEC)

    assert [entry.clause for entry in declared if SPEC[entry.clause].deviations is None] == []


def plain(text):
    """Documentation without markup, on one line."""
    return " ".join(re.sub(r":\w+:(?=`)|`|>>> ?", "", text).split())


@pytest.mark.skipif(
    not torch.__version__.startswith(f"{DOCUMENTED_RELEASE}."),
    reason=f"SPEC.md quotes the documentation of torch {DOCUMENTED_RELEASE}",
)
def test_the_documentation_is_quoted_word_for_word():
    documentation = plain(inspect.getdoc(torch.func.functional_call))
    quoted = [
        (clause.slug, part)
        for clause in SPEC.clauses
        if "documentation" in clause.source
        for quotation in re.findall(r'"([^"]+)"', clause.source)
        for part in plain(quotation).split(" ... ")
    ]

    assert quoted
    assert [(slug, part) for slug, part in quoted if part not in documentation] == []
