"""What `fcspec next` shows: a script that can be pasted, and what is to be mended first."""

import subprocess
import sys
import textwrap

import pytest
from support.starting import fcspec


@pytest.mark.slow
def test_next_shows_a_script_that_can_be_pasted_also_where_the_example_is_not_what_fails(tmp_path):
    (tmp_path / "mine.py").write_text(
        "def functional_call(module, values, args=None, kwargs=None, *, tie_weights=True, strict=False):\n"
        "    if values:\n"
        "        raise ZeroDivisionError\n"
        "    return module(*args)\n"
    )
    shown = fcspec("next", "mine.py:functional_call", cwd=tmp_path).stdout
    script = textwrap.dedent(f"    # The law{shown.partition('    # The law')[2].partition('    the test:')[0]}")
    done = subprocess.run([sys.executable, "-"], input=script, cwd="/", capture_output=True, text=True)

    assert "functional_call(Model(), {}, ()) is answer" in script
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.slow
def test_next_shows_first_what_check_says_to_mend_first_by_its_example(tmp_path):
    (tmp_path / "mine.py").write_text(
        "from fcspec_reference import functional_call as plain\n\n"
        "def functional_call(module, values, args=None, kwargs=None, *, tie_weights=True, strict=False):\n"
        "    return plain(module, values, args, kwargs, tie_weights=tie_weights)\n"
    )
    chosen = ("mine.py:functional_call", "--clause=strict.*", "--clause=call.module-as-it-is")
    shown, checked = (fcspec(command, *chosen, cwd=tmp_path).stdout for command in ("next", "check"))

    assert shown.startswith("strict.missing · MUST")
    assert "--case 'test_examples.py::test_example[strict.missing]'" in shown
    assert "The law's example" not in shown
    assert "first: strict.missing" in checked
