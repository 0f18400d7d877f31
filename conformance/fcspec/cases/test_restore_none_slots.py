"""restore: slots that hold None stay, whatever forward does to the store that they stand in."""

import itertools

import torch
from torch import nn

from fcspec.cases.support.outcomes import raises_if
from fcspec.plugin import clause
from fcspec.specimens.base import probe

STORES = ("_parameters", "_buffers")


def _tensor(store):
    return nn.Parameter(torch.zeros(3)) if store == "_parameters" else torch.zeros(3)


def _register(owner, store, key, value):
    """Register it as forward would."""
    (owner.register_parameter if store == "_parameters" else owner.register_buffer)(key, value)


def _anew(owner, store, key):
    delattr(owner, key)
    _register(owner, store, key, _tensor(store))


CHANGES = {
    "adds a name": lambda owner, store: _register(owner, store, "added", _tensor(store)),
    "adds None": lambda owner, store: _register(owner, store, "added", None),
    "deletes the given one": lambda owner, store: delattr(owner, "given"),
    "deletes another one": lambda owner, store: delattr(owner, "other"),
    "binds the given one": lambda owner, store: setattr(owner, "given", _tensor(store)),
    "binds the given one to None": lambda owner, store: setattr(owner, "given", None),
    "binds the empty one": lambda owner, store: setattr(owner, "empty", _tensor(store)),
    "registers the given one anew": lambda owner, store: _anew(owner, store, "given"),
    "registers another one anew": lambda owner, store: _anew(owner, store, "other"),
}
ENDS: tuple[tuple[bool, dict[str, bool]], ...] = ((False, {}), (False, {"tie_weights": False}), (True, {}))


def _module(kind, store, in_forward):
    """A module that has None, and tensors, in each store; those of the one have the names that forward changes."""
    root = kind()
    for one in STORES:
        of_store = {"first": None, "given": _tensor(one), "empty": None, "other": _tensor(one), "last": None}
        for key, value in of_store.items():
            _register(root, one, key if one == store else f"{key}_beside", value)
    root.register_forward_pre_hook(in_forward)
    return root


@clause("restore.objects")
def test_a_slot_in_which_forward_left_none_holds_none(functional_call, names):
    """What was given, and what forward bound, is the law of other clauses."""
    kind, left = type(probe(names, lambda self, x: x)), {}

    def act(root, _):
        CHANGES[change](root, store)
        left.update({one: {**vars(root)[one]} for one in STORES})
        return 1 / 0 if fails else None

    for change, store, (fails, flags) in itertools.product(CHANGES, STORES, ENDS):
        root = _module(kind, store, act)
        with raises_if(fails):
            functional_call(root, {"given": torch.ones(3), "given_beside": torch.ones(3)}, torch.ones(3), **flags)

        for one in STORES:
            empty = [key for key, value in left[one].items() if value is None and key not in ("given", "added")]
            assert [key for key in empty if vars(root)[one].get(key, 0) is not None] == [], f"forward {change}"


@clause("restore.objects")
def test_a_given_slot_holds_none_again(functional_call, names):
    kind = type(probe(names, lambda self, x: x))
    for change, store, (_, flags) in itertools.product(
        ("adds a name", "deletes another one", "registers another one anew"), STORES, ENDS[:2]
    ):
        root = _module(kind, store, lambda root, _, change=change, store=store: CHANGES[change](root, store))
        values = {key: nn.Parameter(torch.ones(3)) for key in ("empty", "last", "empty_beside")}

        functional_call(root, values, torch.ones(3), **flags)

        held = {**vars(root)["_parameters"], **vars(root)["_buffers"]}
        assert {key: held[key] for key in values} == dict.fromkeys(values), f"forward {change}"
