"""The mark `needs` is complete: a case without Needs.TRANSFORMS and Needs.COMPILER imports no torch._dynamo and no sympy.

It would be right all the same, but its child would take seconds to import what others wait for.
"""

import gc
import json
import os
import subprocess
import sys

import pytest


@pytest.mark.slow
def test_cases_import_nothing_slow_without_saying_so(tmp_path):
    found = tmp_path / "found.json"
    run = subprocess.run([sys.executable, "-P", __file__, found], capture_output=True, text=True)

    assert run.returncode == 0, run.stdout + run.stderr
    judged, wrong = json.loads(found.read_text())
    assert judged > 500
    assert wrong == []


def _judge(path):
    """Judge the reference by these cases, here, where torch._dynamo can't be imported."""
    from fcspec import serve
    from fcspec.events import Judged
    from fcspec.options import NONE, Options
    from fcspec.plugin import hosting
    from fcspec.plugin.items import Needs, needs_of
    from fcspec.plugin.serving import Server
    from fcspec.target.address import Address

    class Judging(Server):
        def pytest_runtestloop(self, session):
            gc.freeze()  # or each collection in a case would go through all that is imported
            gc.disable()
            cases = [
                case for case in self._collection.cases if needs_of(case) not in (Needs.TRANSFORMS, Needs.COMPILER)
            ]
            options = Options(Address.parse("reference"), isolation=NONE)
            events = [*hosting.judge_here(session.config, self._protocol, options, cases)]
            events = [one for one in events if isinstance(one, Judged)]
            wrong = [f"{one.case.id}: {one.case.reason}" for one in events if one.case.verdict.is_wrong]
            with open(path, "w", encoding="utf-8") as file:
                json.dump((len(events), wrong), file)
            return True

    sys.modules["torch._dynamo"] = sys.modules["sympy"] = None  # operations on meta tensors import the latter
    os.environ.pop("PYTEST_ADDOPTS", None)
    return pytest.main(
        serve.pytest_arguments(), plugins=[Judging({"profiles": ["core"], "clauses": [], "cases": []}, [], 1)]
    )


if __name__ == "__main__":
    sys.exit(_judge(sys.argv[1]))
