"""Throw-away repositories with an implementation of their own gate themselves, through each door."""

from pathlib import Path

import fcspec_reference
import pytest
from support.starting import run_python

CLAUSES = ("dicts.distinct", "dicts.bad-name")
"""The second is what holds in both of them."""

SOURCE = Path(fcspec_reference.__file__).read_text(encoding="utf-8")
BROKEN = SOURCE.replace("            if name in given:\n", "            if False:\n")

TEST = f"""
import fcspec

@fcspec.parametrize("mylib:functional_call", clauses={CLAUSES}, deviations="deviations.toml")
def test_conformance(clause):
    clause()
"""

PYTHON = f"""
import fcspec, mylib
report = fcspec.check(mylib.functional_call, clauses={CLAUSES})
print(report)
raise SystemExit(report.exit_code)
"""

INI = """[pytest]
addopts = --strict-markers --strict-config
filterwarnings = error
python_functions = check_* test_c*
pythonpath = .
fcspec_target = mylib:functional_call
fcspec_clause = dicts.distinct dicts.bad-name
fcspec_timeout = 20
"""

CHOSEN = [f"--clause={slug}" for slug in CLAUSES]

DOORS = {
    "command": ["-m", "fcspec", "check", "mylib:functional_call", *CHOSEN],
    "pyargs": ["-m", "pytest", "--pyargs", "fcspec"],
    "parametrize": ["-m", "pytest", "-v"],
    "xdist": ["-m", "pytest", "-v", "-n2"],
    "python": ["mine.py"],
}


@pytest.fixture
def repository(tmp_path):
    (tmp_path / "mylib.py").write_text(SOURCE)
    (tmp_path / "pytest.ini").write_text(INI)
    (tmp_path / "deviations.toml").write_text('format = 1\ntarget = "mylib:functional_call"\n')
    (tmp_path / "mine.py").write_text(PYTHON)
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests" / "test_mine.py").write_text(TEST)
    return tmp_path


def run(folder, *command):
    done = run_python(*command, cwd=folder)
    return done.returncode, done.stdout + done.stderr


def test_one_line_of_it_is_broken():
    assert BROKEN != SOURCE


def test_a_wrong_key_of_the_ini_file_is_one_clear_line(repository):
    (repository / "pytest.ini").write_text(INI.replace("= 20", "= long"))
    code, shown = run(repository, *DOORS["pyargs"])

    assert code == 4
    assert "fcspec_timeout: expected a value like 10.0, found 'long'" in shown


def test_the_keys_of_the_ini_file_change_no_other_run(repository):
    (repository / "test_other.py").write_text("def test_c():\n    pass\n")
    code, shown = run(repository, "-m", "pytest", "test_other.py", "--trace-config")

    assert code == 0, shown
    assert "fcspec-suite" not in shown


@pytest.mark.slow
@pytest.mark.parametrize("door", DOORS)
def test_a_repository_is_green_and_turns_red_when_one_line_is_broken(door, repository):
    code, shown = run(repository, *DOORS[door])
    assert code == 0, shown

    (repository / "mylib.py").write_text(BROKEN)
    code, shown = run(repository, *DOORS[door])

    assert code == 1, shown
    assert "dicts.distinct" in shown
    assert "FAILED tests/test_mine.py::test_conformance[dicts.bad-name]" not in shown


PLUGINS = ("pytest_randomly", "pytest_cov", "pytest_timeout", "pytest_rerunfailures", "xdist")


@pytest.mark.slow
def test_plugins_that_change_how_tests_run_change_no_verdict(repository):
    """`tox run -e plugins` has them."""
    for name in PLUGINS:
        pytest.importorskip(name)
    crowded = ["-m", "pytest", "-v", "-n2", "--timeout=1", "--reruns=1", "--cov=mylib", "-p", "no:benchmark"]
    code, shown = run(repository, *crowded)
    assert code == 0, shown
    assert "--randomly-seed=" in shown

    (repository / "mylib.py").write_text(BROKEN)
    code, shown = run(repository, *crowded, "-x")

    assert code != 0, shown
    assert "FAILED tests/test_mine.py::test_conformance[dicts.distinct]" in shown
    assert "dicts.distinct · MUST" in shown


@pytest.mark.slow
def test_a_declared_deviation_is_an_xfail_with_its_reason_and_fails_when_it_is_stale(repository):
    entry = '[[deviation]]\nclause = "dicts.distinct"\nverdict = "fail"\nreason = "known to us"\n'
    with (repository / "deviations.toml").open("a") as file:
        file.write(entry)
    code, shown = run(repository, "-m", "pytest", "-k", "distinct")
    assert (code, "[XPASS(strict)] known to us" in shown) == (1, True), shown

    (repository / "mylib.py").write_text(BROKEN)
    code, shown = run(repository, "-m", "pytest", "-rx", "-k", "distinct")

    assert (code, "[dicts.distinct] - known to us" in shown) == (0, True), shown
