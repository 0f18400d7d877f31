"""The process that `fcspec` starts to judge: it collects the cases once, then judges a target for each request.

Requests come as lines of JSON: first what to collect, then Options. It answers with events (fcspec.events); the last one of a
request is `Done` or `Refused`. It imports no target itself, unless isolation is off.
"""

from __future__ import annotations

import gc
import json
import os
import sys
from pathlib import Path

from fcspec import devices, events
from fcspec.errors import UsageError
from fcspec.target import implementation
from fcspec.target.trial import Trial
from fcspec.workers.processes import AVAILABLE

PACKAGE = Path(__file__).parent


def pytest_arguments() -> list[str]:
    """pytest with the package's own configuration, on the package's own cases, and with no plugin that they do not need."""
    off = ("cacheprovider", "logging", "unraisableexception", "threadexception", "faulthandler", "terminalprogress")
    return [
        *("-c", str(PACKAGE / "pytest.ini"), "--rootdir", str(PACKAGE), "--confcutdir", str(PACKAGE)),
        *("--disable-plugin-autoload", "-p", "fcspec.plugin.hooks", *(f"-pno:{name}" for name in off)),
        *("-q", "--tb=native", "-s", "--no-header", "--no-summary", str(PACKAGE / "cases")),
    ]


def main(requests: int, answers: int) -> int:
    """Serve requests until there are no more.

    Args:
        requests, answers: descriptors.
    """
    gc.disable()  # until the cases run: nothing that is imported is garbage
    import torch  # noqa: F401  # before the first request, which may not be known yet

    lines = iter(os.fdopen(requests, "rb"))
    if (first := next(lines, None)) is None:
        return 0  # nothing is asked
    scope = json.loads(first)
    implementation.search_first(scope["path"])
    try:
        if scope["device"] != devices.CPU:
            devices.use(scope["device"])
    except UsageError as error:
        events.write(events.Refused(str(error)), answers)
        return 4
    events.write(events.Alive(), answers)
    trial = Trial() if AVAILABLE and devices.is_cpu(scope["device"]) else None
    import pytest

    from fcspec.plugin.serving import Server

    return int(pytest.main(pytest_arguments(), plugins=[Server(scope, lines, answers, trial)]))


if __name__ == "__main__":
    status = main(int(sys.argv[1]), int(sys.argv[2]))
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)  # all is said, and taking torch apart takes as long as importing it
