"""`fcspec init`: the files that an implementation written from the specification starts with."""

from __future__ import annotations

from pathlib import Path

import click

from fcspec.errors import UsageError

IMPLEMENTATION = '''\
"""An implementation of torch.func.functional_call. What to write next: fcspec next functional_call.py:functional_call"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch


def functional_call(
    module: torch.nn.Module,
    parameter_and_buffer_dicts: Mapping[str, torch.Tensor] | tuple[Mapping[str, torch.Tensor], ...],
    args: Any = None,
    kwargs: Mapping[str, Any] | None = None,
    *,
    tie_weights: bool = True,
    strict: bool = False,
) -> Any:
    """Call `module` with the given parameters and buffers in place of its own, and leave it as it was."""
    raise NotImplementedError
'''

TEST = '''\
"""One test for each clause of the specification: pytest -k restore runs those of a chapter."""

import fcspec


@fcspec.parametrize("functional_call.py:functional_call")
def test_conformance(clause):
    clause()
'''

WORKFLOW = """\
# Judges functional_call.py on each push, and says what does not hold beside the code and in the summary of the run.
name: conformance
on: [push, pull_request]
permissions:
  contents: read
jobs:
  conformance:
    runs-on: ubuntu-latest
    strategy:
      fail-fast: false
      matrix:
        torch: ["2.13.0"] # a job for each release of torch that you support, from 2.0 on
    steps:
      - uses: actions/checkout@v4
      - uses: actions/setup-python@v5
        with:
          python-version: "3.12"
      # fcspec: or git+https://... of the repository that you have it from
      - run: python -m pip install torch==${{ matrix.torch }} fcspec
      # It is red until every MUST holds. To be green with what is known not to hold, and red when that changes:
      #   fcspec deviations functional_call.py:functional_call -o deviations.toml      (then fill in the reasons)
      # and add --deviations deviations.toml here. --strict counts every SHOULD, too.
      - run: fcspec check functional_call.py:functional_call --json conformance.json --junit conformance.xml
      # The report as data (fcspec show, fcspec diff read it) and for whatever reads JUnit.
      - uses: actions/upload-artifact@v4
        if: always()
        with:
          name: conformance-${{ matrix.torch }}
          path: conformance.*
"""

FILES = {
    "functional_call.py": IMPLEMENTATION,
    "test_functional_call.py": TEST,
    ".github/workflows/conformance.yml": WORKFLOW,
}


@click.command("init")
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
def command(folder: Path) -> int:
    """Write into DIR what an implementation starts with: its signature, its test file, a workflow. Nothing is overwritten."""
    there = [name for name in FILES if (folder / name).exists()]
    if there:
        raise UsageError(f"{folder / there[0]} is there already; nothing was written")
    for name, text in FILES.items():
        path = folder / name
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("x", encoding="utf-8") as file:
                file.write(text)
        except OSError as error:
            raise UsageError(f"{path} cannot be written: {error.strerror or error}") from None
        click.echo(path)
    click.echo(f"next: cd {folder} && fcspec next functional_call.py:functional_call")
    return 0
