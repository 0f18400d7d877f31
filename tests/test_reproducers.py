"""Reproducers: scripts that stand alone, hold for the reference, and are offered only where they fail as the case did."""

import ast
import subprocess
import sys
import textwrap

import pytest
from fcspec.options import Options
from fcspec.report import deviations
from fcspec.report.model import Case, Run, judge
from fcspec.reproducer import script_of
from fcspec.reproducing import run_scripts, with_reproducers
from fcspec.spec import load_spec
from fcspec.target.address import Address
from support.starting import fcspec, run_python

SPEC = load_spec()
REFERENCE = Address.parse("reference")
SCRIPTS = {one.slug: script_of(one, SPEC, REFERENCE) for one in SPEC.clauses}


def options_for(address, **more):
    return Options(Address.parse(address), workers=2, **more)


@pytest.mark.slow
def test_every_script_passes_with_the_reference():
    chosen = [one.slug for one in SPEC.clauses if one.profile != "compile"]

    ends = run_scripts([SCRIPTS[slug] for slug in chosen], options_for("reference", timeout=60))

    assert [(slug, end) for slug, end in zip(chosen, ends, strict=True) if end != ("pass", "")] == []


def test_a_script_names_nothing_of_the_suite_and_has_no_definition_that_it_does_not_need():
    for script in SCRIPTS.values():
        tree = ast.parse(script)
        used = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
        defined = {one.name for one in tree.body if isinstance(one, ast.ClassDef | ast.FunctionDef)}
        imported = {
            alias.name for one in ast.walk(tree) if isinstance(one, ast.Import | ast.ImportFrom) for alias in one.names
        }

        assert not {"pytest", "fcspec", "raises"} & (used | imported), script
        assert defined <= used, script


def test_definitions_are_followed_from_one_to_the_next():
    script = SCRIPTS["restore.exception"]

    assert "class Failing(Scale)" in script
    assert "class Scale(nn.Module)" in script
    assert "class Boom(Exception)" in script
    assert "class Tied" not in script


REFUSES = """\
import neighbour

def functional_call(module, values, args=None, kwargs=None, *, tie_weights=True, strict=False):
    raise KeyError(neighbour.__name__)

class Namespace:
    call = staticmethod(functional_call)
"""


@pytest.mark.parametrize(
    ("place", "attribute"),
    [
        ("mine.py", "functional_call"),
        ("not-a-name.py", "Namespace.call"),
        ("random.py", "functional_call"),
        ("mine", "Namespace.call"),
    ],
)
def test_a_script_imports_a_target_of_a_file_or_a_folder(place, attribute, tmp_path):
    folder, elsewhere = tmp_path / "it's", tmp_path / "elsewhere"
    folder.mkdir()
    elsewhere.mkdir()
    (folder / "neighbour.py").touch()
    (folder / place).with_suffix(".py").write_text(REFUSES)

    script = script_of(SPEC["call.result"], SPEC, Address(place, attribute), str(folder))
    done = run_python("-", input=script, cwd=elsewhere)

    assert done.stderr.splitlines()[-1] == "KeyError: 'neighbour'", done.stderr


ENDS = {
    "pass": ("pass", ""),
    "assert False": ("fail", "AssertionError"),
    "import json; json.loads('{')": ("fail", "json.decoder.JSONDecodeError"),
    "def": ("fail", "SyntaxError"),
    "raise SystemExit(0)": ("exit", ""),
    "import os; os._exit(0)": ("exit", ""),
    "import os; os.kill(os.getpid(), 9)": ("crash", ""),
    "import time; time.sleep(60)": ("timeout", ""),
    "import os; [os.write(n, b'[]') for n in range(1, 20)]": ("fail", "OSError"),
    "assert __name__ == '__main__'": ("pass", ""),
}


@pytest.mark.slow
def test_however_a_script_ends_the_others_run():
    assert run_scripts([*ENDS], options_for("reference", timeout=3)) == [*ENDS.values()]


@pytest.mark.slow
def test_a_target_that_often_hangs_does_not_take_minutes():
    ends = run_scripts(["import time; time.sleep(60)"] * 40, options_for("reference", timeout=0.2))

    assert (ends[0], ends[-1]) == (("timeout", ""), ("", ""))


def report_of(*rows, **run):
    """A report of (slug, reason, message or None, test)."""
    cases = [Case(f"{test}[{slug}]", slug, "fail", reason, message=message) for slug, reason, message, test in rows]
    target = {"address": "torch.func:functional_call", "name": "torch", "file": None, "line": None}
    plan = {case.clause: [case.id] for case in cases}
    return judge(SPEC, plan, cases, target=target, environment={}, run=Run(**run))


def reproducers_of(report):
    return {one.clause: one.reproducer for one in with_reproducers(report, options_for("torch")).clauses}


EXAMPLE, DRAWN = "test_examples.py::test_example", "test_drawn.py::test_ties"
SCRIPT = "# restore.deleted · MUST: \nimport torch\nassert torch is None\n"

OFFERED = {
    ("tie.large-group", "KeyError: 'foo_tied'"): True,
    ("tie.equal-values", "TypeError: no"): False,
    ("tie.shared-submodule", "AssertionError: assert 1 == 2"): False,
    ("dicts.rejected", "Failed: DID NOT RAISE <class 'Exception'>"): True,
    ("restore.shared-submodule", "AssertionError: assert 1 is 2"): True,
    ("restore.computed-name", "KeyError: 1"): False,
    ("call.result", "AssertionError: assert 1 is 2"): False,
}


@pytest.mark.slow
def test_a_script_is_offered_where_it_fails_as_the_case_did():
    found = reproducers_of(report_of(*((slug, said, f"Traceback\n{said}", EXAMPLE) for slug, said in OFFERED)))

    for (slug, _), offered in OFFERED.items():
        assert found[slug] == (script_of(SPEC[slug], SPEC, Address.parse("torch")) if offered else None), slug


def test_a_drawn_call_is_offered_where_the_example_passes_and_the_example_where_neither_was_judged():
    rows = [
        ("restore.deleted", "drawn", f"it fails\n{SCRIPT}", DRAWN),
        ("restore.rebound", "drawn", f"it fails\n{SCRIPT}import".replace("deleted", "rebound"), DRAWN),
        ("restore.order", "drawn", "no script", DRAWN),
    ]

    assert reproducers_of(report_of(*rows)) == {
        "restore.deleted": SCRIPT,
        "restore.rebound": None,
        "restore.order": script_of(SPEC["restore.order"], SPEC, Address.parse("torch")),
    }
    assert reproducers_of(report_of(*rows, interrupted=True))["restore.deleted"] is None


@pytest.mark.slow
def test_explain_prints_a_script_that_fails_alone():
    explained = fcspec("explain", "tie.large-group", "--target", "torch", "--script")
    alone = subprocess.run([sys.executable, "-"], input=explained.stdout, capture_output=True, text=True)

    assert explained.returncode == 0, explained.stderr
    assert (alone.returncode, alone.stderr.splitlines()[-1]) == (1, "KeyError: 'foo_tied'")
    assert (
        textwrap.indent(explained.stdout.rstrip(), "    ")
        in fcspec("next", "torch", "--clause", "tie.large-group").stdout
    )


@pytest.mark.slow
@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (["tie.large-group", "--target", "reference", "--script"], 1, "reference keeps tie.large-group in every case"),
        (["hazards.checkpoint", "--target", "torch", "--script"], 1, "is a MAY, which no implementation breaks"),
        (["tie.large-group", "--script"], 4, "--script needs --target TARGET"),
        (["tie.large-group", "--target", "torch"], 4, "--target needs --script"),
        (["tie.large-group", "--target", "torch.func", "--script"], 4, "is no target"),
        (["tie.large-grou", "--target", "torch", "--script"], 4, "did you mean 'tie.large-group'"),
    ],
)
def test_explain_without_a_script_says_why(arguments, code, says):
    done = fcspec("explain", *arguments)

    assert (done.returncode, done.stdout) == (code, ""), done.stdout
    assert len(done.stderr.splitlines()) == 1 or code == 4
    assert says in done.stderr


FORGETS = """\
from fcspec_reference import functional_call as kept

def functional_call(module, values, args=None, kwargs=None, **flags):
    return kept(module, values, args, {name: value for name, value in (kwargs or {}).items() if name != "net"}, **flags)
"""


@pytest.mark.slow
def test_explain_names_the_case_where_the_example_is_kept(tmp_path):
    (tmp_path / "forgets.py").write_text(FORGETS)
    done = fcspec("explain", "args.any-keyword", "--target", "forgets.py:functional_call", "--script", cwd=tmp_path)

    assert (done.returncode, done.stdout) == (1, ""), done.stdout
    assert "keeps the example of args.any-keyword, and breaks test_args.py::test_keywords_that_" in done.stderr


@pytest.mark.slow
def test_the_example_shows_every_declared_deviation_of_torch():
    """Most people ask for the script of one of these."""
    address = Address.parse("torch")
    declared = [one.clause for one in deviations.load("builtin", "torch.func:functional_call", SPEC)]
    ends = run_scripts([script_of(SPEC[slug], SPEC, address) for slug in declared], options_for("torch", timeout=60))

    assert [slug for slug, (verdict, _) in zip(declared, ends, strict=True) if verdict in ("", "pass")] == []
