"""call: results that do something when they are asked, and exceptions that refuse what others take."""

import collections
from typing import Any

import torch

from fcspec.plugin import clause
from fcspec.specimens.base import probe, with_site
from fcspec.specimens.sites import flat_parameter

Named = collections.namedtuple("Named", ["first", "second"])


def _refuse(self: Any, *args: Any) -> Any:
    raise ArithmeticError("a result was asked")


ASKED = ("__eq__", "__ne__", "__bool__", "__len__", "__iter__", "__next__", "__await__", "__getitem__", "__enter__")
OTHERS = ("__repr__", "__str__", "__getattr__", "__call__", "__lt__", "__contains__", "__copy__", "__reduce_ex__")
Refusing = type("Refusing", (), {"__hash__": None, **dict.fromkeys((*ASKED, *OTHERS), _refuse)})
"""Whatever Python or torch asks it, it raises."""


class Waiting:
    """What may be waited for, and notes that it was."""

    def __init__(self):
        self.asked = []

    def __await__(self):
        self.asked.append("await")
        yield

    def __call__(self, *args):
        self.asked.append("called")

    wait = result = detach = clone = get = join = close = start = to = compute = resolve = __call__


def _future():
    future = torch.futures.Future()
    future.set_result(3)
    return future


RESULTS: dict[str, Any] = {
    "refuses": Refusing,
    "waits": Waiting,
    "future": _future,
    "named tuple": lambda: Named(1, 2),
    "class": lambda: Refusing,
    "exception": lambda: ValueError("a result"),
    "stop": lambda: StopIteration(3),
    "exception class": lambda: KeyboardInterrupt,
    "not implemented": lambda: NotImplemented,
    "ellipsis": lambda: ...,
    "false": lambda: False,
    "nothing": lambda: (),
    "tuple of one": lambda: (torch.ones(1),),
    "meta": lambda: torch.ones(1, device="meta"),
    "float64": lambda: torch.ones(1, dtype=torch.float64),
}


@clause("call.result")
def test_a_result_of_any_kind_is_returned_itself_and_asked_nothing(functional_call, names):
    module = probe(names, lambda self: result)
    module.register_buffer(key := names.attribute(), torch.ones(1))

    for kind, make in RESULTS.items():
        result = make()
        for values in ({}, {key: torch.ones(1)}):
            returned = functional_call(module, values, ())

            assert returned is result, kind
        assert getattr(result, "asked", []) == [] if kind == "waits" else True


class WithoutDict(Exception):
    """Has slots alone; its base class has a `__dict__` nevertheless."""

    __slots__ = ()


def _exception(**methods: Any) -> Any:
    return type("Raised", (Exception,), methods)


RAISED: dict[str, Any] = {
    "slots": WithoutDict,
    "refuses comparison": _exception(__eq__=_refuse, __hash__=None),
    "is false": _exception(__bool__=lambda self: False),
    "is empty": _exception(__len__=lambda self: 0),
    "refuses its truth": _exception(__bool__=_refuse),
    "refuses its text": _exception(__str__=_refuse, __repr__=_refuse),
    "cannot be made again": lambda: _exception(__init__=lambda self, one, *, two: None)(1, two=2),
    "cannot be copied": _exception(__reduce_ex__=_refuse, __copy__=_refuse),
    "own base exception": type("Stop", (BaseException,), {}),
    "own runtime error": type("Failed", (RuntimeError,), {}),
}


def _raised_by(call):
    """What a call raised. `pytest.raises` would look into it."""
    try:
        call()
    except BaseException as error:
        return error


@clause("call.exception")
@with_site((flat_parameter,))
def test_an_exception_of_any_kind_leaves_as_the_same_object(functional_call, site):
    def act(owner):
        raise raised

    site.in_forward(act)
    for kind, make in RAISED.items():
        raised = make()
        for values in ({}, {site.name: site.value()}):
            caught = _raised_by(lambda values=values: functional_call(site.module, values, site.x))

            assert caught is raised, kind
