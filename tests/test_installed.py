"""Wheel and sdist hold all that belongs to them, and work where the repository is not, on every Python. tests/installs.py
installs them with all that they depend on."""

import os
import shutil
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from configparser import ConfigParser
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.version import Version

TOP = Path(__file__).parents[1]
INSIDE = (
    "fcspec/__init__.py",
    "fcspec/SPEC.md",
    "fcspec/py.typed",
    "fcspec/report/report.schema.json",
    "fcspec/report/declared/torch.func.functional_call.toml",
    "fcspec/cases/conftest.py",
    "fcspec_reference.py",
)
NEEDS = ("click", "hypothesis", "jinja2", "markdown_it", "packaging", "pytest", "rich", "torch", "xdist")


def build(source, folder, kind):
    """The file that hatchling makes of a source tree."""
    command = [sys.executable, "-m", "hatchling", "build", "-t", kind, "-d", str(folder)]
    subprocess.run(command, check=True, capture_output=True, cwd=source)
    (made,) = folder.iterdir()
    return made


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    pytest.importorskip("hatchling")
    return build(TOP, tmp_path_factory.mktemp("wheel"), "wheel")


def contents(wheel):
    with zipfile.ZipFile(wheel) as file:
        return {name: file.read(name) for name in file.namelist()}


def test_the_wheel_holds_both_names_and_what_they_read(wheel):
    names = contents(wheel)

    assert [name for name in INSIDE if name not in names] == []
    assert {name.split("/")[0].partition("-")[0] for name in names} == {"fcspec", "fcspec_reference.py"}
    assert names["fcspec/SPEC.md"] == (TOP / "SPEC.md").read_bytes()


def test_the_sdist_makes_the_same_wheel_and_has_the_tests(wheel, tmp_path):
    sdist = build(TOP, tmp_path / "sdist", "sdist")
    with tarfile.open(sdist) as file:
        file.extractall(tmp_path, filter="data")
    source = tmp_path / sdist.name.removesuffix(".tar.gz")

    assert contents(build(source, tmp_path / "wheel", "wheel")) == contents(wheel)
    assert [name for name in ("tests/conftest.py", "tox.ini", "action.yml") if not (source / name).is_file()] == []


@pytest.fixture(scope="module")
def installed(wheel, tmp_path_factory):
    folder = tmp_path_factory.mktemp("installed")
    pip = [sys.executable, "-m", "pip", "install", "--no-deps", "--no-index", "--no-compile", "-q"]
    subprocess.run([*pip, "--target", str(folder), str(wheel)], check=True, capture_output=True)
    return folder


def interpreter(version):
    """Its command, also as PYTHON312 says. Skips where it is missing, or something that fcspec depends on."""
    if sys.version_info[:2] == tuple(map(int, version.split("."))):
        return sys.executable
    found = os.environ.get(f"PYTHON{version.replace('.', '')}") or shutil.which(f"python{version}")
    look = f"import importlib.util; print(*[name for name in {NEEDS} if not importlib.util.find_spec(name)])"
    done = subprocess.run([found or "false", "-c", look], capture_output=True, text=True)
    if done.returncode:
        pytest.skip(f"there is no python{version} here")
    if done.stdout.strip():
        pytest.skip(f"python{version} has no {done.stdout.strip()}")
    return found


def test_the_lowest_releases_are_those_that_are_tried():
    allowed = tomllib.loads((TOP / "pyproject.toml").read_text(encoding="utf-8"))["project"]["dependencies"]
    tox = ConfigParser(interpolation=None)
    tox.read(TOP / "tox.ini", encoding="utf-8")
    tried = [Requirement(line) for line in tox["testenv:lowest"]["lowest"].split()]

    lowest = {one.name: Version(str(one.specifier).removeprefix(">=")) for one in map(Requirement, allowed)}
    del lowest["torch"]  # results/ has its releases
    assert {one.name: Version(str(one.specifier).removeprefix("==")) for one in tried} == lowest


@pytest.mark.parametrize("version", ["3.11", "3.12", "3.13"])
def test_it_works_where_the_repository_is_not(version, installed, tmp_path):
    command = [interpreter(version), "-P", str(TOP / "tests" / "support" / "installed.py"), str(installed)]
    environment = os.environ | {"PYTHONPATH": str(installed)}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, cwd=tmp_path, timeout=300)

    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.startswith(version)
