"""swap: the parts of a name are keys, also where they look like positions, and whatever a container gives by `[...]`."""

import pytest
import torch
from torch import nn

from fcspec.cases.support.comparing import identical
from fcspec.plugin import clause
from fcspec.specimens.base import probe

KEYS = ("1", "0", "-1", "3", "01", "+1", "\u0661")
"""None is the position that it stands at, and for int() all are numbers."""

ALL_FLAGS: tuple[dict[str, bool], ...] = (
    {},
    {"tie_weights": False},
    {"strict": True},
    {"tie_weights": False, "strict": True},
)


def _raises(self, *_):
    raise TypeError("asked for what no call needs")


LOOK = dict.fromkeys(("__getitem__", "__iter__", "__contains__"), _raises)


def _containers(names):
    """As they are, and with methods that give no position."""
    yield nn.Sequential()
    for kind in (nn.Sequential, nn.ModuleList, nn.ModuleDict):
        yield type(names.type(), (kind,), LOOK)()


def _holding(names, root, containers):
    """Put modules into containers, and these below a module: what owns each tensor, by name."""
    owners = {}
    for container in containers:
        way = names.attribute()
        root.add_module(way, container)
        for key in KEYS:
            child = nn.Module()
            child.register_buffer("shift", torch.zeros(3))
            container.add_module(key, child)
            owners[f"{way}.{key}.shift"] = child
    return owners


def _reordered_list():
    """A list whose parameters stand in another order than their numbers, as after one was deleted and set again."""
    parameters = nn.ParameterList([nn.Parameter(torch.zeros(3)) for _ in range(3)])
    store = vars(parameters)["_parameters"]
    store["0"] = store.pop("0")
    return parameters


def _in_stores(owners):
    """What stands in the store of each owner under the last part of a name."""
    stores = [{**vars(owner)["_parameters"], **vars(owner)["_buffers"]} for owner in owners.values()]
    return [store[name.rpartition(".")[2]] for name, store in zip(owners, stores, strict=True)]


@clause("swap.nested")
def test_a_number_in_a_name_is_a_key_and_no_position(functional_call, names):
    root, seen = probe(names, lambda self, x: x), []
    owners = _holding(names, root, _containers(names))
    for container in (_reordered_list(), nn.ParameterDict({key: torch.zeros(3) for key in KEYS})):
        way = names.attribute()
        root.add_module(way, container)
        owners |= {f"{way}.{key}": container for key in vars(container)["_parameters"]}
    own, values = _in_stores(owners), {name: torch.ones(3) for name in owners}
    root.register_forward_pre_hook(lambda *_: seen.extend(_in_stores(owners)))
    for flags in ALL_FLAGS:
        functional_call(root, values, torch.ones(3), **flags)

        assert identical(seen, [*values.values()])
        assert identical(_in_stores(owners), own)
        seen.clear()


@clause("swap.nested")
@pytest.mark.parametrize("flags", [{}, {"tie_weights": False}], ids=["default", "untied"])
def test_a_number_in_the_path_of_one_given_name_is_a_key(functional_call, names, flags):
    root, seen = probe(names, lambda self, x: x), []
    owners = _holding(names, root, [nn.Sequential()])
    own = _in_stores(owners)
    root.register_forward_pre_hook(lambda *_: seen.extend(_in_stores(owners)))
    for number, name in enumerate(owners):
        value = torch.ones(3)
        functional_call(root, {name: value}, torch.ones(3), **flags)

        assert identical(seen, [*own[:number], value, *own[number + 1 :]])
        seen.clear()
