"""First drafts, one case alone, what failed last time, a debugger: the command for whoever mends an implementation."""

import json
import re
from importlib import resources
from zlib import crc32

import jsonschema
import pytest
from support.starting import fcspec

SCHEMA = json.loads(resources.files("fcspec").joinpath("report", "report.schema.json").read_text(encoding="utf-8"))


def judged(report):
    """(verdict, id) of every case."""
    return [(case["verdict"], case["id"]) for clause in report["clauses"] for case in clause["cases"]]


DRAFTS = {
    "raises": "raise NotImplementedError",
    "nothing": "pass",
    "none": "return None",
}


@pytest.mark.slow
@pytest.mark.parametrize("body", DRAFTS.values(), ids=DRAFTS)
def test_a_first_draft_is_judged_and_told_what_it_does(body, tmp_path):
    target = tmp_path / "draft.py"
    target.write_text(f"def functional_call(module, values, args, kwargs=None, **flags):\n    {body}\n")
    done = fcspec("check", "draft.py:functional_call", "--clause=swap.*", "--clause=call.result", cwd=tmp_path)

    assert done.returncode == 1, done.stdout + done.stderr
    says = "NotImplementedError" if "raise" in body else "gives None"
    assert re.search(rf"✗ \d+ laws \(.*\): the target [^·]*{says}", done.stdout)
    assert len(done.stdout.splitlines()) < 40


@pytest.mark.slow
def test_a_case_is_judged_alone_with_what_it_printed_and_what_failed_is_judged_again(tmp_path):
    (tmp_path / "mine.py").write_text(
        "from fcspec_reference import functional_call as plain\n\n"
        "def functional_call(module, values, args=None, kwargs=None, **flags):\n"
        "    if type(module).__name__ == 'Scale':\n"
        "        print('this\\nis it')\n"
        "        raise KeyError('nothing')\n"
        "    return plain(module, values, args, kwargs, **flags)\n"
    )
    id = "test_examples.py::test_example[swap.parameter]"
    check = ["check", "mine.py:functional_call", "--workers=1"]

    alone = fcspec(*check, "--case", f"fcspec/cases/{id}", "--json=report.json", cwd=tmp_path)
    again = fcspec(*check, "--last-failed=report.json", "-x", cwd=tmp_path)
    other = fcspec(*check, "--case", "test_examples.py::test_example[swap.paramete]", cwd=tmp_path)

    assert (alone.returncode, again.returncode, other.returncode) == (1, 1, 4)
    report = json.loads((tmp_path / "report.json").read_text())
    jsonschema.validate(report, SCHEMA)
    assert judged(report) == [("fail", id)]
    assert report["run"]["in_part"]
    assert "    printed   this\n              is it\n" in alone.stdout
    assert "    where     mine.py:6 in functional_call: raise KeyError('nothing')\n" in alone.stdout
    assert f"    again     fcspec check mine.py:functional_call \\\n                --case '{id}'\n" in alone.stdout
    assert "    assert functional_call(Scale()" in alone.stdout
    assert "MUST 0 of 1 hold · 1 of 1 clauses judged" in again.stdout
    assert f"did you mean '{id}'?" in other.stderr


def test_nothing_failed_last_time(tmp_path):
    fcspec("check", "reference", "--clause=call.result", "--json=report.json", cwd=tmp_path)
    done = fcspec("check", "reference", "--last-failed=report.json", cwd=tmp_path)

    assert (done.returncode, done.stderr) == (4, "fcspec: report.json: no case failed there\n")


@pytest.mark.parametrize(("typed", "code"), [("p 6 * 7\nc\n", 0), ("q\n", 2), ("", 2)], ids=["continue", "quit", "end"])
def test_a_debugger_works_without_isolation(typed, code, tmp_path):
    (tmp_path / "mine.py").write_text(
        "from fcspec_reference import functional_call as plain\n\n"
        "def functional_call(module, *args, **kwargs):\n"
        "    if type(module).__name__ == 'Scale':\n"
        "        breakpoint()\n"
        "    return plain(module, *args, **kwargs)\n"
    )
    one = "--case=test_examples.py::test_example[swap.parameter]"
    done = fcspec("check", "mine.py:functional_call", "--isolation=none", one, cwd=tmp_path, input=typed)

    assert done.returncode == code, done.stdout + done.stderr
    assert ("(Pdb) 42\n" in done.stdout) == (code == 0)
    assert ("interrupted" in done.stdout) == (code == 2)


STOPPING = (
    "from fcspec_reference import functional_call as plain\n\n"
    "def functional_call(module, *args, **kwargs):\n"
    "    breakpoint()\n"
    "    return plain(module, *args, **kwargs)\n"
)


def test_a_debugger_stops_first_in_the_case_that_was_asked_for(tmp_path):
    (tmp_path / "mine.py").write_text(STOPPING)
    ids = [
        f"test_examples.py::test_example[{slug}]"
        for slug in ("swap.parameter", "swap.buffer", "args.kwargs", "dicts.one")
    ]
    assert {crc32(f"{id} 0".encode()) % 3 for id in ids} == {0, 1, 2}  # so often it would be called before each
    cases = [f"--case={id}" for id in ids]
    done = fcspec(
        *("check", "mine.py:functional_call", "--isolation=none", *cases),
        cwd=tmp_path,
        input="p type(module).__name__\nc\n" * 9,
    )

    assert (done.returncode, done.stdout.count("(Pdb)")) == (0, done.stdout.count("(Pdb) 'Scale'") * 2), done.stdout


@pytest.mark.slow
def test_whoever_quits_a_debugger_is_not_asked_again(tmp_path):
    (tmp_path / "mine.py").write_text(STOPPING)
    chosen = ("check", "mine.py:functional_call", "--clause=args.kwargs")
    done = fcspec(*chosen, "--isolation=none", cwd=tmp_path, input="q\n" * 9)
    isolated = fcspec(*chosen, cwd=tmp_path)

    assert (done.returncode, done.stdout.count("(Pdb)")) == (2, 1), done.stdout
    assert "a debugger needs --isolation none" in isolated.stdout
