"""`fcspec doctor`: what this environment can judge. It tries that, on the reference."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import subprocess
import sys
from collections.abc import Iterator

import click

from fcspec import runner
from fcspec.options import Options
from fcspec.report.model import ClauseResult
from fcspec.report.verdict import ExitCode, Verdict
from fcspec.report.words import clean
from fcspec.spec import load_spec
from fcspec.target.address import Address
from fcspec.workers.processes import AVAILABLE

_INTERFERING = {
    "PYTHONOPTIMIZE": "removes assert statements, and with them every test",
    "PYTHONWARNINGS": "reaches the process that runs the suite",
    "TORCHDYNAMO_DISABLE": "the profile compile judges without a compiler",
    "TORCH_COMPILE_DISABLE": "the profile compile judges without a compiler",
    "PYTORCH_JIT": "0 turns scripting off, which clauses of core need",
}
"""Variables of the environment, and what they do to a run."""

_DEVICES = """
import torch
print("cpu", *(f"cuda:{i} {torch.cuda.get_device_name(i)}," for i in range(torch.cuda.device_count())), end=" ")
mps = getattr(torch.backends, "mps", None)
print("mps" if mps is not None and mps.is_available() else "")
"""


@click.command("doctor")
def command() -> int:
    """Say what this environment can judge: torch, isolation, profiles, devices; and what interferes."""
    click.echo(f"python      {platform.python_version()} · {platform.platform()}")
    click.echo(f"torch       {_version('torch')}")
    click.echo(f"isolation   {'fork' if AVAILABLE else 'none: forks as the suite needs them are on Linux only'}")
    click.echo(f"devices     {_devices()}")
    for name, effect in _INTERFERING.items():
        if os.environ.get(name):
            click.echo(f"interferes  {name}={os.environ[name]}: {effect}")
    plugins = ", ".join(sorted(set(_plugins())))
    click.echo(f"plugins     {plugins}: in your own pytest; fcspec check loads none of them")
    return _try_profiles()


def _version(name: str) -> str:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return "not installed: python -m pip install torch"


def _devices() -> str:
    done = subprocess.run([sys.executable, "-P", "-c", _DEVICES], capture_output=True, text=True)
    lines = (done.stdout if done.returncode == 0 else done.stderr).strip().splitlines()
    return lines[-1].rstrip(", ") if lines else "unknown"


def _plugins() -> Iterator[str]:
    for point in importlib.metadata.entry_points(group="pytest11"):
        if point.dist is not None and point.dist.name != "fcspec":
            yield f"{point.dist.name} {point.dist.version}"


def _try_profiles() -> int:
    """Judge the reference by the first MUST of each profile, which takes some seconds."""
    spec = load_spec()
    first = {clause.profile: clause.slug for clause in reversed(spec.clauses) if clause.level == "MUST"}
    report = runner.run(Options(Address.parse("reference"), ("all",), tuple(first.values())))
    results = {result.clause: result for result in report.clauses}
    for profile in spec.profiles:
        click.echo(f"profile     {profile}: {clean(_in_words(results[first[profile]]))}")
    core = results[first["core"]]
    if report.run.problem is not None or not core.holds:
        click.echo(clean(f"the suite does not work here: {report.run.problem or core.reason}"))
        return ExitCode.INCOMPLETE
    click.echo(f"it works: {len(results)} clauses judged in {report.run.seconds:.1f} s")
    return ExitCode.CONFORMING


def _in_words(result: ClauseResult) -> str:
    if result.holds:
        return "can be judged"
    how = "cannot be judged" if result.verdict in (None, Verdict.UNSUPPORTED) else "the reference fails here"
    return f"{how}: {result.reason or 'not judged'}"
