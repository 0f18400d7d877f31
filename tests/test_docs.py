"""The examples of docs/ run as they stand, in their order."""

import re
from pathlib import Path

import pytest

DOCS = [
    page for page in sorted((Path(__file__).parents[1] / "docs").glob("*.md")) if "```python" in page.read_text("utf-8")
]


@pytest.mark.parametrize("page", DOCS, ids=lambda page: page.name)
def test_examples_run(page):
    scope = {"__name__": "docs"}
    blocks = re.findall(r"^```python\n(.*?)^```", page.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)

    assert blocks
    for block in blocks:
        exec(compile(block, str(page), "exec"), scope)
