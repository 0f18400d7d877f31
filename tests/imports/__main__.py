"""`python tests/imports [name ...]`: targets that import popular packages conform. Absent packages are skipped."""

import importlib.util
import sys
import time
from pathlib import Path

from fcspec.errors import UsageError
from fcspec.runner import Session

sys.path.insert(0, str(Path(__file__).parents[1]))

from support.judging import judge_source, wrong_clauses

from imports.lines import IN_A_CALL, OF_TORCH, PACKAGES, PUT_BACK, target

CLAUSES = ("call.result", "grad.given", "restore.objects", "state.*", "strict.off", "tie.shared*")


def main(names: list[str]) -> int:
    absent = [name for name in PACKAGES if importlib.util.find_spec(name) is None]
    rows = {name: target(line) for name, line in {**OF_TORCH, **PUT_BACK}.items()}
    rows |= {name: target(line) for name, line in PACKAGES.items() if name not in absent}
    rows |= {f"{name}, in a call": target("", line) for name, line in PACKAGES.items() if name not in absent}
    rows |= {f"{name}, in a call": target("", line) for name, line in IN_A_CALL.items()}
    refused = 0
    with Session(profiles=("all",)) as session:
        for name, source in rows.items():
            if names and name.partition(",")[0] not in names:
                continue
            began = time.monotonic()
            said = _judged(session, source)
            refused += said != "conforms"
            print(f"{name:<36} {time.monotonic() - began:6.1f} s  {said}", flush=True)
    print(f"not installed: {', '.join(absent) or 'none'}")
    return 1 if refused else 0


def _judged(session: Session, source: str) -> str:
    try:
        report = judge_source(session, source, clauses=CLAUSES, workers=2, timeout=60.0)
    except UsageError as error:
        return f"refused: {error}"
    if report.exit_code == 0 and not wrong_clauses(report):
        return "conforms"
    return f"{report.verdict}: {report.run.problem or ''} {', '.join(wrong_clauses(report))}"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
