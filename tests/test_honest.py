"""Right implementations with lines at module level that research code has: judged, and conforming."""

import pytest
from fcspec.errors import UsageError
from imports.lines import IN_A_CALL, OF_TORCH, PUT_BACK, target
from support.judging import judge_source, wrong_clauses

CLAUSES = ("call.result", "state.defaults", "state.modes", "state.torch", "state.processes")


COMPILING = (
    *("dynamo", "dynamo in the third", "inductor", "aot_autograd", "compiler.disable", "compile", "compiled call"),
    *("grad", "step", "checkpoint"),
)


def _slow_where_torch_imports_its_compiler(lines):
    return [pytest.param(line, marks=[pytest.mark.slow] if line in COMPILING else []) for line in lines]


def judge(session, source, *clauses):
    return judge_source(session, source, clauses=clauses or CLAUSES, workers=2)


@pytest.mark.parametrize("line", _slow_where_torch_imports_its_compiler(OF_TORCH))
def test_a_line_at_module_level_does_no_harm(session, line):
    report = judge(session, target(OF_TORCH[line]))

    assert (wrong_clauses(report), report.exit_code) == ([], 0)


@pytest.mark.parametrize("what", PUT_BACK)
def test_what_an_import_changes_is_put_back_and_noted(session, what):
    report = judge(session, target(PUT_BACK[what]))

    assert (wrong_clauses(report), report.exit_code) == ([], 0)
    (note,) = report.run.notes
    assert note.startswith("put back after the import: ")
    assert what in note
    assert report.as_dict()["run"]["notes"] == [note]


@pytest.mark.parametrize("line", _slow_where_torch_imports_its_compiler(IN_A_CALL))
def test_an_import_inside_a_call_does_no_harm(session, line):
    report = judge(session, target("", IN_A_CALL[line]))

    assert (wrong_clauses(report), report.exit_code) == ([], 0)


@pytest.mark.parametrize(
    ("line", "name"),
    [
        ("torch.equal = lambda *_: True", "torch.equal"),
        ("torch.compiler.disable(torch.equal)\ntorch.equal = torch.compiler.disable(lambda *_: True)", "torch.equal"),
        ("import functools\ntorch.equal = functools.wraps(torch.equal)(lambda *_: True)", "torch.equal"),
        ("import builtins\nbuiltins.isinstance = lambda *_: True", "builtins.isinstance"),
        ("torch.nn.Module.named_parameters = lambda *_, **__: iter(())", "Module.named_parameters"),
        ("mode = torch.inference_mode()\nmode.__enter__()", "mode of inference"),
    ],
)
def test_an_import_that_replaces_what_judges_is_refused_and_told_what_to_do(session, line, name):
    with pytest.raises(UsageError) as refused:
        judge(session, target(line))

    assert "changes " in str(refused.value)
    assert name in str(refused.value)
    assert "leave it as it is, or change it in the call and put it back there" in str(refused.value)
