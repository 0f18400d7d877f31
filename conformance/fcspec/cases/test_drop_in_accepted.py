"""drop-in: what torch.func.functional_call accepts beyond the documentation."""

import pytest
import torch
from torch import nn

from fcspec.cases.support import closeness  # noqa: F401
from fcspec.cases.support.comparing import equal, identical
from fcspec.cases.support.refusal import refused
from fcspec.cases.support.release import RELEASE
from fcspec.cases.support.subclasses import KINDS_OF_SUBCLASS, PLAIN_SUBCLASSES, plain_subclass
from fcspec.plugin import clause, unsupported
from fcspec.specimens import oracle
from fcspec.specimens.base import fresh_values, parameter, with_group, with_site
from fcspec.specimens.groups import ALL_PAIRS
from fcspec.specimens.sites import BUFFERS, FLAT, NESTED, SITES
from fcspec.state.module_state import snapshot


@clause("drop-in.list")
@pytest.mark.parametrize("flags", [{}, {"strict": True}, {"tie_weights": False}], ids=["default", "strict", "untied"])
@with_site((*FLAT, *NESTED))
def test_a_list_of_dicts_acts_as_a_tuple(functional_call, site, flags):
    values = fresh_values(site.module)
    rest = {name: value for name, value in values.items() if name != site.name}
    expected = oracle.result(site.module, values, site.x)

    assert equal(functional_call(site.module, [{site.name: values[site.name]}, rest], site.x, **flags), expected)
    assert equal(functional_call(site.module, [values], site.x, **flags), expected)


@clause("drop-in.list")
@with_site(FLAT)
def test_a_name_in_two_dicts_of_a_list_is_an_error(functional_call, site):
    value = site.value()
    functional_call(site.module, [{site.name: value}, {site.other: value}], site.x)

    for dicts in ([{site.name: value}, {site.name: value}], [{site.name: value}, {}, {site.name: site.value(2)}]):
        with refused(site.module):
            functional_call(site.module, dicts, site.x)


@clause("drop-in.list")
@with_site(FLAT)
def test_an_empty_list_gives_nothing(functional_call, site):
    assert equal(functional_call(site.module, [], site.x), site.module(site.x))


@clause("drop-in.args-none")
@pytest.mark.parametrize("args", [(), (None,)], ids=["omitted", "None"])
@pytest.mark.parametrize("kwargs", [{}, {"kwargs": None}, {"kwargs": {}}, {"kwargs": {"x": 1}}], ids=str)
def test_no_args_are_no_positional_arguments(functional_call, names, args, kwargs):
    if RELEASE < (2, 6):
        unsupported("torch's args is required, and None one argument, before torch 2.6")
    module = type(names.type(), (nn.Linear,), {"forward": lambda self, *args, **kwargs: (args, kwargs)})(1, 1)

    expected = (), dict(kwargs.get("kwargs") or {})

    assert functional_call(module, {"weight": torch.ones(1, 1)}, *args, **kwargs) == expected


@clause("drop-in.none-value")
@pytest.mark.parametrize("flags", [{}, {"tie_weights": False}], ids=["default", "untied"])
@with_site(SITES)
def test_forward_sees_none_and_the_module_comes_back(functional_call, site, flags):
    seen, before = [], snapshot(site.module)
    site.in_forward(lambda owner: (seen.append(site.current()), site.x)[1])

    functional_call(site.module, {site.name: None}, site.x, **flags)

    assert seen == [None]
    assert snapshot(site.module).slots[site.name] == before.slots[site.name]


@clause("drop-in.none-value")
@with_site(SITES)
def test_what_forward_binds_in_the_place_of_none_is_in_the_dict(functional_call, site):
    values, bound = {site.name: None}, []

    def act(owner):
        setattr(owner, site.key, site.bindable())
        bound.append(site.current())
        return site.x

    site.in_forward(act)
    functional_call(site.module, values, site.x)

    assert values[site.name] is bound[0]


@clause("drop-in.none-value")
@with_group(ALL_PAIRS)
def test_none_for_some_names_of_a_tied_group_is_none_for_all(functional_call, group):
    seen = []
    group.in_forward(lambda module: seen.append(group.current()) or group.x)

    for given in (group.names[:1], group.names[1:], group.names):
        functional_call(group.module, dict.fromkeys(given), group.x, tie_weights=True)

    assert [[*one] for one in seen] == [[None, None]] * 3


@clause("drop-in.none-value")
@pytest.mark.parametrize(
    ("make", "shape"),
    [(lambda: nn.Linear(3, 2), (4, 3)), (lambda: nn.Conv1d(3, 2, 2), (4, 3, 5)), (lambda: nn.LayerNorm(3), (4, 3))],
    ids=["Linear", "Conv1d", "LayerNorm"],
)
def test_none_stands_for_no_bias(functional_call, make, shape):
    module, x = make(), torch.rand(shape)
    nn.init.ones_(module.bias)

    actual = functional_call(module, {"bias": None}, x)

    torch.testing.assert_close(actual, oracle.result(module, {"bias": torch.zeros_like(module.bias)}, x))


@clause("drop-in.extra-name")
@pytest.mark.parametrize(
    "make",
    [
        lambda: torch.rand(3),
        parameter,
        lambda: torch.rand(3, requires_grad=True),
        lambda: parameter() * 1,
        lambda: None,
    ],
    ids=["tensor", "parameter", "requires grad", "no leaf", "none"],
)
@with_site((*FLAT, *NESTED))
def test_forward_sees_a_tensor_under_a_new_name(functional_call, names, site, make):
    key, value, seen = names.attribute(), make(), []
    site.in_forward(lambda owner: (seen.append(getattr(owner, key, "nothing")), site.x)[1])

    functional_call(site.module, {site.sibling_name(key): value}, site.x)

    assert seen[0] is value
    assert not hasattr(site.owner, key)


@clause("drop-in.extra-name")
@pytest.mark.parametrize("flags", [{}, {"tie_weights": False}], ids=["default", "untied"])
@with_site((*FLAT, *NESTED))
def test_a_parameter_under_a_new_name_is_registered_last_and_a_tensor_is_not(functional_call, names, site, flags):
    given = [parameter(), torch.rand(3), *(kind(names, torch.rand(3)) for kind in KINDS_OF_SUBCLASS), parameter()]
    values, seen = {names.attribute(): value for value in given}, []
    expected = [*dict(site.owner.named_parameters(recurse=False))]
    expected += [key for key, value in values.items() if isinstance(value, nn.Parameter)]

    def look(owner):
        seen.append([*dict(owner.named_parameters(recurse=False))])
        seen.append([getattr(owner, key, None) for key in values])
        return site.x

    site.in_forward(look)
    functional_call(site.module, {site.sibling_name(key): value for key, value in values.items()}, site.x, **flags)

    assert seen[0] == expected
    assert identical(seen[1], given)


@clause("drop-in.extra-buffer")
@pytest.mark.parametrize("persistent", [True, False], ids=["persistent", "not persistent"])
@with_site((*FLAT, *NESTED))
def test_a_buffer_under_a_new_name_is_registered_as_persistent_as_it_says(functional_call, names, site, persistent):
    if not hasattr(nn, "Buffer"):
        unsupported("nn.Buffer came with torch 2.5")
    key, value, seen = names.attribute(), nn.Buffer(torch.rand(3), persistent=persistent), []
    before, keys = snapshot(site.module), list(site.owner.state_dict())

    def look(owner):
        seen.append((getattr(owner, key), owner.get_buffer(key), list(owner.state_dict())))
        return site.x

    site.in_forward(look)
    functional_call(site.module, {site.sibling_name(key): value}, site.x)

    ((attribute, registered, listed),) = seen
    assert (attribute is value, registered is value) == (True, True)
    assert sorted(listed) == sorted([*keys, key] if persistent else keys)
    after = snapshot(site.module)
    assert after.parts("slots", "plain", "order", "shape") == before.parts("slots", "plain", "order", "shape")


@clause("drop-in.plain-attribute")
@with_site((*FLAT, *NESTED))
def test_a_plain_tensor_attribute_can_be_given(functional_call, names, site):
    values, seen = [torch.rand(3), None, plain_subclass(names, torch.rand(3))], []
    for own in (torch.rand(3), *(kind(names, torch.rand(3)) for kind in PLAIN_SUBCLASSES)):
        key = names.attribute()
        vars(site.owner)[key] = own
        site.in_forward(lambda owner, key=key: (seen.append(getattr(owner, key)), site.x)[1])

        for value in values:
            functional_call(site.module, {site.sibling_name(key): value, site.name: site.value()}, site.x)

            assert seen.pop() is value
            assert vars(site.owner)[key] is own


@clause("drop-in.plain-attribute")
@with_site(BUFFERS)
def test_a_plain_attribute_that_holds_an_own_tensor_too_takes_a_value_of_its_own(functional_call, names, site):
    key, value, seen = names.attribute(), torch.rand(3), []
    vars(site.owner)[key] = site.own
    site.in_forward(lambda owner: (seen.append(getattr(owner, key)), site.x)[1])

    functional_call(site.module, {site.sibling_name(key): value, site.name: site.value()}, site.x)

    assert seen[0] is value
    assert vars(site.owner)[key] is site.own
