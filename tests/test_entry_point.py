"""What the suite costs those who do not ask for it: an entry point that imports little, and registers nothing."""

import subprocess
import sys

import pytest

HEAVY = (
    "torch",
    "hypothesis",
    "markdown_it",
    "numpy",
    "rich",
    "fcspec.spec",
    "fcspec.report",
    "fcspec.target.boundary",
)


def run(code, folder):
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=folder)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout.splitlines()[-1].split()


PYTEST = """
import sys, pytest

class Look:
    def pytest_unconfigure(self, config):
        manager = config.pluginmanager
        self.plugins = [name for name, _ in manager.list_name_plugin() if "fcspec" in name]
        self.modules = [name for name in sys.modules]

look = Look()
code = pytest.main(["-p", "no:cacheprovider", "-q"], plugins=[look])
assert code == 0, code
print(*{})
"""


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "test_somebody.py").write_text("def test_passes():\n    pass\n")
    return tmp_path


def test_a_pytest_that_does_not_ask_registers_the_entry_point_and_nothing_else(folder):
    assert run(PYTEST.format("look.plugins"), folder) == ["fcspec"]


def test_a_pytest_that_does_not_ask_imports_nothing_heavy(folder):
    """Other plugins of this environment import some of it themselves, so only the entry point is loaded."""
    alone = PYTEST.replace('"-q"', '"-q", "--disable-plugin-autoload", "-p", "fcspec.plugin.hooks"')

    loaded = run(alone.format("look.modules"), folder)

    assert "fcspec.plugin.hooks" in loaded
    assert [name for name in loaded if any(f"{name}.".startswith(f"{one}.") for one in HEAVY)] == []


@pytest.mark.parametrize("module", ["fcspec.cli", "fcspec.runner", "fcspec.report.terminal"])
def test_what_shows_and_starts_imports_neither_torch_nor_pytest(module, tmp_path):
    loaded = run(f"import {module}, sys; print(*sys.modules)", tmp_path)

    assert not {"torch", "pytest", "_pytest", "hypothesis"} & set(loaded)
