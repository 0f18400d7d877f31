"""The process that runs reproducers: it imports torch once, and forks for each. Started by reproducing.py."""

from __future__ import annotations

import functools
import json
import os
import sys
import time
import types
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from fcspec.report.verdict import Verdict
from fcspec.workers.child import Output, use_output
from fcspec.workers.pool import Answered, Ended, Pool, Task

_OWN_FILE = "reproducer.py"

PATIENCE = 6
"""No script is started after so many times the limit of one, lest a target that often hangs take minutes."""


def _run(script: str) -> dict[str, str]:
    """How a script ends, as `python reproducer.py` would."""
    main = sys.modules["__main__"] = types.ModuleType("__main__")
    sys.path.insert(0, os.getcwd())
    try:
        exec(compile(script, _OWN_FILE, "exec"), vars(main))
    except SystemExit:
        return {"verdict": Verdict.EXIT, "error": ""}
    except BaseException as error:
        kind = type(error)
        name = kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"
        return {"verdict": Verdict.FAIL, "error": name}
    return {"verdict": Verdict.PASS, "error": ""}


def run_all(scripts: Sequence[str], workers: int, seconds: float, denied: Iterable[int] = ()) -> list[dict[str, str]]:
    """How each of the scripts ends, in a child of its own; the verdict is empty where it was not started.

    Args:
        seconds: for each.
        denied: descriptors that no script may have.
    """
    ends: list[dict[str, str]] = [{"verdict": "", "error": ""} for _ in scripts]
    pool, patient_until = Pool(workers, denied), time.monotonic() + PATIENCE * seconds
    for number, script in enumerate(scripts):
        pool.add(Task(number, functools.partial(_work, script), seconds))
    for event in pool.run():
        match event:
            case Answered(task, answer):
                if not answer.intruded and isinstance(answer.value, dict):
                    ends[task.key] = answer.value
            case Ended(task, outcome, late) if not ends[task.key]["verdict"]:
                verdict = Verdict.TIMEOUT if late else Verdict.CRASH if outcome.signal else Verdict.EXIT
                ends[task.key] = {"verdict": verdict, "error": ""}
        if time.monotonic() > patient_until:
            pool.drop_waiting()
    return ends


def _work(script: str, output: Output) -> Iterator[Any]:
    use_output(output)
    yield _run(script)


def main() -> None:
    request = json.load(sys.stdin)
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    import torch  # noqa: F401  # so that no child has to

    with answers:
        json.dump(run_all(request["scripts"], request["workers"], request["seconds"], [answers.fileno()]), answers)


if __name__ == "__main__":
    main()
