"""Laws that do not hold for one cause stand together, what others need first."""

import pytest
from fcspec.report import junit, markdown, terminal
from fcspec.report.cause import causes
from fcspec.report.model import Case, Run, judge
from fcspec.spec import load_spec

SPEC = load_spec()
SAME = "tensor(3.), expected the very object Parameter tensor(2., requires_grad=True)"
ANOTHER = "Parameter tensor(3.), expected the very object tensor(3.)"
MISSING = "DID NOT RAISE Exception"


def case(slug, reason, called="Scale(), {'weight': Tensor()}, Tensor()", *, example=True):
    """A test that found something other than it expected."""
    error = f"Failed: {reason}" if reason == MISSING else f"AssertionError: {reason}"
    message = f'Traceback (most recent call last):\n  File "/x/SPEC.md", line 9, in f\n    assert done\n{error}\n'
    id = f"test_examples.py::test_example[{slug}]" if example else f"test_x.py::{slug}"
    return Case(id, slug, "fail", reason, stimulus=called, message=message)


def report_of(*cases, **run):
    target = {"address": "package:function", "name": "function", "file": None, "line": None}
    plan = {one.clause: [one.id] for one in cases}
    return judge(SPEC, plan, cases, target=target, environment={}, run=Run(**run))


def found(*cases):
    """(words, clauses) of each cause of several laws, and the clauses of those of one."""
    several = causes(report_of(*cases).clauses, SPEC, "package:function")
    return [(one.words, [law.clause for law in one.results]) for one in several if len(one.results) > 1], [
        one.results[0].clause for one in several if len(one.results) == 1
    ]


STRICT = "Scale(), {'weight': Tensor()}, Tensor(), strict=True"
TWO = "Scale(), ({'weight': Tensor()}, {'weight': Tensor()}), Tensor()"
TIED = "Tied(), {'foo': Tensor()}, Tensor(); tied: foo = foo_tied"
KEYWORD = "Scale(), {}, (), {'x': Tensor()}"


@pytest.mark.parametrize(
    ("words", "first", "second"),
    [
        (
            "strict=True raises no error",
            case("strict.missing", MISSING, STRICT),
            case("call.module-as-it-is", MISSING, STRICT, example=False),
        ),
        (
            "a name in two dicts raises no error",
            case("dicts.distinct", MISSING, TWO),
            case("dicts.distinct-says-which", MISSING, TWO),
        ),
        (
            "different values for tied names raise no error",
            case("tie.conflict", MISSING, TIED),
            case("restore.rejected", MISSING, TIED),
        ),
        (
            "own parameters and buffers are not put back",
            case("restore.objects", SAME),
            case("call.module-as-it-is", "first.weight: is Tensor(3,), was Parameter(3,)", example=False),
        ),
        (
            "own parameters and buffers are not put back after an exception",
            case("restore.exception", SAME),
            case("restore.base-exception", SAME),
        ),
        (
            "a value given for one of several tied names does not reach the others",
            case("tie.one-name", "tensor(1.), expected 0", TIED),
            case("tie.default", "tensor(4.), expected 6", TIED),
        ),
        (
            "what forward binds anew does not reach the dict",
            case("inplace.rebinding", "(1, 0), expected (0, 1)"),
            case("inplace.nested", "tensor(0.), expected 1"),
        ),
        (
            "forward does not get the given tensor itself",
            case("swap.identity", ANOTHER),
            case("call.result", ANOTHER, example=False),
        ),
        (
            "keyword arguments do not reach forward",
            case("args.kwargs", "(), expected 1", KEYWORD),
            case("call.signature", "2, expected 3", "module=Scale(), args=(), kwargs={'x': Tensor()}"),
        ),
        (
            "the given values are not in force",
            case("swap.buffer", "tensor(5.), expected 7"),
            case("dicts.tuple", "tensor(5.), expected 8"),
        ),
    ],
)
def test_what_needs_a_basic_law_has_its_cause(words, first, second):
    other = case("state.rng", "1, expected 2")

    assert found(second, first, other) == ([(words, [first.clause, second.clause])], ["state.rng"])
    assert found(second, other)[0] == []  # the basic law holds
    odd = case(first.clause, first.reason, first.stimulus, example=False)
    assert found(second, odd, other)[0] == []  # it is broken in an odd case only


def test_what_fails_in_another_way_is_another_cause():
    assert found(case("strict.missing", MISSING, STRICT), case("dicts.distinct", MISSING, TWO))[0] == []
    assert found(case("restore.objects", SAME), case("grad.own", "tensor(1.), expected 2"))[0] == []


def test_an_implementation_that_restores_nothing_is_one_block_and_one_error_line():
    laws = [clause.slug for clause in SPEC.clauses if clause.slug.startswith("restore.") and clause.level != "MAY"]
    report = report_of(*(case(slug, SAME) for slug in laws), case("call.result", "1, expected 2"))
    shown = terminal.screen(report, SPEC, 80).plain
    errors = [*markdown.error_lines(report, SPEC)]
    summary = markdown.document(report, SPEC)
    words = f"{len(laws)} laws ("

    assert shown.count("own parameters and buffers are not put back") == 1
    assert f"✗ {words}" in shown
    assert shown.index("✗ call.result · MUST") < shown.index("first: restore.objects")
    assert max(map(len, shown.splitlines())) <= 80
    assert len(errors) == 2
    assert sum("own parameters and buffers are not put back" in line for line in errors) == 1
    assert summary.count("own parameters and buffers are not put back") == 2
    assert summary.count("expected the very object") == 1
    assert junit.document(report, SPEC).count("<failure") == sum(SPEC[slug].level == "MUST" for slug in laws) + 1
