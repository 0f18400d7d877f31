"""No false alarm: implementations that keep the law by other means than the reference conform too."""

from pathlib import Path

import pytest
from fcspec.options import Options
from fcspec.target.address import Address

TWINS = sorted((Path(__file__).parent / "twins").glob("*.py"))


@pytest.mark.slow
@pytest.mark.parametrize("twin", TWINS, ids=lambda twin: twin.stem)
def test_a_correct_implementation_conforms(session, twin):
    report = session.judge(Options(Address(str(twin), "functional_call"), profiles=("core",), strict=True))

    assert report.exit_code == 0, (
        f"{twin.name} is correct by SPEC.md, so either a case asks for more than its clause says, or the twin is wrong: "
        f"{report.run.problem or [(one.clause, one.reason) for one in report.broken]}"
    )
    assert report.run.notes == (), "a case leaves something changed, and its whole chapter is then judged case by case"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "clauses"),
    [
        ("takes_pairs", ("dicts.*", "drop-in.*")),  # a proposal lets torch take them (pytorch#195291)
        ("errors_of_its_own", ("call.*", "args.*", "strict.*", "drop-in.strict-error")),
    ],
)
def test_an_implementation_with_freedoms_of_drop_in_conforms(session, name, clauses):
    path = Path(__file__).parent / "honest" / f"{name}.py"
    options = {"profiles": ("core", "drop-in"), "clauses": clauses, "strict": True}

    report = session.judge(Options(Address(str(path), "functional_call"), **options))

    assert report.exit_code == 0, [(one.clause, one.reason) for one in report.broken]


def test_there_are_twins():
    assert len(TWINS) >= 7
