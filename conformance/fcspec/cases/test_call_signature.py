"""call: the documented arguments, and a module among them."""

import re
import types

import pytest
import torch
from torch import nn

from fcspec.cases.support.refusal import refused
from fcspec.cases.support.unprintable import Unprintable
from fcspec.plugin import clause
from fcspec.specimens.base import fresh_values, probe, with_site
from fcspec.specimens.sites import flat_parameter


@clause("call.signature")
def test_documented_names_are_keywords(functional_call, names):
    module = probe(names, lambda self, *args, **kwargs: (args, kwargs))

    result = functional_call(module=module, parameter_and_buffer_dicts={}, args=(1, 2), kwargs={"three": 3})

    assert result == ((1, 2), {"three": 3})


@clause("call.signature")
def test_kwargs_come_fourth(functional_call, names):
    module = probe(names, lambda self, *args, **kwargs: (args, kwargs))

    assert functional_call(module, {}, (1,), {"two": 2}) == ((1,), {"two": 2})
    assert functional_call(module, {}, (1,), None) == ((1,), {})


@clause("call.signature")
@pytest.mark.parametrize("flag", ["tie_weights", "strict"])
@with_site((flat_parameter,))
def test_flags_are_keyword_only(functional_call, site, flag):
    everything = fresh_values(site.module)
    functional_call(site.module, everything, (site.x,), {}, **{flag: True})

    with refused(site.module):
        functional_call(site.module, everything, (site.x,), {}, True)


@clause("call.signature")
@with_site((flat_parameter,))
def test_other_keywords_are_refused(functional_call, site):
    functional_call(site.module, {site.name: site.value()}, (site.x,), tie_weights=False)

    for keyword in ("tie_weight", "tied", "Strict", "params", "inputs", "kwarg"):
        with refused(site.module):
            functional_call(site.module, {site.name: site.value()}, (site.x,), **{keyword: False})


class Proxy:
    """Hands on all that it is asked to a module, and is none."""

    def __init__(self):
        self.module = nn.Linear(2, 2)

    def __getattr__(self, name):
        return getattr(self.__dict__["module"], name)

    def __call__(self, *args):
        raise AssertionError("it was called")


NOT_MODULES = {
    "function": lambda x: x,
    "class": nn.Linear,
    "none": None,
    "name": "Linear",
    "method": nn.Linear(2, 2).forward,
    "an object that has what a module has": types.SimpleNamespace(**vars(nn.Linear(2, 2))),
    "a proxy": Proxy(),
    "what has no text": Unprintable(),
}


@clause("call.not-a-module")
@pytest.mark.parametrize("tie_weights", [True, False], ids=["tied", "untied"])
@pytest.mark.parametrize("what", NOT_MODULES.values(), ids=NOT_MODULES)
def test_what_is_no_module_is_refused(functional_call, what, tie_weights):
    with pytest.raises(Exception, match=r"(?i)module") as error:
        functional_call(what, {}, (torch.ones(1, 2),), tie_weights=tie_weights)

    assert re.search(r"(?i)module", _without_attributes(str(error.value))), (
        f"it only quotes an attribute: {error.value}"
    )


def _without_attributes(text):
    """A message without the names of attributes that it quotes: \"has no attribute '_modules'\" expects no module."""
    return re.sub(r"attribute ['\"`]?\w+['\"`]?|['\"`]\w*_\w*['\"`]", "", text)
