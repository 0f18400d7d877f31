"""action.yml: its step that judges runs here as it stands."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from fcspec.commands import init

yaml = pytest.importorskip("yaml")

TOP = Path(__file__).parents[1]
ACTION = yaml.safe_load((TOP / "action.yml").read_text())
STEP = next(step for step in ACTION["runs"]["steps"] if step.get("id") == "check")
WORKFLOW = yaml.safe_load((TOP / ".github" / "workflows" / "every-torch.yml").read_text())


def run_step(folder, **inputs):
    """The step with these inputs; (what was done, its outputs)."""
    given = {name: one.get("default", "") for name, one in ACTION["inputs"].items()} | inputs
    environment = {
        name: given[value.removeprefix("${{ inputs.").removesuffix(" }}")] for name, value in STEP["env"].items()
    }
    (folder / "bin").mkdir()
    (folder / "bin" / "fcspec").write_text(f'#!/bin/sh\nexec "{sys.executable}" -m fcspec "$@"\n')
    (folder / "bin" / "fcspec").chmod(0o755)
    environment |= {
        "PATH": f"{folder / 'bin'}:{os.environ['PATH']}",
        "RUNNER_TEMP": str(folder),
        "GITHUB_OUTPUT": str(folder / "output"),
        "GITHUB_STEP_SUMMARY": str(folder / "step.md"),
    }
    command = ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", STEP["run"]]
    done = subprocess.run(command, capture_output=True, text=True, env=os.environ | environment, cwd=folder)
    return done, dict(line.split("=", 1) for line in (folder / "output").read_text().splitlines())


def test_the_step_judges_and_says_where_its_reports_are(tmp_path):
    done, outputs = run_step(tmp_path, target="torch", deviations="builtin", arguments="--clause=restore.rebound")

    assert done.returncode == 0, done.stdout + done.stderr
    assert set(outputs) == set(ACTION["outputs"])
    assert json.loads(Path(outputs["report"]).read_text())["verdict"] == "conforming-as-declared"
    assert Path(outputs["junit"]).read_text().startswith("<?xml")
    assert Path(outputs["summary"]).read_text() == (tmp_path / "step.md").read_text()


def test_an_input_is_no_code_and_a_wrong_one_turns_it_red(tmp_path):
    done, _ = run_step(tmp_path, target='"; touch forged; echo "', profiles="core transforms")

    assert done.returncode == 4
    assert not (tmp_path / "forged").exists()


def test_the_workflow_hands_its_inputs_to_the_action():
    steps = WORKFLOW["jobs"]["conformance"]["steps"]
    step = next(one for one in steps if one["uses"] == "./.fcspec")
    used = "".join(step["with"].values())

    assert set(step["with"]) <= set(ACTION["inputs"])
    assert all(f"inputs.{name} " in used for name in ("target", "profiles", "deviations"))
    assert json.loads(WORKFLOW[True]["workflow_call"]["inputs"]["torch"]["default"])


def test_the_workflow_that_init_writes_is_one(tmp_path):
    """`tox run -e lint` looks at action.yml and .github."""
    pytest.importorskip("check_jsonschema")
    (tmp_path / "mine.yml").write_text(init.WORKFLOW)
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.github-workflows"]
    done = subprocess.run([*command, str(tmp_path / "mine.yml")], capture_output=True, text=True)

    assert done.returncode == 0, done.stdout + done.stderr
