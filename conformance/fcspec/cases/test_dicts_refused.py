"""dicts: what is refused, or may be, and what the error names."""

import collections

import pytest
import torch
from torch import nn

from fcspec.cases.support.refusal import refused
from fcspec.cases.support.unprintable import Unprintable
from fcspec.plugin import clause
from fcspec.specimens.base import fresh_values, probe, with_site
from fcspec.specimens.sites import FLAT, flat_parameter, nested_parameter

Dicts = collections.namedtuple("Dicts", ["params", "buffers"])

WRONG = {
    "none": lambda name, value: None,
    "tensor": lambda name, value: value,
    "string": lambda name, value: name,
    "empty string": lambda name, value: "",
    "number": lambda name, value: 3,
    "set of names": lambda name, value: {name},
    "none among dicts": lambda name, value: ({name: value}, None),
    "tensor among dicts": lambda name, value: (value, {name: value}),
}


@clause("dicts.rejected")
@pytest.mark.parametrize("wrong", WRONG.values(), ids=WRONG)
@with_site((flat_parameter,))
def test_what_is_no_dict_is_refused_and_the_error_says_what_was_expected(functional_call, site, wrong):
    value = site.value()
    functional_call(site.module, {site.name: value}, site.x)

    with refused(site.module) as error:
        functional_call(site.module, wrong(site.name, value), site.x)

    assert any(word in str(error.value).lower() for word in ("dict", "mapping"))


@clause("dicts.list")
@pytest.mark.parametrize("kind", [list, iter, collections.deque, lambda dicts: Dicts(*dicts)])
@with_site((flat_parameter,))
def test_dicts_in_an_iterable_that_is_no_tuple(functional_call, site, kind, observe):
    value, seen = site.value(), []
    site.in_forward(lambda owner: seen.append(site.current()))
    try:
        functional_call(site.module, kind([{site.name: value}, {site.other: site.value(2)}]), site.x)
        observe("accepted" if seen[0] is value else "ignored")
    except Exception as error:
        observe(type(error).__name__)


BAD_VALUES = {
    "number": 3.0,
    "string": "zeros",
    "list": [1.0],
    "array": torch.ones(3, device="cpu").numpy(),
    "module": nn.Identity(),
    "what has no text": Unprintable(),
}


@clause("dicts.bad-value")
@pytest.mark.parametrize("bad", BAD_VALUES.values(), ids=BAD_VALUES)
@with_site((flat_parameter, nested_parameter))
def test_a_value_that_is_no_tensor_is_refused_by_its_key(functional_call, site, bad):
    functional_call(site.module, {site.other: site.value(), site.name: site.value()}, site.x)

    with refused(site.module) as error:
        functional_call(site.module, {site.other: site.value(), site.name: bad}, site.x)

    assert site.name in str(error.value)


@clause("dicts.bad-value")
@with_site((flat_parameter, nested_parameter))
def test_a_value_that_holds_or_makes_a_tensor_or_goes_to_a_new_name_is_refused_by_its_key(functional_call, names, site):
    new, tensor = site.sibling_name(names.attribute()), torch.ones(3)
    functional_call(site.module, {site.name: tensor, site.other: tensor}, site.x)

    for bad in (*BAD_VALUES.values(), lambda: tensor, {"value": tensor}, (tensor,), [tensor], torch.Tensor):
        for name, other in ((site.name, site.other), (new, site.name)):
            with refused(site.module) as error:
                functional_call(site.module, {other: tensor, name: bad}, site.x)

            assert name in str(error.value)


@clause("dicts.none-value")
@with_site(FLAT)
def test_none_as_a_value(functional_call, site, observe):
    seen = []
    site.in_forward(lambda owner: seen.append(site.current()) or torch.zeros(()))
    try:
        functional_call(site.module, {site.name: None}, site.x)
        observe("accepted" if seen == [None] else "ignored")
    except Exception as error:
        observe(type(error).__name__)


@clause("dicts.bad-name")
@pytest.mark.parametrize("bad", [4711, ("weight",), b"weight", None], ids=repr)
@with_site((flat_parameter,))
def test_a_name_that_is_no_string_is_refused_by_name(functional_call, site, bad):
    values = fresh_values(site.module)
    for flags in ({}, {"tie_weights": False}, {"strict": True}):
        functional_call(site.module, values, site.x, **flags)

        with refused(site.module) as error:
            functional_call(site.module, {**values, bad: site.value()}, site.x, **flags)

        assert str(bad) in str(error.value)


@clause("dicts.bad-name")
@with_site((flat_parameter,))
def test_of_a_name_that_is_no_string_and_a_string_that_is_no_name_one_is_named(functional_call, names, site):
    values, extra = fresh_values(site.module), names.attribute()
    functional_call(site.module, values, site.x, strict=True)

    for wrong in ((4711, extra), (extra, 4711)):
        with refused(site.module) as error:
            functional_call(site.module, {**values, **dict.fromkeys(wrong, site.value())}, site.x, strict=True)

        assert any(str(name) in str(error.value) for name in wrong)


@clause("dicts.bad-name")
@with_site((flat_parameter, nested_parameter))
def test_an_empty_name_is_refused(functional_call, site):
    functional_call(site.module, {site.name: site.value()}, site.x)

    with refused(site.module):
        functional_call(site.module, {site.name: site.value(), "": site.value()}, site.x)


@clause("dicts.bad-name")
@pytest.mark.parametrize("flags", [{}, {"tie_weights": False}], ids=["default", "untied"])
@with_site((flat_parameter, nested_parameter))
def test_a_name_without_an_owner_is_refused_by_name(functional_call, names, site, flags):
    missing = names.attribute()
    wrong = f"{site.name.rpartition('.')[0]}.{missing}.{site.key}".lstrip(".")
    functional_call(site.module, {site.name: site.value()}, site.x, **flags)

    with refused(site.module) as error:
        functional_call(site.module, {site.name: site.value(), wrong: site.value()}, site.x, **flags)

    assert missing in str(error.value)


@clause("dicts.bad-name")
@pytest.mark.parametrize("flags", [{}, {"tie_weights": False}], ids=["default", "untied"])
@with_site((flat_parameter, nested_parameter))
def test_a_name_below_what_is_no_module_is_refused_by_name(functional_call, names, site, flags):
    none, number = names.attribute(), names.attribute()
    site.owner.add_module(none, None)
    setattr(site.owner, number, 0.5)
    functional_call(site.module, {site.name: site.value()}, site.x, **flags)

    for part in (none, number, site.key, "forward"):
        with refused(site.module) as error:
            wrong = site.sibling_name(f"{part}.{site.key}")
            functional_call(site.module, {site.name: site.value(), wrong: site.value()}, site.x, **flags)

        assert part in str(error.value)


@clause("dicts.bad-name")
@with_site((flat_parameter, nested_parameter))
def test_what_is_almost_a_name_is_refused(functional_call, site):
    path, _, key = site.name.rpartition(".")
    wrappers = "module", "model", "self", "_orig_mod", "_fsdp_wrapped_module", "_checkpoint_wrapped_module"
    almost = [f"{prefix}.{site.name}" for prefix in ("", ".", *wrappers)]
    functional_call(site.module, {site.name: site.value(), site.other: site.value()}, site.x)

    for name in (*almost, f"{site.name}.", f"{path}..{key}"):
        with refused(site.module):
            functional_call(site.module, {name: site.value(), site.other: site.value()}, site.x)


@clause("dicts.bad-name")
@pytest.mark.parametrize(
    "container", [nn.Sequential, lambda *layers: nn.ModuleList(layers)], ids=["Sequential", "list"]
)
def test_what_is_almost_a_position_is_refused(functional_call, names, container):
    layers = container(nn.Linear(1, 1), nn.Linear(1, 1))
    root, key = probe(names, lambda self, x: x), names.attribute()
    root.add_module(key, layers)
    x, value = torch.ones(()), torch.ones(1, 1)
    functional_call(root, {f"{key}.0.weight": value, f"{key}.1.weight": value}, x)

    for almost in (
        "-1",
        "00",
        "+1",
        " 1",
        "1 ",
        "1.0",
        "0x1",
        "1_",
        "\uff11",
        "True",
        "2",
        "[1]",
        "__class__",
        "append",
    ):
        with refused(root):
            functional_call(root, {f"{key}.0.weight": value, f"{key}.{almost}.weight": value}, x)


@clause("dicts.bad-name")
@with_site((flat_parameter, nested_parameter))
def test_a_name_of_which_several_parts_are_missing_is_refused_by_name(functional_call, names, site):
    missing = [names.attribute() for _ in range(3)]
    wrong = site.sibling_name(".".join(missing))
    functional_call(site.module, {site.name: site.value()}, site.x)

    with refused(site.module) as error:
        functional_call(site.module, {site.name: site.value(), wrong: site.value()}, site.x)

    assert any(part in str(error.value) for part in missing)


@clause("dicts.not-a-tensor")
@with_site((flat_parameter, nested_parameter))
def test_a_name_that_is_no_tensor_is_refused_behind_one_that_does_not_exist(functional_call, names, site):
    functional_call(site.module, {site.name: site.value()}, site.x)

    with refused(site.module):
        values = {site.sibling_name(key): site.value() for key in (names.attribute(), "forward", "training")}
        functional_call(site.module, values, site.x)


@clause("dicts.not-a-tensor")
@pytest.mark.parametrize("what", ["forward", "training", "child", "attribute", "class attribute"])
@with_site((flat_parameter, nested_parameter))
def test_the_name_of_something_that_is_no_tensor_is_refused(functional_call, names, site, what):
    key = names.attribute()
    if what == "child":
        site.owner.add_module(key, nn.Identity())
    elif "attribute" in what:
        setattr(type(site.owner) if "class" in what else site.owner, key, 0.0)
    else:
        key = what
    wrong = site.sibling_name(key)
    functional_call(site.module, {site.name: site.value()}, site.x)

    with refused(site.module):
        functional_call(site.module, {site.name: site.value(), wrong: site.value()}, site.x)
