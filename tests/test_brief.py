"""A brief run judges a clause up to its first wrong case, and other clauses as a full one does."""

from fcspec.options import Options
from fcspec.report.verdict import Verdict
from fcspec.target.address import Address
from support.judging import NO_EXAMPLES


def test_cases_that_are_left_out_leave_those_of_the_next_file_alone(session):
    """The first clause is wrong in torch; its cases and those of the second one stand in different files."""
    target, clauses = Address("torch.func", "functional_call"), ("inplace.rebinding-shared", "inplace.module-methods")

    report = session.judge(Options(target, clauses=clauses, brief=True, workers=1, exclude=NO_EXAMPLES))

    assert {result.clause: result.verdict for result in report.clauses} == {
        "inplace.rebinding-shared": Verdict.FAIL,
        "inplace.module-methods": Verdict.PASS,
    }
