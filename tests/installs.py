"""Install wheel and sdist, with all that they depend on, into an empty environment of each Python, and look at what is there.

    python tests/installs.py [PYTHON ...]      default: python3.11 python3.12 python3.13

Each environment is made in a temporary folder, and removed again: one with torch takes some GB.
"""

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

TOP = Path(__file__).resolve().parents[1]
LOOK = TOP / "tests" / "support" / "installed.py"
PYTHONS = ("python3.11", "python3.12", "python3.13")
TORCH = "torch==2.13.0"


def run(*command, cwd):
    print("$", *command, flush=True)
    subprocess.run([*map(str, command)], check=True, cwd=cwd)


def look_at(python, files, folder):
    """CalledProcessError where something does not install, or is not whole."""
    run(python, "-m", "venv", "environment", cwd=folder)
    inside = folder / "environment" / "bin" / "python"
    for file in files:
        more = ("--force-reinstall", "--no-deps") if file != files[0] else (TORCH,)
        run(inside, "-m", "pip", "install", "-q", file, *more, cwd=folder)
        run(inside, "-P", LOOK, folder / "environment", cwd=folder)
        run(folder / "environment" / "bin" / "fcspec", "check", "reference", "--clause", "call.once", cwd=folder)


def main(pythons):
    missing = [one for one in pythons if shutil.which(one) is None]
    if missing:
        sys.exit(f"installs: no {', '.join(missing)} here")
    with tempfile.TemporaryDirectory() as made:
        run(sys.executable, "-m", "hatchling", "build", "-d", made, cwd=TOP)
        files = sorted(Path(made).iterdir(), key=lambda file: file.suffix != ".whl")
        for python in pythons:
            with tempfile.TemporaryDirectory() as folder:
                look_at(python, files, Path(folder))


if __name__ == "__main__":
    main(sys.argv[1:] or PYTHONS)
