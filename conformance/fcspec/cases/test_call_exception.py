"""call: an exception leaves as it is, also one that takes nothing new, or is torch's own."""

import pytest
import torch

from fcspec.cases.support.looking import looking
from fcspec.cases.support.outcomes import raising
from fcspec.cases.support.tensor_kinds import kinds_of_own_tensor
from fcspec.plugin import clause
from fcspec.specimens.base import with_site
from fcspec.specimens.sites import flat_parameter, nested_buffer


class Frozen(Exception):
    """Only its traceback can be set, which Python does where an error passes a context manager."""

    def __setattr__(self, name, value):
        if name not in ("__traceback__", "__context__", "__cause__", "__suppress_context__"):
            raise AttributeError(name)
        super().__setattr__(name, value)


@clause("call.exception")
@with_site((flat_parameter,))
def test_an_exception_that_takes_nothing_new_leaves_as_the_same_object(functional_call, site):
    error = Frozen("forward")
    site.in_forward(raising(error))
    for values in ({}, {site.name: site.value()}):
        try:
            functional_call(site.module, values, site.x)
        except Exception as caught:
            found = caught

        assert found is error


ERRORS_OF_TORCH = {
    "another shape": lambda x, value: value @ torch.ones(5, 2),
    "another size": lambda x, value: x + torch.ones(2),
    "another dtype": lambda x, value: torch.ones(3, 3, dtype=torch.int64) @ value,
    "no such index": lambda x, value: value[7],
    "no such dimension": lambda x, value: value.sum(dim=3),
    "no such type": lambda x, value: value.sin() + "1",
    "no gradient": lambda x, value: value.detach().backward(),
}


@clause("call.exception")
@pytest.mark.parametrize("compute", ERRORS_OF_TORCH.values(), ids=ERRORS_OF_TORCH)
@with_site((flat_parameter, nested_buffer))
def test_an_error_of_torch_says_what_it_says_of_a_plain_call(functional_call, site, compute):
    site.in_forward(lambda owner: compute(site.x, site.current()))
    with pytest.raises(Exception) as plain:
        site.module(site.x)

    with pytest.raises(Exception) as of_call:
        functional_call(site.module, {site.name: site.value()}, site.x)

    assert (type(of_call.value), of_call.value.args) == (type(plain.value), plain.value.args)


@clause("call.exception")
def test_an_exception_leaves_whatever_kind_of_tensor_is_replaced(functional_call, names):
    """As those of a lazy module, which answer nothing before its first call."""
    for kind, make in kinds_of_own_tensor():
        for raised in (ZeroDivisionError(), RuntimeError("shape"), KeyError("weight")):
            module, keys, _ = looking(names, make(), torch.ones(3))
            module.register_forward_pre_hook(raising(raised))
            for values in (dict.fromkeys(keys[:1], torch.ones(5)), dict.fromkeys(keys[1:], torch.ones(5))):
                with pytest.raises(type(raised)) as caught:
                    functional_call(module, values, torch.ones(3))

                assert caught.value is raised, kind
                assert caught.value.args == type(raised)(*raised.args).args, kind


@clause("call.exception")
@with_site((flat_parameter, nested_buffer))
def test_an_error_about_an_attribute_tells_of_which_object_it_was_asked(functional_call, names, site):
    missing = names.attribute()
    for ask in (lambda owner: getattr(owner, missing), lambda owner: getattr(object, missing)):
        site.in_forward(ask)
        found = []
        for call in (site.module, lambda x: functional_call(site.module, {site.name: site.value()}, x)):
            with pytest.raises(AttributeError) as caught:
                call(site.x)
            found.append((caught.value.args, caught.value.name, caught.value.obj))

        assert found[0] == found[1]
