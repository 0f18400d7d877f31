"""drop-in: in the place of torch.func.functional_call.

That a call is an error at all is a law of core, and SPEC.md's examples here ask for it; the cases look at what error it is.
"""

import re

import pytest
import torch
from torch import nn

from fcspec.plugin import clause, unsupported
from fcspec.specimens import oracle
from fcspec.specimens.base import with_site, with_group, fresh_values, parameter
from fcspec.specimens.groups import ALL_PAIRS, LARGE
from fcspec.specimens.sites import FLAT, NESTED, SITES, flat_parameter, nested_buffer, nested_parameter
from fcspec.state.module_state import snapshot

RELEASE = tuple(map(int, torch.__version__.split(".")[:2]))


def error_of(functional_call, *args, **kwargs):
    """The error that this call is; None where it is none."""
    try:
        functional_call(*args, **kwargs)
    except Exception as error:
        return error
    return None


def is_kind_if_raised(kind, says, error):
    return error is None or (isinstance(error, kind) and says in str(error))


@clause("drop-in.list")
@pytest.mark.parametrize("flags", [{}, {"strict": True}, {"tie_weights": False}], ids=["default", "strict", "untied"])
@with_site((*FLAT, *NESTED))
def test_a_list_of_dicts_acts_as_a_tuple(functional_call, site, flags):
    values = fresh_values(site.module)
    rest = {name: value for name, value in values.items() if name != site.name}
    expected = oracle.result(site.module, values, site.x)

    assert torch.equal(functional_call(site.module, [{site.name: values[site.name]}, rest], site.x, **flags), expected)
    assert torch.equal(functional_call(site.module, [values], site.x, **flags), expected)


@clause("drop-in.list")
@with_site(FLAT)
def test_an_empty_list_gives_nothing(functional_call, site):
    assert torch.equal(functional_call(site.module, [], site.x), site.module(site.x))


@clause("drop-in.args-none")
@pytest.mark.parametrize("args", [(), (None,)], ids=["omitted", "None"])
@pytest.mark.parametrize("kwargs", [{}, {"kwargs": None}, {"kwargs": {}}, {"kwargs": {"x": 1}}], ids=str)
def test_no_args_are_no_positional_arguments(functional_call, names, args, kwargs):
    if RELEASE < (2, 6):
        unsupported("torch's args is required, and None one argument, before torch 2.6")
    module = type(names.type(), (nn.Linear,), {"forward": lambda self, *args, **kwargs: (args, kwargs)})(1, 1)

    expected = (), dict(kwargs.get("kwargs") or {})

    assert functional_call(module, {"weight": torch.ones(1, 1)}, *args, **kwargs) == expected


@clause("drop-in.duplicate-error")
@pytest.mark.parametrize("flags", [{}, {"strict": True}, {"tie_weights": False}], ids=["default", "strict", "untied"])
@with_site((flat_parameter, nested_buffer))
def test_a_name_in_two_dicts_is_a_value_error(functional_call, site, flags):
    values = fresh_values(site.module)
    functional_call(site.module, (values, {}), site.x, **flags)

    error = error_of(functional_call, site.module, (values, {site.name: site.value()}), site.x, **flags)

    assert is_kind_if_raised(ValueError, "appeared in multiple dictionaries", error), repr(error)


NO_DICTS = {
    "None": lambda values: None,
    "tensor": lambda values: torch.ones(3),
    "number": lambda values: 7,
    "str": lambda values: "weight",
    "pairs": lambda values: list(values.items()),
    "set": lambda values: set(values),
    "generator": lambda values: (values for _ in range(1)),
    "tuple with None": lambda values: (values, None),
    "tuple in tuple": lambda values: (values, (values,)),
}


@clause("drop-in.container-error")
@pytest.mark.parametrize("make", NO_DICTS.values(), ids=NO_DICTS)
@with_site((flat_parameter, nested_parameter))
def test_no_dict_is_a_value_error(functional_call, site, make):
    values = {site.name: site.value()}
    functional_call(site.module, values, site.x)

    error = error_of(functional_call, site.module, make(values), site.x)

    assert is_kind_if_raised(ValueError, "", error), repr(error)


@clause("drop-in.tie-error")
@with_group((*ALL_PAIRS, *LARGE))
def test_different_values_for_tied_names_are_a_value_error(functional_call, group):
    values = {name: group.value(seed) for seed, name in enumerate(group.names)}
    functional_call(group.module, dict.fromkeys(group.names, group.value()), group.x)

    error = error_of(functional_call, group.module, values, group.x)

    assert is_kind_if_raised(ValueError, "got multiple values for keys", error), repr(error)


def strict_error(functional_call, site, values, **flags):
    """The error of a call with strict=True: its type, and the keys as its message lists them; None where it is none."""
    error = error_of(functional_call, site.module, values, site.x, strict=True, **flags)
    if error is None:
        return None
    return type(error), re.findall(r"(?:Unexpected|Missing) key\(s\): .*?'\.", str(error))


def listed(label, keys):
    return f"{label} key(s): {', '.join(map(repr, sorted(keys)))}."


@clause("drop-in.strict-error")
@with_site(SITES)
def test_missing_names_are_listed_in_a_runtime_error(functional_call, site):
    values = fresh_values(site.module)
    functional_call(site.module, values, site.x, strict=True)

    one = strict_error(functional_call, site, {key: value for key, value in values.items() if key != site.name})
    every = strict_error(functional_call, site, {})

    assert one in (None, (RuntimeError, [listed("Missing", [site.name])]))
    assert every in (None, (RuntimeError, [listed("Missing", values)]))


@clause("drop-in.strict-error")
@with_site((*FLAT, nested_parameter))
def test_unexpected_names_are_listed_first(functional_call, names, site):
    values, extra = fresh_values(site.module), [names.attribute() for _ in range(2)]
    functional_call(site.module, values, site.x, strict=True)
    more = {**values, **dict.fromkeys(sorted(extra, reverse=True), torch.ones(3))}

    alone = strict_error(functional_call, site, more)
    del more[site.name]
    both = strict_error(functional_call, site, more)

    assert alone in (None, (RuntimeError, [listed("Unexpected", extra)]))
    assert both in (None, (RuntimeError, [listed("Unexpected", extra), listed("Missing", [site.name])]))


@clause("drop-in.strict-error")
@with_group(ALL_PAIRS)
def test_a_group_that_is_missing_is_listed_with_all_its_names(functional_call, group):
    values = {name: value for name, value in fresh_values(group.module).items() if name not in group.names}
    functional_call(group.module, {**values, group.names[0]: group.value()}, group.x, strict=True)

    found = strict_error(functional_call, group, values)

    assert found in (None, (RuntimeError, [listed("Missing", group.names)]))


@clause("drop-in.strict-error")
@with_group(ALL_PAIRS)
def test_without_ties_every_name_counts(functional_call, group):
    values = {name: value for name, value in fresh_values(group.module).items() if name != group.names[1]}
    functional_call(group.module, fresh_values(group.module), group.x, strict=True, tie_weights=False)

    found = strict_error(functional_call, group, values, tie_weights=False)

    assert found in (None, (RuntimeError, [listed("Missing", group.names[1:])]))


NO_TENSORS = {
    "float": 1.0,
    "bool": True,
    "str": "weight",
    "object": object(),
    "class": torch.Tensor,
    "tuple": (torch.ones(3),),
}


@clause("drop-in.value-error")
@pytest.mark.parametrize("value", NO_TENSORS.values(), ids=NO_TENSORS)
@with_site((flat_parameter, nested_buffer))
def test_a_value_that_is_no_tensor_is_a_type_error(functional_call, site, value):
    functional_call(site.module, {site.name: site.value()}, site.x)

    error = error_of(functional_call, site.module, {site.name: value}, site.x)

    assert is_kind_if_raised(TypeError, "is not an instance of torch.Tensor", error), repr(error)


@clause("drop-in.attribute-error")
@pytest.mark.parametrize("value", [torch.ones(3), nn.Parameter(torch.ones(3))], ids=["tensor", "parameter"])
@pytest.mark.parametrize("key", ["number", "training", "forward"])
@with_site((flat_parameter, nested_parameter))
def test_the_name_of_an_attribute_that_is_no_tensor_is_a_type_error(functional_call, site, key, value):
    site.owner.number = 0.5
    functional_call(site.module, {site.name: site.value()}, site.x)

    error = error_of(functional_call, site.module, {site.sibling_name(key): value}, site.x)

    assert is_kind_if_raised(TypeError, "", error), repr(error)


@clause("drop-in.attribute-error")
@with_site(NESTED)
def test_the_name_of_a_submodule_is_a_type_error(functional_call, site):
    functional_call(site.module, {site.name: site.value()}, site.x)

    error = error_of(functional_call, site.module, {site.name.partition(".")[0]: site.value()}, site.x)

    assert is_kind_if_raised(TypeError, "", error), repr(error)


@clause("drop-in.owner-error")
@pytest.mark.parametrize("depth", [1, 2])
@with_site((*FLAT, *NESTED))
def test_a_name_whose_owner_does_not_exist_is_an_attribute_error(functional_call, names, site, depth):
    key = ".".join([*(names.attribute() for _ in range(depth)), site.key])
    functional_call(site.module, {site.name: site.value()}, site.x)

    for name in {key, site.sibling_name(key)}:
        error = error_of(functional_call, site.module, {name: site.value()}, site.x)

        assert is_kind_if_raised(AttributeError, "has no attribute", error), repr(error)


@clause("drop-in.empty-name-error")
@with_site((*FLAT, *NESTED))
def test_an_empty_name_is_a_key_error(functional_call, site):
    functional_call(site.module, {site.name: site.value()}, site.x)

    for name in {"", site.sibling_name("")}:
        error = error_of(functional_call, site.module, {name: site.value()}, site.x)

        assert is_kind_if_raised(KeyError, "", error), repr(error)


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
@pytest.mark.parametrize("make", [lambda: torch.rand(3), parameter], ids=["tensor", "parameter"])
@with_site((*FLAT, *NESTED))
def test_forward_sees_a_tensor_under_a_new_name(functional_call, names, site, make):
    key, value, seen = names.attribute(), make(), []
    site.in_forward(lambda owner: (seen.append(getattr(owner, key)), site.x)[1])

    functional_call(site.module, {site.sibling_name(key): value}, site.x)

    assert seen[0] is value


@clause("drop-in.extra-name")
@with_site((*FLAT, *NESTED))
def test_a_parameter_under_a_new_name_is_registered_last_and_a_tensor_is_not(functional_call, names, site):
    first, last, plain, seen = names.attribute(), names.attribute(), names.attribute(), []
    own = list(dict(site.owner.named_parameters(recurse=False)))
    values = {
        site.sibling_name(first): parameter(),
        site.sibling_name(plain): torch.rand(3),
        site.sibling_name(last): parameter(),
    }
    site.in_forward(lambda owner: (seen.extend(dict(owner.named_parameters(recurse=False))), site.x)[1])

    functional_call(site.module, values, site.x)

    assert seen == [*own, first, last]


@clause("drop-in.plain-attribute")
@with_site((*FLAT, *NESTED))
def test_a_plain_tensor_attribute_can_be_given(functional_call, names, site):
    key, own, value, seen = names.attribute(), torch.rand(3), torch.rand(3), []
    setattr(site.owner, key, own)
    site.in_forward(lambda owner: (seen.append(getattr(owner, key)), site.x)[1])

    functional_call(site.module, {site.sibling_name(key): value, site.name: site.value()}, site.x)

    assert seen[0] is value
    assert vars(site.owner)[key] is own


@clause("drop-in.jit")
@pytest.mark.parametrize("compiled", ["scripted", "traced"])
@pytest.mark.parametrize("flags", [{}, {"strict": True}, {"tie_weights": False}], ids=["default", "strict", "untied"])
def test_a_jitted_module_is_a_runtime_error(functional_call, compiled, flags):
    module, x = nn.Sequential(nn.Linear(3, 2), nn.ReLU()), torch.rand(4, 3)
    jitted = torch.jit.script(module) if compiled == "scripted" else torch.jit.trace(module, x)
    functional_call(module, fresh_values(module), x, **flags)

    with pytest.raises(RuntimeError):
        functional_call(jitted, fresh_values(module), x, **flags)


@clause("drop-in.data-parallel")
@pytest.mark.parametrize("flags", [{}, {"strict": True}, {"tie_weights": False}], ids=["default", "strict", "untied"])
def test_data_parallel_is_a_runtime_error(functional_call, flags):
    if RELEASE < (2, 1):
        unsupported("torch takes an nn.DataParallel before torch 2.1")
    module, x = nn.Linear(3, 2), torch.rand(4, 3)
    values = {f"module.{name}": value for name, value in fresh_values(module).items()}
    functional_call(
        nn.Sequential(module), {name.replace("module", "0"): one for name, one in values.items()}, x, **flags
    )

    with pytest.raises(RuntimeError):
        functional_call(nn.DataParallel(module), values, x, **flags)
