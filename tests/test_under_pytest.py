"""`pytest --pyargs fcspec`: what a user's own pytest collects of the suite, and what its run costs."""

import pytest
from support.starting import run_python

PLAIN = "from fcspec_reference import functional_call as plain\nimport os\n\n"
WRONG = """def functional_call(module, values, args=None, kwargs=None, **flags):
    with open("processes", "a") as file:
        file.write(f"{os.getpid()}\\n")
    return plain(module, values, args, **flags)
"""


@pytest.fixture
def under_pytest(tmp_path):
    (tmp_path / "mine.py").write_text(PLAIN + WRONG)

    def run(*arguments):
        suite = ("--pyargs", "fcspec", "--fcspec-target", "mine.py:functional_call")
        done = run_python("-m", "pytest", "-q", "-p", "no:cacheprovider", *suite, *arguments, cwd=tmp_path)
        return done.returncode, done.stdout + done.stderr

    return run


CASE = "test_args.py::test_kwargs_are_passed_by_keyword[()-{'x': 1}]"


@pytest.mark.slow
@pytest.mark.parametrize("workers", [(), ("-n", "1")], ids=["serial", "xdist"])
@pytest.mark.parametrize("folder", ["", "cases/"])
def test_one_case_runs_alone(under_pytest, folder, workers):
    code, shown = under_pytest("--fcspec-case", f"{folder}{CASE}", "--tb=no", *workers)

    assert (code, "1 failed" in shown, " passed" in shown) == (1, True, False), shown
    assert "no case of the suite was collected" not in shown


@pytest.mark.slow
def test_a_mistyped_case_is_one_line(under_pytest):
    code, shown = under_pytest("--fcspec-case", CASE[:-1])

    assert code == 4
    assert f"ERROR: no case {CASE[:-1]!r} in what is selected; did you mean {CASE!r}?" in shown


@pytest.mark.slow
def test_excluded_cases_do_not_run(under_pytest):
    code, shown = under_pytest("--fcspec-clause=args.kwargs", "--fcspec-exclude=test_args.py::*", "--co")

    assert (code, "test_args.py" in shown, "test_examples.py" in shown) == (0, False, True), shown


@pytest.mark.slow
def test_workers_of_xdist_that_find_all_well_end_in_0(under_pytest):
    code, shown = under_pytest("--fcspec-clause=args.single", "-n", "2")

    assert (code, "ERROR" in shown) == (0, False), shown


@pytest.mark.slow
def test_everything_is_collected_where_warnings_are_errors(under_pytest):
    code, shown = under_pytest("-W", "error", "--co", "--fcspec-profile=all")

    assert code == 0, shown[-2000:]


@pytest.mark.slow
def test_what_torch_warns_of_fails_no_case_where_warnings_are_errors(under_pytest):
    code, shown = under_pytest("-W", "error", "--fcspec-clause=swap.recurrent", "-k", "projections")

    assert (code, " passed" in shown) == (0, True), shown[-2000:]


@pytest.mark.slow
def test_cases_share_children_as_in_the_command(under_pytest, tmp_path):
    code, shown = under_pytest("--fcspec-clause=args.*", "--tb=no", "-p", "no:xdist")
    processes = (tmp_path / "processes").read_text().split()

    assert (code, shown.count("FAILED") > 1) == (1, True), shown
    assert len(set(processes)) < len(processes) / 4


@pytest.mark.slow
@pytest.mark.parametrize("capture", ["fd", "sys", "no"])
def test_what_a_target_prints_and_logs_stands_with_its_case_and_tests_beside_it_are_as_ever(
    capture, under_pytest, tmp_path
):
    (tmp_path / "mine.py").write_text(
        f"{PLAIN}import logging\n\n"
        "def functional_call(module, *args, **kwargs):\n"
        "    print('it', 'says')\n"
        "    logging.warning('it logs')\n"
        "    return None if type(module).__name__ == 'Scale' else plain(module, *args, **kwargs)\n"
    )
    (tmp_path / "test_mine.py").write_text(
        "import logging\n\n"
        "def test_mine(caplog, capsys):\n"
        "    logging.warning('mine')\n"
        "    print('mine')\n"
        "    assert (caplog.messages, capsys.readouterr().out) == (['mine'], 'mine\\n')\n"
    )
    chosen = ("--fcspec-case=test_examples.py::test_example[swap.parameter]", f"--capture={capture}", "test_mine.py")
    code, shown = under_pytest(*chosen)

    assert code == 1
    assert "1 failed, 1 passed" in shown
    assert ("Captured output call" in shown) == (capture == "fd")
    assert "it says" in shown
