"""restore: slots that hold None stay, whatever forward does to the store that they stand in."""

import itertools

import pytest
import torch
from torch import nn

from fcspec.cases.support.outcomes import raises_if
from fcspec.plugin import clause
from fcspec.specimens.base import parameter, probe

STORES = ("_parameters", "_buffers")


def _tensor(owner, store):
    return parameter() if store == "_parameters" else torch.zeros(3)


def _register(owner, store, key, value):
    """Register it as forward would."""
    if store == "_parameters":
        owner.register_parameter(key, value)
    else:
        owner.register_buffer(key, value)


def _anew(owner, store, key):
    delattr(owner, key)
    _register(owner, store, key, _tensor(owner, store))


CHANGES = {
    "adds a name": lambda owner, store: _register(owner, store, "added", _tensor(owner, store)),
    "adds None": lambda owner, store: _register(owner, store, "added", None),
    "deletes the given one": lambda owner, store: delattr(owner, "given"),
    "deletes another one": lambda owner, store: delattr(owner, "other"),
    "binds the given one": lambda owner, store: setattr(owner, "given", _tensor(owner, store)),
    "binds the given one to None": lambda owner, store: setattr(owner, "given", None),
    "binds the empty one": lambda owner, store: setattr(owner, "empty", _tensor(owner, store)),
    "registers the given one anew": lambda owner, store: _anew(owner, store, "given"),
    "registers another one anew": lambda owner, store: _anew(owner, store, "other"),
}


def _module(names, store, given_first):
    """A module with None, and with tensors, in each store; its forward is a hook of the case."""
    root = probe(names, lambda self, x: x)
    for one in STORES:
        of_store = {"given": _tensor(root, one), "empty": None, "other": _tensor(root, one), "last": None}
        for key, value in of_store.items() if given_first else reversed(of_store.items()):
            _register(root, one, key if one == store else f"{key}_beside", value)
    return root


@clause("restore.objects")
@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_what_was_not_given_is_as_forward_left_it(functional_call, names, change):
    """What was given is the law of other clauses."""
    for store, fails, given_first, flags in itertools.product(
        STORES, (False, True), (True, False), ({}, {"tie_weights": False})
    ):
        root, left = _module(names, store, given_first), []

        def act(root, _, store=store, fails=fails, left=left):
            change(root, store)
            left.extend({**vars(root)[one]} for one in STORES)
            return 1 / 0 if fails else None

        root.register_forward_pre_hook(act)
        with raises_if(fails):
            functional_call(root, {"given": torch.ones(3), "given_beside": torch.ones(3)}, torch.ones(3), **flags)

        for one, expected in zip(STORES, left, strict=True):
            now = vars(root)[one]
            others = [key for key in {**expected, **now} if not key.startswith("given")]
            assert [key for key in others if key not in now or key not in expected] == []
            assert [key for key in others if now[key] is not expected[key]] == []


@clause("restore.objects")
@pytest.mark.parametrize("change", ["adds a name", "deletes another one", "registers another one anew"])
def test_a_given_slot_holds_none_again(functional_call, names, change):
    for store, flags in itertools.product(STORES, ({}, {"tie_weights": False})):
        root = _module(names, store, given_first=True)
        root.register_forward_pre_hook(lambda root, _, store=store: CHANGES[change](root, store))
        values = {key: nn.Parameter(torch.ones(3)) for key in ("empty", "last", "empty_beside")}

        functional_call(root, values, torch.ones(3), **flags)

        held = {**root._parameters, **root._buffers}
        assert [(key, held[key]) for key in values] == [(key, None) for key in values]
