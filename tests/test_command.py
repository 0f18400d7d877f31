"""The command: verdicts as exit codes, bad input as one clear line."""

import subprocess
import sys

import pytest


def fcspec(*arguments, **kwargs):
    command = [sys.executable, "-m", "fcspec", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, **kwargs)


def test_the_reference_conforms():
    done = fcspec("check", "reference", "--strict")

    assert (done.returncode, done.stdout.splitlines()[-1:]) == (0, ["CONFORMING"]), done.stdout + done.stderr


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ([], "which implementation?"),
        (["torch.func.functional_call"], "is no target"),
        (["torch.funk:functional_call"], "torch.funk does not import: ModuleNotFoundError"),
        (["torch.func:functional_cal"], "did you mean 'functional_call'?"),
        (["torch:__version__"], "is not callable"),
        (["builtins:len"], "does not take functional_call's arguments"),
        (["torch", "--clause", "restore.object"], "did you mean 'restore.objects'?"),
        (["torch", "--profile", "cor"], "did you mean 'core'?"),
        (["torch", "--deviations", "nowhere.toml"], "--deviations nowhere.toml cannot be read"),
        (["torch", "--json", "nowhere/report.json"], "--json nowhere/report.json cannot be written"),
    ],
)
def test_bad_input_is_one_clear_message_and_exit_code_4(arguments, says, tmp_path):
    done = fcspec("check", *arguments, cwd=tmp_path)

    assert done.returncode == 4, done.stdout
    assert says in done.stderr
    assert "Traceback" not in done.stderr
