"""args: how args and kwargs become arguments of forward."""

import collections
import re

import pytest
import torch
from torch import nn

from fcspec.plugin import clause
from fcspec.specimens.base import probe


@pytest.fixture
def module(names):
    """A module that returns what forward was called with."""
    return probe(names, lambda self, *args, **kwargs: (args, kwargs))


@clause("args.tuple")
@pytest.mark.parametrize("args", [(), (None,), (1,), (1, [2], None), ((1, 2),)], ids=str)
def test_a_tuple_is_unpacked(functional_call, module, args):
    assert functional_call(module, {}, args) == (args, {})


OTHER_VALUES = {
    "another device": lambda: torch.ones(3, device="meta"),
    "another dtype": lambda: torch.ones(3, dtype=torch.float64),
    "requires grad": lambda: torch.ones(3, requires_grad=True),
    "conjugate": lambda: torch.ones(3, dtype=torch.complex64).conj(),
}


@clause("args.tuple")
def test_arguments_are_the_very_objects_whatever_the_values_are(functional_call, names, module):
    key, x = names.attribute(), torch.ones(3)
    module.register_buffer(key, torch.ones(3))
    for kind, make in OTHER_VALUES.items():
        passed = x, torch.tensor([1, 2]), [x], {"x": x}, make(), None
        args, kwargs = functional_call(module, {key: make()}, passed, {"last": x})

        assert [one is other for one, other in zip(args, passed, strict=True)] == [True] * 6, kind
        assert kwargs["last"] is x, kind


SINGLE = {
    "tensor": torch.ones(3),
    "list": [torch.ones(1), 2],
    "dict": {"x": 1},
    "string": "abc",
    "set": {1, 2},
    "generator": (number for number in range(3)),
    "deque": collections.deque([1, 2]),
    "module": nn.Identity(),
    "number": 0,
    "false": False,
    "empty list": [],
}


@clause("args.single")
@pytest.mark.parametrize("single", SINGLE.values(), ids=SINGLE)
def test_what_is_no_tuple_is_one_argument(functional_call, module, single):
    args, kwargs = functional_call(module, {}, single)

    assert len(args) == 1
    assert args[0] is single
    assert kwargs == {}


@clause("args.kwargs")
@pytest.mark.parametrize("kwargs", [{"x": 1}, {"x": None, "y": (2,)}, {}, None], ids=str)
@pytest.mark.parametrize("args", [(), (1, 2)], ids=str)
def test_kwargs_are_passed_by_keyword(functional_call, module, args, kwargs):
    passed = kwargs if kwargs is None else dict(kwargs)

    assert functional_call(module, {}, args, passed) == (args, kwargs or {})


@clause("args.kwargs")
def test_kwargs_go_with_a_single_argument(functional_call, module):
    assert functional_call(module, {}, "one", kwargs={"x": 1}) == (("one",), {"x": 1})


@clause("args.kwargs")
@pytest.mark.parametrize("truth", [False, ZeroDivisionError], ids=["false", "without truth value"])
def test_kwargs_whose_truth_value_says_nothing_are_passed_by_keyword(functional_call, names, module, truth):
    def says(self):
        return False if truth is False else 1 / 0

    kind = type(names.type(), (dict,), {"__bool__": says})

    assert functional_call(module, {}, (), {"x": 1}) == ((), {"x": 1})
    assert functional_call(module, {}, (), kind(x=1)) == ((), {"x": 1})
    assert functional_call(module, {}, (), kind()) == ((), {})


@clause("args.any-keyword")
@pytest.mark.parametrize(
    "keyword", ["module", "parameter_and_buffer_dicts", "args", "kwargs", "strict", "tie_weights", "values", "f"]
)
def test_any_keyword_reaches_forward(functional_call, module, keyword):
    assert functional_call(module, {}, (), {keyword: "value"}) == ((), {keyword: "value"})


WORDS = re.findall(
    r"\w+",
    """
_ a action apply arguments assign batch bound buffer buffers call callable callback cls context data default device dict dicts
dtype entries f fn forward forward_fn func function functional given group groups handle hook index inner input inputs item items
k key keys keyword keywords kind kw m mapping memo mod mode model module_ modules n name named names net node obj original
out output outputs owner owners p parameter parameters params params_and_buffers parametrizations path plan prefix record restore
result root run self_ slot slots source stack state store stores swap swapped t target tensor tensors thunk tied to v val value
values what where wrapped x y
""",
)


@clause("args.any-keyword")
def test_keywords_that_a_helper_might_have_reach_forward(functional_call, module):
    keywords = {word: number for number, word in enumerate(WORDS)}

    assert functional_call(module, {}, (), keywords) == ((), keywords)
    for word, number in keywords.items():
        assert functional_call(module, {}, (1,), {word: number}) == ((1,), {word: number})


@clause("args.untouched")
def test_the_containers_of_the_caller_stay_as_they_are(functional_call, names):
    module = probe(names, lambda self, *args, **kwargs: kwargs.clear())
    args, kwargs = (1, [2]), {"x": 1, "y": [2]}

    functional_call(module, {}, args, kwargs)

    assert (args, kwargs) == ((1, [2]), {"x": 1, "y": [2]})


@clause("args.untouched")
def test_a_list_reaches_forward_as_the_callers_own(functional_call, module):
    positional, keyword = [1], [2]

    args, kwargs = functional_call(module, {}, (positional,), {"x": keyword})

    assert args[0] is positional
    assert kwargs["x"] is keyword
    assert (positional, keyword) == ([1], [2])


@clause("args.none")
def test_none_as_args(functional_call, module, observe):
    try:
        args, _ = functional_call(module, {}, None)
        observe("no argument" if args == () else f"{args!r}")
    except Exception as error:
        observe(type(error).__name__)


@clause("args.tuple-subclass")
def test_a_namedtuple_as_args(functional_call, module, observe):
    point = collections.namedtuple("Point", "x y")(1, 2)
    try:
        args, _ = functional_call(module, {}, point)
        observe("unpacked" if args == (1, 2) else "passed whole")
    except Exception as error:
        observe(type(error).__name__)
