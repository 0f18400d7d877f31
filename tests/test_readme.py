"""What README shows of each command is what the command prints."""

import pytest
import readme
from fcspec import cli

TEXT = readme.README.read_text(encoding="utf-8")
BLOCKS = {found["command"]: found[0] for found in readme.BLOCK.finditer(TEXT)}


@pytest.mark.parametrize("command", [one for one in BLOCKS if one.split()[1] not in readme.LIVE])
def test_a_block_shows_what_the_command_prints(command):
    anew = readme.drawn(BLOCKS[command], readme.sources())

    assert readme.normal(anew) == readme.normal(BLOCKS[command]), "python tests/readme.py"


def test_every_command_is_shown():
    assert {command.split()[1] for command in BLOCKS} == {*cli._fcspec.list_commands(None)}


@pytest.mark.parametrize("command", BLOCKS)
def test_a_block_shows_something(command):
    assert len(BLOCKS[command].splitlines()) > 5


def test_lines_that_are_left_out_leave_a_sign():
    text = "1\n2\n3\n4\n5\n"

    assert readme.selected(text, None) == text
    assert readme.selected(text, "1-2, -1--1") == "1\n2\n...\n5\n"
    assert readme.selected(text, "2-3") == "...\n2\n3\n...\n"


def test_seconds_and_line_numbers_make_no_readme_stale():
    assert readme.normal("a.py:12 in 4.2 s") == readme.normal("a.py:7 in 10.1 s")


def test_the_picture_is_small():
    assert readme.PICTURE.stat().st_size < 200_000
