"""A brief run judges a clause up to its first wrong case, and other clauses as a full one does."""

from fcspec.options import Options
from fcspec.report.verdict import Verdict
from fcspec.target.address import Address


def test_cases_that_are_left_out_leave_those_of_the_next_file_alone(session):
    """The first clause is wrong in torch; its last cases and the first ones of the second clause stand in different files."""
    clauses = ("inplace.rebinding-shared", "inplace.module-methods")

    report = session.judge(Options(Address("torch.func", "functional_call"), clauses=clauses, brief=True, workers=1))

    assert {result.clause: result.verdict for result in report.clauses} == {
        "inplace.rebinding-shared": Verdict.FAIL,
        "inplace.module-methods": Verdict.PASS,
    }
