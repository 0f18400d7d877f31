"""`fcspec COMMAND --help`: each command has examples, which its own options take; what a shell completes."""

import shlex

import click
import pytest
from click.shell_completion import ShellComplete
from fcspec.cli import _fcspec
from fcspec.commands.examples import EXAMPLES
from fcspec.spec import load_spec

LINES = [line.split(" && ")[-1].partition(" >")[0] for lines in EXAMPLES.values() for line in lines]


def test_every_command_has_examples():
    assert {"", *_fcspec.list_commands(click.Context(_fcspec))} == set(EXAMPLES)


@pytest.mark.parametrize("line", LINES)
def test_an_example_is_a_command_that_there_is(line, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    fcspec, name, *arguments = shlex.split(line)
    command = _fcspec.get_command(click.Context(_fcspec), name)

    assert fcspec == "fcspec"
    assert command.make_context(name, arguments).info_name == name


def test_help_shows_them_in_lines_of_their_own():
    command = _fcspec.get_command(click.Context(_fcspec), "explain")
    shown = command.get_help(click.Context(command, info_name="explain"))

    assert "\n  Examples:\n    fcspec explain tie.one-name\n    fcspec explain tie.one-name --target" in shown


@pytest.mark.parametrize(
    ("arguments", "incomplete", "found"),
    [
        (["check", "--clause"], "restore.exc", ["restore.exception"]),
        (["explain"], "restore.exc", ["restore.exception"]),
        (["clauses"], "restore.exc", ["restore.exception"]),
        (["next", "--profile"], "", [*load_spec().profiles, "all"]),
        (["check"], "swap-e", ["swap-entries"]),
    ],
)
def test_a_shell_completes_laws_profiles_and_targets(arguments, incomplete, found):
    completions = ShellComplete(_fcspec, {}, "fcspec", "_FCSPEC_COMPLETE").get_completions(arguments, incomplete)

    assert [one.value for one in completions] == found
