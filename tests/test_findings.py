"""FINDINGS.md: its scripts show what torch does today and the reference does not; it has every declared deviation once."""

import re
from pathlib import Path

import fcspec_reference
import pytest
import torch
from fcspec.report import deviations
from fcspec.spec import load_spec

TEXT = (Path(__file__).parents[1] / "FINDINGS.md").read_text(encoding="utf-8")
FINDINGS = dict(re.findall(r"^## (\d+)\. .*\n((?:(?!## ).*\n)*)", TEXT, re.MULTILINE))
SCRIPTS = {number: re.findall(r"^```python\n(.*?)^```", text, re.M | re.S) for number, text in FINDINGS.items()}


def run(script, number):
    exec(compile(script, f"FINDINGS.md {number}", "exec"), {"__name__": "__main__"})


@pytest.mark.parametrize("number", FINDINGS)
def test_a_script_shows_what_torch_does_and_the_reference_does_not(number, monkeypatch):
    (script,) = SCRIPTS[number]

    assert len([line for line in script.splitlines() if line]) <= 10
    run(script, number)
    monkeypatch.setattr(torch.func, "functional_call", fcspec_reference.functional_call)
    with pytest.raises(AssertionError):
        run(script, number)


def test_every_declared_deviation_belongs_to_one_finding():
    declared = deviations.load("builtin", "torch.func:functional_call", load_spec())
    clauses = [
        slug
        for text in FINDINGS.values()
        for slug in re.findall(r"`([a-z-]+\.[a-z-]+)`", text.partition("Clauses:")[2])
    ]

    assert sorted(clauses) == sorted(one.clause for one in declared)


def test_the_contents_lead_to_every_finding():
    titles = re.findall(r"^## ((\d+)\. (.*))", TEXT, re.MULTILINE)
    contents = re.findall(r"^\| (\d+) \| \[(.*?)\]\(#(.*?)\) \| .+ \|", TEXT, re.MULTILINE)

    anchors = [re.sub(r"[^\w\- ]", "", whole).lower().replace(" ", "-") for whole, _, _ in titles]
    assert contents == [(number, title, anchor) for (_, number, title), anchor in zip(titles, anchors, strict=True)]


def test_quotations_are_the_documentation_s():
    def plain(text):
        return " ".join(re.sub(r":\w+:(?=`)|[`>.]", "", text).split())

    said = plain(torch.func.functional_call.__doc__)
    quoted = [one for text in FINDINGS.values() for one in re.findall(r'"([^"]+)"', _documentation_of(text))]

    assert quoted
    assert [one for one in quoted if plain(one) not in said] == []


def _documentation_of(text):
    return re.search(r"^\* Documentation: (.*?)^\* Reference:", text, re.M | re.S)[1]


def test_only_known_threads_are_cited():
    known = {"164759", "195593", "186565", "90500", "92536"}

    assert set(re.findall(r"pytorch#(\d+)", TEXT)) <= known
    assert all(f"/{number})" in TEXT for number in re.findall(r"pytorch#(\d+)", TEXT))
