"""No false alarm: implementations that keep the law by other means than the reference conform too."""

import subprocess
import sys
from pathlib import Path

import pytest

TWINS = sorted((Path(__file__).parent / "twins").glob("*.py"))


@pytest.mark.parametrize("twin", TWINS, ids=lambda twin: twin.stem)
def test_a_correct_implementation_conforms(twin, tmp_path):
    command = [sys.executable, "-m", "fcspec", "check", f"{twin}:functional_call", "--strict"]

    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=1800)

    assert done.returncode == 0, (
        f"{twin.name} is correct by SPEC.md, so either a case asks for more than its clause says, or the twin is wrong:\n"
        f"{done.stdout}{done.stderr}"
    )


def test_there_are_twins():
    assert len(TWINS) >= 5
