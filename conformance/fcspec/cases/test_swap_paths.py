"""swap: the parts of a name are keys, also where they look like positions, and whatever a container gives by `[...]`."""

import pytest
import torch
from torch import nn

from fcspec.cases.support.comparing import identical
from fcspec.plugin import clause
from fcspec.specimens.base import fresh_values, parameter, probe

KEYS = ("1", "0", "-1", "3", "01", "+1", "1_0", "\u0661")
"""None is the position that it stands at, and for int() all are numbers."""


def _raises(self, *_):
    raise TypeError("asked for what no call needs")


LOOKS = {
    "as they are": {},
    "without positions": dict.fromkeys(("__getitem__", "__len__", "__iter__", "__contains__"), _raises),
}


def _holding(names, root, look):
    """Containers of modules below a module: what owns each tensor, by name."""
    owners = {}
    for kind in (nn.Sequential, nn.ModuleList, nn.ModuleDict):
        way, container = names.attribute(), type(names.type(), (kind,), dict(look))()
        root.add_module(way, container)
        for key in KEYS:
            child = probe(names)
            child.register_parameter("weight", parameter())
            child.register_buffer("shift", torch.rand(3))
            container.add_module(key, child)
            owners |= {f"{way}.{key}.weight": child, f"{way}.{key}.shift": child}
    return owners


def _reordered_list():
    """A list whose parameters stand in another order than their numbers, as after one was deleted and set again."""
    parameters = nn.ParameterList([parameter() for _ in range(3)])
    store = vars(parameters)["_parameters"]
    store["0"] = store.pop("0")
    return parameters


ALL_FLAGS = pytest.mark.parametrize(
    "flags",
    [{}, {"tie_weights": False}, {"strict": True}, {"tie_weights": False, "strict": True}],
    ids=["default", "untied", "strict", "strict, untied"],
)


def _in_stores(owners):
    """What stands in the store of each owner under the last part of a name."""
    return [
        {**vars(owner)["_parameters"], **vars(owner)["_buffers"]}[name.rpartition(".")[2]]
        for name, owner in owners.items()
    ]


@clause("swap.nested")
@ALL_FLAGS
@pytest.mark.parametrize("look", LOOKS.values(), ids=LOOKS)
def test_a_number_in_a_path_is_a_key_and_no_position(functional_call, names, look, flags):
    root = probe(names, lambda self, x: x)
    owners, seen = _holding(names, root, look), []
    own, values = _in_stores(owners), fresh_values(root)
    root.register_forward_pre_hook(lambda *_: seen.extend(_in_stores(owners)))

    functional_call(root, values, torch.ones(3), **flags)

    assert identical(seen, [values[name] for name in owners])
    assert identical(_in_stores(owners), own)


@clause("swap.nested")
@ALL_FLAGS
def test_a_number_at_the_end_of_a_name_is_a_key_and_no_position(functional_call, names, flags):
    root, owners, seen = probe(names, lambda self, x: x), {}, []
    for container in (_reordered_list(), nn.ParameterDict({key: parameter() for key in KEYS})):
        way = names.attribute()
        root.add_module(way, container)
        owners |= {f"{way}.{key}": container for key in vars(container)["_parameters"]}
    own, values = _in_stores(owners), fresh_values(root)
    root.register_forward_pre_hook(lambda *_: seen.extend(_in_stores(owners)))

    functional_call(root, values, torch.ones(3), **flags)

    assert identical(seen, [values[name] for name in owners])
    assert identical(_in_stores(owners), own)


@clause("swap.nested")
@pytest.mark.parametrize("flags", [{}, {"tie_weights": False}], ids=["default", "untied"])
def test_a_number_in_the_path_of_one_given_name_is_a_key(functional_call, names, flags):
    root = probe(names, lambda self, x: x)
    owners, seen = _holding(names, root, {}), []
    own = _in_stores(owners)
    root.register_forward_pre_hook(lambda *_: seen.extend(_in_stores(owners)))
    for number, name in enumerate(owners):
        if name.endswith("weight"):
            value = torch.ones(3)
            functional_call(root, {name: value}, torch.ones(3), **flags)

            assert identical(seen, [*own[:number], value, *own[number + 1 :]])
            seen.clear()
