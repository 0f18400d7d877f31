"""SPEC.md is read as it is written, and its own rules hold."""

import itertools
from pathlib import Path

import pytest
from fcspec.errors import UsageError
from fcspec.spec import load_spec, parse

SPEC = load_spec()

TEXT = """# functional_call

Version 1.3

## Definitions

```python
one = 1
```

## call

### call.result · MUST

The law.

More of it.

Source: "the words", pytorch#1. Since 1.2.

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
    assert (clause.law, clause.source, clause.since) == ("The law.\n\nMore of it.", '"the words", pytorch#1.', "1.2")
    assert (clause.deviations, clause.line) == ("none known.", 13)
    assert (clause.examples[0].code, clause.examples[0].line) == ("assert one == 1\n", 24)


@pytest.mark.parametrize(
    ("written", "instead", "says"),
    [
        ("Version 1.3", "", "Version X.Y"),
        ("· MUST", "· WILL", "SPEC.md:13"),
        ("call.result ·", "Result ·", "SPEC.md:13"),
        ("Source: ", "From ", "call.result needs"),
        ("Since 1.2.", "", "call.result needs"),
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
