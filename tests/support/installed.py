"""Run by an interpreter in which fcspec is installed, from anywhere but the repository: what it finds there is whole.

It exits 1, with a traceback, where something is missing. Its argument is the folder from which fcspec is to come.
"""

import json
import sys
from importlib import metadata
from pathlib import Path

import fcspec
import fcspec_reference
from fcspec.report import deviations
from fcspec.spec import load_spec, spec_path

FOLDER = Path(sys.argv[1]).resolve()

package = Path(fcspec.__file__).resolve().parent
assert package.parent == Path(fcspec_reference.__file__).resolve().parent
assert FOLDER in package.parents
assert spec_path() == package / "SPEC.md"
assert len(load_spec().clauses) > 200
assert json.loads((package / "report" / "report.schema.json").read_text(encoding="utf-8"))["title"] == "fcspec report"
assert deviations.load("builtin", "torch.func:functional_call", load_spec())
assert metadata.version("fcspec") == fcspec.__version__
assert {one.group for one in metadata.distribution("fcspec").entry_points} == {"console_scripts", "pytest11"}
report = fcspec.check("reference", clauses="call.result")
assert report.verdict == "conforming", str(report)
print(sys.version.partition(" ")[0], package)
