"""fcspec explore finds by itself what torch gets wrong, shrunk to a script that shows it; nothing in the reference."""

import ast
import re

import pytest
from fcspec.errors import UsageError
from fcspec.explore import chosen
from support.starting import fcspec, run_python

CRASHES = """
import os, signal, time
from fcspec_reference import functional_call as good

def functional_call(module, values, *args, **kwargs):
    if any(True for _ in module.buffers()) and len(values) == 1:
        {does}
    return good(module, values, *args, **kwargs)
"""


def explore(*arguments, **options):
    return fcspec("explore", *arguments, **options)


def scripts(done):
    """The scripts that were printed, by clause."""
    found = re.split(r"^✗ \d+\. ", done.stdout, flags=re.MULTILINE)[1:]
    texts = {text.partition(" ")[0]: text.partition("\n")[2] for text in found}
    return {clause: text.rpartition("\n\n")[0] + "\n" for clause, text in texts.items()}


def test_topics_with_commas_are_told_apart_and_several_are_given_one_by_one():
    with pytest.raises(UsageError, match="no topic 'values,tuples'; --topic takes one, and may be given again; ") as no:
        chosen(("values,tuples",))

    assert "'several features', 'several features, refused'," in str(no.value)
    with pytest.raises(UsageError, match=r"no topic 'value'; did you mean 'values'\?"):
        chosen(("value",))


@pytest.fixture(scope="module")
def torch_findings():
    topics = ("shared submodule, rebound", "three tied names", "rebinding, tuples", "regular names")
    return explore("torch", "--seconds", "6", "--seed", "1", *(word for name in topics for word in ("--topic", name)))


@pytest.mark.slow
def test_a_seed_repeats_a_search():
    options = ("--seconds", "60", "--seed", "5", "--maxfail", "1", "--workers", "1")
    for topic, clause in (("three tied*", "tie.large-group"), ("pairs*", None)):
        first, second = (scripts(explore("torch", *options, "--topic", topic)) for _ in range(2))

        assert first == second
        assert clause in first if clause else len(first) == 1


@pytest.mark.slow
def test_it_finds_what_torch_gets_wrong(torch_findings):
    found = scripts(torch_findings)

    assert torch_findings.returncode == 1, torch_findings.stderr
    wanted = {"restore.shared-submodule", "tie.large-group", "inplace.rebinding-tuple", "parametrize.regular-name"}
    assert wanted <= set(found)
    assert "the script alone does not fail" not in torch_findings.stdout


@pytest.mark.slow
@pytest.mark.parametrize("slug", ["restore.shared-submodule", "inplace.rebinding-tuple"])
def test_a_finding_is_a_short_script_that_fails_with_torch_and_passes_with_the_reference(
    torch_findings, slug, tmp_path
):
    script = scripts(torch_findings)[slug]
    broken, fixed = tmp_path / "broken.py", tmp_path / "fixed.py"
    broken.write_text(script)
    fixed.write_text(script.replace("from torch.func import", "from fcspec_reference import"))

    run = [run_python(path) for path in (broken, fixed)]

    assert ["AssertionError" in one.stderr for one in run] == [True, False], run
    assert [one.returncode for one in run] == [1, 0]
    assert sum(isinstance(node, ast.stmt) for node in ast.walk(ast.parse(script))) < 25


@pytest.mark.slow
def test_the_reference_yields_nothing():
    done = explore("reference", "--seconds", "6")

    assert (done.returncode, scripts(done)) == (0, {}), done.stdout + done.stderr
    assert re.search(r"\d\d+ examples, 0 findings · seed \d+", done.stdout)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("topic", "does", "message"),
    [
        ("values", "os.kill(os.getpid(), signal.SIGSEGV)", "killed by SIGSEGV"),
        ("values", "time.sleep(1000)", "no answer after"),
        ("pairs of features", "os._exit(0)", "left the process"),
        ("pairs of features", "time.sleep(1000)", "no answer after"),
    ],
    ids=["crash", "hang", "exit in a row", "hang in a row"],
)
def test_it_survives_a_target_that_does_not_come_back(tmp_path, topic, does, message):
    (tmp_path / "target.py").write_text(CRASHES.format(does=does))

    done = explore(
        "target.py:functional_call", "--seconds", "60", "--maxfail", "1", "--seed", "1", "--topic", topic, cwd=tmp_path
    )

    assert done.returncode == 1, done.stdout + done.stderr
    assert message in done.stdout
    assert "the script alone does not fail" not in done.stdout


WRONG = """
import sys
from fcspec_reference import functional_call as good

def functional_call(module, values, args=None, kwargs=None, **flags):
    {does}
    return good(module, values, args, kwargs, **flags)
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("does", "clause"),
    [("kwargs = kwargs or {}", "args.kwargs"), ("sys.setrecursionlimit(5000)", "state.interpreter")],
    ids=["kwargs that are false", "the recursion limit"],
)
def test_an_addition_finds_it_and_its_script_shows_it(tmp_path, does, clause):
    (tmp_path / "target.py").write_text(WRONG.format(does=does))

    done = explore("target.py:functional_call", "--maxfail", "1", "--topic", "additions", cwd=tmp_path)

    assert list(scripts(done)) == [clause], done.stdout + done.stderr
    broken, fixed = tmp_path / "broken.py", tmp_path / "fixed.py"
    broken.write_text(scripts(done)[clause])
    fixed.write_text(scripts(done)[clause].replace("from target import", "from fcspec_reference import"))
    assert [run_python(path, cwd=tmp_path).returncode for path in (broken, fixed)] == [1, 0]


def test_a_topic_that_there_is_not_is_one_clear_line():
    done = explore("torch", "--topic", "valeus")

    assert (done.returncode, done.stdout) == (4, "")
    assert "did you mean 'values'?" in done.stderr
