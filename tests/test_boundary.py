"""What a target replaces is named and put back; calls pass through, and what evades a verdict sticks."""

import builtins
import json
import sys
import threading
import weakref
from types import SimpleNamespace

import pytest
import torch
from fcspec.errors import Unsupported
from fcspec.target.boundary import Boundary
from fcspec.target.integrity import CallSurroundings, TrustedCode
from torch.overrides import TorchFunctionMode

# -------------------------------------------------------------------------------------------------------- trusted code


@pytest.fixture
def trusted():
    return TrustedCode()


def replace_builtin():
    builtins.isinstance = lambda value, kind: True


def replace_equal():
    torch.equal = lambda a, b: True


def replace_eq():
    torch.Tensor.__eq__ = lambda self, other: torch.tensor(True)


def replace_code():
    torch.testing.assert_close.__code__ = (lambda *args, **kwargs: None).__code__


COMPARISONS = {
    "builtins.isinstance": replace_builtin,
    "torch.equal": replace_equal,
    "torch.Tensor.__eq__": replace_eq,
    "torch.testing.assert_close.__code__": replace_code,
}


@pytest.mark.parametrize("name", COMPARISONS)
def test_what_a_case_compares_with_is_put_back_and_named(trusted, name):
    COMPARISONS[name]()

    assert trusted.restore_comparisons() == [name]
    assert trusted.restore_all() == []


def test_everything_that_judges_is_put_back_and_named(trusted):
    before = pytest.raises, sys.modules["operator"]
    pytest.raises, sys.modules["operator"] = None, SimpleNamespace()

    assert {"pytest.raises", "sys.modules['operator']"} <= set(trusted.restore_all())
    assert (pytest.raises, sys.modules["operator"]) == before
    assert trusted.restore_all() == []


def test_code_that_judges_is_put_back(trusted):
    code = json.loads.__code__
    json.loads.__code__ = (lambda *args, **kwargs: None).__code__

    assert trusted.restore_all() == ["json.loads.__code__"]
    assert json.loads.__code__ is code


# -------------------------------------------------------------------------------------------- what surrounds a call


def test_nothing_is_restored_where_nothing_changed():
    assert CallSurroundings(careful=True).restore() == {}


def test_modes_that_a_call_entered_are_left_and_those_it_left_are_entered():
    with TorchFunctionMode() as mine:
        found = CallSurroundings()
        torch._C._pop_torch_function_stack()
        TorchFunctionMode().__enter__()

        assert set(found.restore()) == {"modes.function modes"}
        assert torch._C._get_function_stack_at(torch._C._len_torch_function_stack() - 1) is mine
        assert found.restore() == {}


def test_a_trace_function_that_a_call_set_is_undone():
    before, found = sys.getprofile(), CallSurroundings()
    sys.setprofile(lambda *args: None)
    changed = found.restore()

    assert set(changed) == {"interpreter.profile"}
    assert sys.getprofile() is before


def test_attributes_of_torch_are_looked_at_where_that_is_asked_for():
    quick, careful = CallSurroundings(), CallSurroundings(careful=True)
    torch.nn.Module.added = None

    assert (set(quick.restore()), set(careful.restore())) == (set(), {"torch.torch.nn.modules.module.Module.added"})
    assert not hasattr(torch.nn.Module, "added")


# -------------------------------------------------------------------------------------------------------- the boundary


def test_arguments_results_and_exceptions_pass_through(trusted):
    given = []
    boundary = Boundary(lambda *args, **kwargs: given.append((args, kwargs)) or given[0], trusted)
    module, values = torch.nn.Linear(1, 1), {}

    result = boundary(module, values, strict=True)

    assert given[0][0][0] is module
    assert given[0][0][1] is values
    assert result is given[0]
    assert (boundary.called, boundary.evasion) == (True, None)
    error = ValueError("mine")
    with pytest.raises(ValueError, match="mine") as raised:
        Boundary(lambda: (_ for _ in ()).throw(error), trusted)()
    assert raised.value is error


def test_the_call_is_kept_in_words_and_its_objects_are_not(trusted):
    boundary = Boundary(lambda *args: None, trusted)
    tensor = torch.ones(2, 3)
    boundary({"a": tensor}, [1, "x"])
    tensor = weakref.ref(tensor)

    assert boundary.stimulus == "{'a': Tensor(2, 3)}, [1, 'x']"
    assert tensor() is None


@pytest.mark.parametrize(
    "speech", [pytest.skip.Exception("not today"), pytest.exit.Exception("done"), Unsupported("too old")], ids=repr
)
def test_speech_to_the_test_framework_sticks(trusted, speech):
    def target():
        raise speech

    boundary = Boundary(target, trusted)
    with pytest.raises(type(speech)):
        boundary()

    assert str(speech) in boundary.evasion


def test_what_a_call_replaced_sticks_and_is_put_back(trusted):
    real = builtins.isinstance
    boundary = Boundary(replace_builtin, trusted)
    boundary()

    assert builtins.isinstance is real
    assert boundary.evasion == "replaced builtins.isinstance"


def test_the_first_evasion_is_reported(trusted):
    boundary = Boundary(lambda act: act(), trusted)
    boundary(replace_equal)
    boundary(replace_builtin)

    assert boundary.evasion == "replaced torch.equal"


def test_a_call_inside_a_call_may_see_what_the_outer_one_has_patched(trusted):
    real = builtins.isinstance

    def target(depth):
        builtins.isinstance = lambda value, kind: real(value, kind)
        try:
            return depth and boundary(depth - 1)
        finally:
            builtins.isinstance = real

    boundary = Boundary(target, trusted)
    boundary(2)

    assert boundary.evasion is None


def test_a_call_beside_a_call_may_see_what_the_other_one_has_patched(trusted):
    real, patched, looked = builtins.isinstance, threading.Event(), threading.Event()

    def target(patches):
        if not patches:
            return
        builtins.isinstance = lambda value, kind: real(value, kind)
        try:
            patched.set()
            looked.wait(20)
        finally:
            builtins.isinstance = real

    boundary = Boundary(target, trusted)
    thread = threading.Thread(target=boundary, args=(True,))
    thread.start()
    patched.wait(20)
    boundary(False)
    looked.set()
    thread.join()

    assert boundary.evasion is None


def test_a_result_of_the_targets_own_class_sticks(trusted):
    class Agreeable:
        __eq__ = lambda self, other: True  # noqa: E731
        __hash__ = object.__hash__

    boundary = Boundary(lambda: [Agreeable()], trusted, frozenset({Agreeable}))
    boundary()

    assert "own class" in boundary.evasion
    assert "Agreeable" in boundary.evasion


def test_a_tensor_of_a_class_that_the_caller_made_before_is_no_evasion(trusted):
    class Tagged(torch.Tensor):
        pass

    boundary = Boundary(lambda: torch.ones(1).as_subclass(Tagged), trusted)
    boundary()

    assert boundary.evasion is None


def test_what_is_made_of_the_implementation_is_watched_like_itself(trusted):
    boundary = Boundary(lambda act: act(), trusted)
    wrapped = boundary.through(lambda function: lambda act: function(act))
    wrapped(replace_equal)

    assert boundary.evasion == "replaced torch.equal"


def test_calls_before_a_case_count_as_no_call_of_the_case(trusted):
    calls = []
    boundary = Boundary(lambda *args: calls.append(args), trusted)
    boundary.warm_up(2)

    assert (len(calls), boundary.called) == (2, False)


def test_a_careful_boundary_puts_back_torch_and_what_judges(trusted):
    def target():
        torch.nn.Module.added = None
        pytest.approx = None

    boundary = Boundary(target, trusted)
    boundary.careful = True
    boundary()
    boundary.finish_case()

    assert set(boundary.undone) == {"torch.torch.nn.modules.module.Module.added"}
    assert boundary.evasion == "replaced pytest.approx"
    assert pytest.approx is not None
