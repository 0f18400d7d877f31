"""An import that is clean the first time, where it is tried, and ends the process the second time."""

import os
from pathlib import Path

from fcspec_reference import functional_call  # noqa: F401

been_here = Path(os.environ["FCSPEC_HOSTILE_MARK"])
if been_here.exists():
    os._exit(0)
been_here.touch()
