"""call: the module is called once; what forward returns or raises leaves the call as it is."""

import builtins
import contextlib
import dataclasses
import inspect

import pytest
import torch

from fcspec.plugin import clause
from fcspec.specimens import oracle
from fcspec.specimens.base import fresh_values, probe, with_site
from fcspec.specimens.sites import FLAT, SITES, flat_parameter, nested_parameter

Result = dataclasses.make_dataclass("Result", ["output"])


RESULTS = {
    "tensor": torch.ones(2),
    "none": None,
    "tuple": (1, torch.ones(1)),
    "dict": {"output": [torch.ones(1)]},
    "dataclass": Result(torch.ones(1)),
}


@clause("call.result")
@pytest.mark.parametrize("result", RESULTS.values(), ids=RESULTS)
def test_the_very_object_that_forward_returns_is_returned(functional_call, names, result):
    module = probe(names, lambda self: result)

    assert functional_call(module, {}, ()) is result


OTHERS: tuple[object, ...] = (
    *([torch.ones(1), 2], [], {}, {1, 2}, bytearray(b"1"), iter([1]), lambda: 1, torch.nn.Identity()),
    *(
        torch.nn.Parameter(torch.ones(1)),
        torch.tensor(1.0, requires_grad=True),
        torch.ones(2, 3).T,
        torch.eye(2).to_sparse(),
    ),
)


@clause("call.result")
def test_whatever_forward_returns_is_returned_itself(functional_call, names):
    module = probe(names, lambda self, number: OTHERS[number])

    for number, result in enumerate(OTHERS):
        assert functional_call(module, {}, (number,)) is result


async def _coroutine():
    return 1


async def _asynchronous_generator():
    yield 1
    yield 2


def _generator():
    yield 1


@clause("call.result")
def test_what_is_still_to_run_is_returned_itself(functional_call, names):
    module = probe(names, lambda self, make: made.append(make()) or made[-1])
    for make in (_coroutine, _generator, _asynchronous_generator):
        made = []
        result = functional_call(module, {}, (make,))
        if make is not _asynchronous_generator:
            made[0].close()  # so that Python does not warn

        assert result is made[0]


@clause("call.result")
def test_what_forward_returns_is_left_as_it_is(functional_call, names):
    """A generator has not begun, and an iterator has all its items."""
    module = probe(names, lambda self, make: make())
    for make in (_generator, lambda: iter([1]), lambda: map(int, "1"), lambda: (one for one in [1])):
        assert [*functional_call(module, {}, (make,))] == [1]

    coroutine = functional_call(module, {}, (_coroutine,))
    assert inspect.getcoroutinestate(coroutine) == inspect.CORO_CREATED
    coroutine.close()
    generator = functional_call(module, {}, (_asynchronous_generator,))
    with pytest.raises(StopIteration) as first:
        anext(generator).send(None)
    assert first.value.value == 1


@clause("call.result")
@with_site(SITES)
def test_the_given_tensor_itself_can_be_the_result(functional_call, names, site):
    root = probe(names, lambda self, x: site.current())
    root.add_module("inner", site.module)
    value = site.value()

    assert functional_call(root, {f"inner.{site.name}": value}, site.x) is value


@clause("call.result")
@with_site((flat_parameter, nested_parameter))
def test_a_module_with_attributes_of_a_scripted_or_wrapping_one_is_like_any_other(functional_call, site):
    values = fresh_values(site.module)
    expected = oracle.result(site.module, values, site.x)
    of_others = (
        *dir(torch.jit.ScriptModule),
        *dir(torch.fx.GraphModule),
        *vars(torch.nn.DataParallel(torch.nn.Identity())),
    )

    for key in (*of_others, "_c", "_orig_mod", "base_model", "parametrizations", "original", "device_mesh"):
        if not hasattr(site.module, key):
            site.module.__dict__[key] = site.key
            assert torch.equal(functional_call(site.module, values, site.x), expected), key
            del site.module.__dict__[key]


@clause("call.result")
@with_site((flat_parameter, nested_parameter))
def test_an_attribute_of_the_name_call_is_not_called(functional_call, site):
    """Python looks `__call__` up in the class."""
    expected = functional_call(site.module, {site.name: site.value()}, site.x)
    site.module.__dict__["__call__"] = lambda *args: None

    assert torch.equal(functional_call(site.module, {site.name: site.value()}, site.x), expected)


@clause("call.once")
@with_site((flat_parameter, nested_parameter))
def test_call_and_forward_run_once(functional_call, site):
    cls, calls = type(site.module), []
    cls.__call__ = lambda self, *args: calls.append("__call__") or super(cls, self).__call__(*args)
    site.in_forward(lambda owner: calls.append("forward"))

    functional_call(site.module, {site.name: site.value()}, site.x)

    assert calls == ["__call__", "forward"]


def _errors():
    """An instance of every exception of Python, warnings aside, and of torch that can be made of a text."""
    for kind in (*vars(builtins).values(), *vars(torch).values()):
        if (
            isinstance(kind, type)
            and issubclass(kind, BaseException)
            and not issubclass(kind, Warning | BaseExceptionGroup)
        ):
            with contextlib.suppress(TypeError):
                yield kind("forward's own")


@clause("call.once")
@with_site((flat_parameter,))
def test_a_call_that_raises_is_not_tried_again(functional_call, site):
    calls = []

    def fail(self, x=None):
        calls.append("forward")
        raise error

    type(site.module).forward = fail
    for error in _errors():
        for args in (site.x, (None,)):
            with pytest.raises(BaseException):
                functional_call(site.module, {site.name: site.value()}, args)

            assert calls == ["forward"], error
            calls.clear()


@clause("call.once")
@with_site((flat_parameter,))
def test_arguments_that_do_not_fit_are_not_exchanged_for_others(functional_call, site):
    calls, x = [], site.x
    site.module.register_forward_pre_hook(lambda *_: calls.append("call"))
    for forward in (lambda self: None, lambda self, x: None, lambda self, x, y: None, lambda self, *, x: None):
        type(site.module).forward = forward
        for args in ((), x, (None,), [x], [x, x], {"x": x}, (x, x), ((x,),)):
            with contextlib.suppress(TypeError):
                functional_call(site.module, {site.name: site.value()}, args)

            assert calls == ["call"], (forward, args)
            calls.clear()
        refused = True
        with contextlib.suppress(Exception):  # args.none lets None be refused, and forward may raise
            functional_call(site.module, {site.name: site.value()}, None)
            refused = False

        assert calls == ["call"] or (refused and not calls), (forward, None)
        calls.clear()


@clause("call.exception")
@with_site(SITES)
def test_an_exception_of_forward_leaves_as_the_same_object(functional_call, names, site):
    error = type(names.type(), (Exception,), {})()

    def fail(owner):
        raise error

    site.in_forward(fail)
    with pytest.raises(Exception) as caught:
        functional_call(site.module, {site.name: site.value()}, site.x)

    assert caught.value is error


@clause("call.exception")
@with_site((flat_parameter,))
def test_an_exception_that_python_torch_or_functional_call_itself_could_raise_passes_too(functional_call, site):
    def fail(owner):
        raise raised

    site.in_forward(fail)
    for raised in _errors():
        with pytest.raises(BaseException) as caught:
            functional_call(site.module, {site.name: site.value()}, site.x)

        assert caught.value is raised


def _look_of(error):
    """What an `except` around a call can read of an exception, and where its traceback ends."""
    end = error.__traceback__
    while end.tb_next is not None:
        end = end.tb_next
    cause = error.__cause__, error.__suppress_context__
    return type(error), error.args, str(error), cause, vars(error).get("code"), end.tb_frame.f_code.co_name


@clause("call.exception")
@with_site((flat_parameter, nested_parameter))
def test_an_exception_of_forward_leaves_as_it_was_raised(functional_call, site):
    def fails_here(owner):
        raise raised

    def called_plainly(module, values, x):
        return module(x)

    site.in_forward(fails_here)
    for raised in (TypeError("missing 1 required positional argument"), *_errors()):
        raised.code = 7
        looks = []
        for call in (called_plainly, functional_call):
            with pytest.raises(BaseException) as caught:
                call(site.module, {site.name: site.value()}, site.x)
            looks.append(_look_of(caught.value))
            raised.__traceback__ = None

        assert looks[1] == looks[0], raised


@clause("call.exception")
@with_site(FLAT)
def test_what_an_exception_was_raised_from_stays(functional_call, site):
    cause, raised = KeyError("cause"), ValueError("raised")

    def act(owner):
        raise raised from cause

    site.in_forward(act)
    with pytest.raises(ValueError) as caught:
        functional_call(site.module, {site.name: site.value()}, site.x)

    assert caught.value is raised
    assert raised.__cause__ is cause


class _Refusing(dict[str, torch.Tensor]):
    """A dict that takes no new values."""

    def __setitem__(self, name, value):
        raise LookupError(f"{name} is not written")


@clause("call.exception")
@with_site((flat_parameter, nested_parameter))
def test_an_exception_of_forward_leaves_where_the_dict_refuses_what_forward_bound(functional_call, site):
    raised = ValueError("forward's own")

    def bind_and_fail(owner):
        setattr(owner, site.key, site.bindable())
        raise raised

    site.in_forward(bind_and_fail)
    with pytest.raises(Exception) as caught:
        functional_call(site.module, _Refusing({site.name: site.value()}), site.x)

    assert caught.value is raised
