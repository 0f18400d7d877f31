"""restore: after the call nothing keeps the given tensors alive."""

import contextlib
import gc
import itertools
import weakref
from typing import Any

import pytest
import torch
from torch import nn

from fcspec.cases.support.odd_dicts import Refusing
from fcspec.cases.support.outcomes import raises_if, returns_or_raises
from fcspec.cases.support.various import various
from fcspec.plugin import Needs, clause, needs
from fcspec.specimens.base import fresh_values, with_group, with_site
from fcspec.specimens.groups import ALL_PAIRS
from fcspec.specimens.parametrized import PARAMETRIZED
from fcspec.specimens.sites import FLAT, NESTED, SITES


@clause("restore.no-references")
@returns_or_raises
@with_site(SITES)
def test_nothing_keeps_the_given_tensors_alive(functional_call, site, fails):
    value = site.value()
    alive = weakref.ref(value)
    if fails:
        site.in_forward(lambda owner: 1 / 0)
    with raises_if(fails):
        functional_call(site.module, {site.name: value}, site.x)
    site.rebind(site.own)  # that the module does not keep the value is the law of other clauses
    del value
    gc.collect()

    assert alive() is None


@clause("restore.no-references")
@pytest.mark.parametrize("equal", [False, True], ids=["one", "equal ones"])
@with_group(ALL_PAIRS)
def test_nothing_keeps_tensors_of_tied_names_alive(functional_call, group, equal):
    values = {name: group.value() for name in group.names} if equal else {group.names[0]: group.value()}
    alive = [weakref.ref(value) for value in values.values()]
    with contextlib.suppress(Exception):
        functional_call(group.module, values, group.x, tie_weights=True)
    _put_back(group.module, *group.names, own=group.own)
    del values
    gc.collect()

    assert [one() for one in alive] == [None] * len(alive)


def _put_back(module, *names, own):
    """Put its own tensor back at each name: that the module does not keep a value is the law of other clauses."""
    for name in names:
        path, _, key = name.rpartition(".")
        owner = module.get_submodule(path)
        (owner._parameters if key in owner._parameters else owner._buffers)[key] = own


@clause("restore.no-references")
@with_site(PARAMETRIZED)
def test_nothing_keeps_the_tensor_of_a_regular_name_alive(functional_call, site):
    value = site.value()
    alive = weakref.ref(value)
    functional_call(site.module, {site.name: value}, site.x)
    del value
    gc.collect()

    assert alive() is None


@contextlib.contextmanager
def _without_collecting():
    """In this block what is in a cycle stays alive."""
    enabled = gc.isenabled()
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


@clause("restore.freed")
@returns_or_raises
@with_site((*FLAT, NESTED[1]))
def test_given_tensors_are_freed_by_reference_counts(functional_call, names, site, fails):
    new = site.sibling_name(names.attribute())
    if fails:
        site.in_forward(lambda owner: 1 / 0)
    for given in ((site.name,), (new,), (site.name, site.other, new)):
        values = {name: site.value() for name in given}
        alive = [weakref.ref(value) for value in values.values()]
        with _without_collecting():
            with raises_if(fails):
                functional_call(site.module, values, site.x)
            site.rebind(site.own)  # that the module does not keep the value is the law of other clauses
            del values

            assert [one() for one in alive] == [None] * len(alive)


REFUSED: dict[str, Any] = {
    "no owner": lambda site, value: ({site.name: value, "nowhere.weight": value}, {}),
    "strict": lambda site, value: ({site.name: value}, {"strict": True}),
    "unexpected": lambda site, value: (
        {**fresh_values(site.module), site.name: value, "nowhere": value},
        {"strict": True},
    ),
    "two dicts": lambda site, value: (({site.name: value}, {site.name: value}), {}),
    "no tensor": lambda site, value: ({site.name: value, site.other: 3.0}, {}),
    "no string": lambda site, value: ({site.name: value, 3: value}, {}),
    "no dict": lambda site, value: (({site.name: value}, value), {}),
    "the name of a method": lambda site, value: ({site.name: value, site.sibling_name("forward"): value}, {}),
    "the name of a number": lambda site, value: ({site.name: value, site.sibling_name("training"): value}, {}),
    "an empty name": lambda site, value: ({site.name: value, "": value}, {}),
    "an empty part": lambda site, value: ({site.name: value, f".{site.other}": value}, {}),
    "a part that is a tensor": lambda site, value: ({site.name: value, f"{site.name}.weight": value}, {}),
}


@clause("restore.freed")
@pytest.mark.parametrize("refused", REFUSED.values(), ids=REFUSED)
@with_site((NESTED[0],))
def test_the_tensors_of_a_refused_call_are_freed_by_reference_counts(functional_call, site, refused):
    value = site.value()
    alive = weakref.ref(value)
    values, flags = refused(site, value)
    with _without_collecting():
        with contextlib.suppress(Exception):
            functional_call(site.module, values, site.x, **flags)
        del values, value

        assert alive() is None


@clause("restore.freed")
@with_group((ALL_PAIRS[1],))
def test_the_different_tensors_of_tied_names_are_freed_by_reference_counts(functional_call, group):
    values = {name: group.value(seed) for seed, name in enumerate(group.names)}
    alive = [weakref.ref(value) for value in values.values()]
    with _without_collecting():
        with contextlib.suppress(Exception):
            functional_call(group.module, values, group.x, tie_weights=True)
        del values

        assert [one() for one in alive] == [None] * len(alive)


UNDECIDABLE: dict[str, Any] = {
    "sparse": lambda value: value.to_sparse(),
    "of another size": lambda value: value[:2].clone(),
    "of another dtype": lambda value: value.double(),
    "nested": lambda value: torch.nested.nested_tensor([value, value]),
    "NaN": lambda value: value * torch.nan,
}


@clause("restore.freed")
@pytest.mark.parametrize("kinds", [*itertools.product(UNDECIDABLE, repeat=2)], ids=" and ".join)
@with_group((ALL_PAIRS[1],))
def test_values_that_can_hardly_be_compared_are_freed_by_reference_counts(functional_call, group, kinds):
    """Accepted or refused."""
    values = {name: UNDECIDABLE[kind](group.value()) for kind, name in zip(kinds, group.names, strict=True)}
    alive = [weakref.ref(value) for value in values.values()]
    group.in_forward(lambda module: torch.zeros(()))
    with _without_collecting():
        with contextlib.suppress(Exception):
            functional_call(group.module, values, group.x, tie_weights=True)
        _put_back(group.module, *group.names, own=group.own)
        del values

        assert [one() for one in alive] == [None] * len(alive)


@clause("restore.freed")
@needs(Needs.TRANSFORMS)
@with_group((ALL_PAIRS[1],))
def test_values_that_a_transform_wraps_are_freed_by_reference_counts(functional_call, group):
    alive = []

    def total(value):
        values = dict(zip(group.names, (value * 1, value * 1), strict=True))
        alive.extend(map(weakref.ref, values.values()))
        with contextlib.suppress(Exception):  # that it is accepted is the law of tie.equal-values
            return functional_call(group.module, values, group.x, tie_weights=True).sum()
        return value.sum()

    with _without_collecting():
        torch.func.grad(total)(group.value())

        assert [one() for one in alive] == [None] * len(alive)


@clause("restore.freed")
@with_site(FLAT)
def test_tensors_are_freed_by_reference_counts_where_a_dict_refuses_what_forward_bound(functional_call, site):
    values = Refusing({site.name: site.value()})
    alive = weakref.ref(values[site.name])
    site.in_forward(lambda owner: site.rebind(site.bindable()) or site.x)
    with _without_collecting():
        with contextlib.suppress(Exception):
            functional_call(site.module, values, site.x)
        site.rebind(site.own)
        del values

        assert alive() is None


@clause("restore.freed")
@with_site((*FLAT, NESTED[1]))
def test_tensors_that_forward_bound_are_freed_by_reference_counts(functional_call, site):
    values = {site.name: site.value()}
    alive = [weakref.ref(values[site.name])]

    def bind(owner):
        new = site.bindable()
        alive.append(weakref.ref(new))
        delattr(owner, site.key)
        (owner.register_parameter if isinstance(new, nn.Parameter) else owner.register_buffer)(site.key, new)

    site.in_forward(bind)
    with _without_collecting():
        functional_call(site.module, values, site.x)
        site.rebind(site.own)  # that the module does not keep the value is the law of other clauses
        del values

        assert [one() for one in alive] == [None] * 2


@clause("restore.freed")
@with_site(PARAMETRIZED)
def test_the_tensor_of_a_regular_name_is_freed_by_reference_counts(functional_call, site):
    values = {site.name: site.value()}
    alive = weakref.ref(values[site.name])
    with _without_collecting():
        with contextlib.suppress(Exception):  # that it is accepted is the law of parametrize.regular-name
            functional_call(site.module, values, site.x)
        del values

        assert alive() is None


@clause("restore.freed")
@returns_or_raises
def test_the_weights_of_a_recurrent_module_are_freed_by_reference_counts(functional_call, fails):
    module, x = nn.GRU(2, 2), torch.rand(3, 2)
    values = fresh_values(module)
    alive = [weakref.ref(value) for value in values.values()]
    with _without_collecting():
        with module.register_forward_hook(lambda *_: 1 / 0 if fails else None), raises_if(fails):
            functional_call(module, values, x)
        del values
        module(x)  # that its lists hold own weights before is the law of restore.recurrent

        assert [one() for one in alive] == [None] * len(alive)


@clause("restore.freed")
@returns_or_raises
def test_module_arguments_and_result_are_freed_by_reference_counts(functional_call, fails):
    module, x, keyword = nn.Sequential(nn.Linear(3, 2)), torch.ones(1, 7 if fails else 3), torch.ones(3)
    module.register_forward_pre_hook(lambda module, args, kwargs: (args, {}), with_kwargs=True)
    alive = [*map(weakref.ref, (module, module[0], x, keyword))]
    with _without_collecting():
        with raises_if(fails, RuntimeError):
            result = functional_call(module, fresh_values(module), (x,), {"keyword": keyword})
            alive.append(weakref.ref(result))
            del result
        del module, x, keyword

        assert [one() for one in alive] == [None] * len(alive)


@clause("restore.freed")
@pytest.mark.parametrize("what", [3, None, nn.Linear, lambda x: x], ids=["number", "none", "class", "function"])
def test_the_tensors_given_to_what_is_no_module_are_freed_by_reference_counts(functional_call, what):
    values = {"weight": torch.ones(3)}
    alive = weakref.ref(values["weight"])
    with _without_collecting():
        with contextlib.suppress(Exception):
            functional_call(what, values, torch.ones(3))
        del values

        assert alive() is None


class _Layer:
    """What a row of REFUSED asks for, of a module that nothing else refers to."""

    def __init__(self):
        self.module = nn.Sequential(nn.Linear(3, 2))
        self.name, self.other = "0.weight", "0.bias"

    def sibling_name(self, key):
        return f"0.{key}"


@clause("restore.freed")
@pytest.mark.parametrize("refused", REFUSED.values(), ids=REFUSED)
def test_the_module_of_a_refused_call_is_freed_by_reference_counts(functional_call, refused):
    layer, x = _Layer(), torch.ones(1, 3)
    alive = weakref.ref(layer.module)
    values, flags = refused(layer, torch.ones(2, 3))
    with _without_collecting():
        with contextlib.suppress(Exception):
            functional_call(layer.module, values, x, **flags)
        del layer

        assert alive() is None


@clause("restore.no-references")
def test_nothing_keeps_a_given_tensor_alive_whatever_is_given(functional_call, names):
    """Accepted or refused. The modules go, too: that they do not keep a value is the law of other clauses."""
    calls = [*various(names)]
    alive = [(call.kind, weakref.ref(value)) for call in calls for value in call.given()]
    for call in calls:
        call.attempt(functional_call)
    del call, calls
    gc.collect()

    assert [kind for kind, value in alive if value() is not None] == []


@clause("restore.no-references")
@with_site(FLAT)
def test_nothing_keeps_the_tensors_of_a_refused_call_alive(functional_call, site):
    value = site.value()
    alive = weakref.ref(value)
    with contextlib.suppress(Exception):
        functional_call(site.module, {site.name: value, "nowhere.weight": value}, site.x)
    site.rebind(site.own)
    del value
    gc.collect()

    assert alive() is None
