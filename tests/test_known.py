"""Implementations with a short name: each adapter calls its library, and what is not installed is named with what to install."""

import importlib
import importlib.util
import re
from pathlib import Path

import pytest
import torch
from fcspec import cli
from fcspec.commands.judging import complete_target
from fcspec.errors import UsageError
from fcspec.known import ADDRESSES, check_installed, known, known_at
from fcspec.options import Options
from fcspec.report.verdict import Verdict
from fcspec.target import implementation
from fcspec.target.address import Address
from support.judging import NO_EXAMPLES


class Scale(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.inner = torch.nn.Linear(1, 1)
        self.register_buffer("shift", torch.zeros(1))

    def forward(self, x, *, times=1.0):
        return times * self.inner(x) + self.shift


@pytest.mark.parametrize("name", ADDRESSES)
@pytest.mark.filterwarnings("ignore::FutureWarning")  # of stateless and functorch
def test_an_implementation_computes_with_given_values_and_leaves_the_module(name):
    if known(name).version is None:
        pytest.skip(known(name).to_install)
    functional_call = implementation.load(Address.parse(name))
    module = Scale()
    own = {name: value.clone() for name, value in module.state_dict().items()}
    values = {"inner.weight": torch.full((1, 1), 3.0), "inner.bias": torch.ones(1)}

    result = functional_call(module, values, torch.full((1, 1), 2.0), {"times": 2.0})

    assert result.tolist() == [[14.0]]
    assert all(torch.equal(own[name], value) for name, value in module.state_dict().items())


@pytest.mark.parametrize("name", ADDRESSES)
def test_what_is_known_fits_into_a_line(name):
    one = known(name)

    assert 10 < len(one.what) < 80
    assert one.tried == f"{one.library}=={one.tried.partition('==')[2]}"
    assert one.tried in one.install
    assert known_at(Address.parse(name).place) == (None if name in ("torch", "reference") else one)


def test_a_short_name_is_no_address_of_somebody_else():
    assert Address.parse("tensordict").place == "fcspec.known.tensordict"
    assert Address.parse("tensordict:functional_call").place == "tensordict"
    assert not any(mark in name for name in ADDRESSES for mark in ":/.")


def test_a_library_that_is_not_installed_is_refused_with_what_to_install(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)

    with pytest.raises(UsageError) as refused:
        implementation.load(Address.parse("higher"))

    assert str(refused.value) == "higher is not installed: python -m pip install higher==0.2.1"
    check_installed("higher")  # somebody's own module, which says itself what it lacks


def test_a_report_names_the_library_and_its_version(monkeypatch):
    def functional_call(module, parameter_and_buffer_dicts, args): ...

    monkeypatch.setattr(importlib.util, "find_spec", lambda name: name)
    monkeypatch.setattr(importlib.metadata, "version", lambda name: "0.2.1")
    names = {}
    for name in ("higher", "swap-entries"):
        functional_call.__module__ = Address.parse(name).place
        names[name] = implementation.describe(Address.parse(name), functional_call).name

    assert names == {"higher": "higher 0.2.1", "swap-entries": "swap-entries"}


def test_targets_are_listed_with_what_is_here_and_what_to_install(capsys, monkeypatch):
    found = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "learn2learn" else found(name))

    with pytest.raises(SystemExit) as done:
        cli.main(["targets"])

    lines = capsys.readouterr().out.splitlines()
    rows = {line.split()[0]: line for line in lines}
    here = torch.__version__.partition("+")[0]
    assert done.value.code == 0
    assert set(ADDRESSES) <= set(rows)
    assert rows["torch"].split() == ["torch", "torch", "2.13.0", here, "torch.func.functional_call"]
    assert rows["learn2learn"].split()[:4] == ["learn2learn", "learn2learn", "0.2.0", "-"]
    after = lines[lines.index(rows["learn2learn"]) + 1]
    assert after.strip().startswith(
        "python -m pip install --no-deps --config-settings=--build-option=build_ext learn2learn"
    )


@pytest.mark.parametrize(
    ("incomplete", "items"),
    [("swap", [("swap-dicts", "plain"), ("swap-entries", "plain")]), ("my/im", [("my/im", "file")])],
)
def test_a_shell_completes_short_names_and_files(incomplete, items):
    assert [(item.value, item.type) for item in complete_target(None, None, incomplete)] == items


@pytest.mark.parametrize("library", sorted({known(name).tried for name in ADDRESSES}))
def test_results_are_made_with_the_version_that_was_tried(library):
    environment = (Path(__file__).parents[1] / "tox.ini").read_text(encoding="utf-8")

    assert library in environment


def test_an_adapter_is_interrupted_in_its_own_lines_and_not_in_those_of_the_suite(session):
    report = session.judge(
        Options(Address.parse("swap-entries"), clauses=("restore.interrupted",), exclude=NO_EXAMPLES, workers=1)
    )

    [result] = report.clauses
    assert result.verdict is Verdict.PASS
    assert 10 < max(map(int, re.findall(r"of (\d+) lines", result.observed))) < 100
