"""drop-in: the types of the errors of torch.func.functional_call, and what they say.

That a call is an error at all is a law of core, and SPEC.md's examples here ask for it; the cases look at what error it is.
"""

import itertools
import re

import pytest
import torch
from torch import nn

from fcspec.cases.support.release import RELEASE
from fcspec.plugin import clause, unsupported
from fcspec.specimens.base import fresh_values, with_group, with_site
from fcspec.specimens.groups import ALL_PAIRS, LARGE, SHARED
from fcspec.specimens.sites import FLAT, NESTED, SITES, flat_parameter, nested_buffer, nested_parameter


def error_of(functional_call, *args, **kwargs):
    """The error that this call raises; None where it returns."""
    try:
        functional_call(*args, **kwargs)
    except Exception as error:
        return error
    return None


def is_kind_if_raised(kind, says, error):
    """Whether an error is of this kind and says this; also true where there was no error, which a law of core judges."""
    return error is None or (isinstance(error, kind) and says in str(error))


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
@with_group((*ALL_PAIRS, *LARGE, *SHARED))
def test_different_values_for_tied_names_are_a_value_error(functional_call, group):
    values = {name: group.value(seed) for seed, name in enumerate(group.names)}
    functional_call(group.module, dict.fromkeys(group.names, group.value()), group.x)

    error = error_of(functional_call, group.module, values, group.x)

    assert is_kind_if_raised(ValueError, "got multiple values for keys", error), repr(error)


@clause("drop-in.tie-error")
@with_group(ALL_PAIRS)
def test_none_beside_a_tensor_for_tied_names_is_a_value_error(functional_call, group):
    functional_call(group.module, dict.fromkeys(group.names, group.value()), group.x)
    for one, other in (group.names, group.names[::-1]):
        error = error_of(functional_call, group.module, {one: group.value(), other: None}, group.x)

        assert isinstance(error, ValueError), repr(error)
        assert "got multiple values for keys" in str(error)


def strict_error(functional_call, site, values, **flags):
    """The error of a call with strict=True: its type, and the keys as its message lists them; None where the call returns."""
    error = error_of(functional_call, site.module, values, site.x, strict=True, **flags)
    if error is None:
        return None
    kind = RuntimeError if isinstance(error, RuntimeError) else type(error)
    return kind, re.findall(r"(?:Unexpected|Missing) key\(s\): .*?'\.", str(error))


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
    values, key = fresh_values(site.module), names.attribute()
    extra = [names.attribute(), key, f"{key}9", f"{key}10", key.upper()]
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


@clause("drop-in.owner-error")
@with_site((flat_parameter, nested_parameter))
def test_no_module_stands_behind_an_empty_part_of_a_name(functional_call, site):
    path, _, key = site.name.rpartition(".")
    functional_call(site.module, {site.name: site.value()}, site.x)

    for name in (f".{site.name}", f"..{site.name}", f"{path}..{key}"):
        error = error_of(functional_call, site.module, {name: site.value()}, site.x)

        assert is_kind_if_raised(AttributeError, "has no attribute", error), repr(error)


@clause("drop-in.empty-name-error")
@with_site((*FLAT, *NESTED))
def test_an_empty_name_is_a_key_error(functional_call, site):
    functional_call(site.module, {site.name: site.value()}, site.x)

    for name in {"", site.sibling_name("")}:
        error = error_of(functional_call, site.module, {name: site.value()}, site.x)

        assert is_kind_if_raised(KeyError, "", error), repr(error)


@clause("drop-in.jit")
@pytest.mark.parametrize("compiled", ["scripted", "traced"])
@pytest.mark.parametrize("flags", [{}, {"strict": True}, {"tie_weights": False}], ids=["default", "strict", "untied"])
def test_a_jitted_module_is_a_runtime_error(functional_call, compiled, flags):
    module, x = nn.Sequential(nn.Linear(3, 2), nn.ReLU()), torch.rand(4, 3)
    jitted = torch.jit.script(module) if compiled == "scripted" else torch.jit.trace(module, x)
    functional_call(module, fresh_values(module), x, **flags)

    for values in (fresh_values(module), {}, ()):
        with pytest.raises(RuntimeError):
            functional_call(jitted, values, x, **flags)


@clause("drop-in.data-parallel")
@pytest.mark.parametrize("flags", [{}, {"strict": True}, {"tie_weights": False}], ids=["default", "strict", "untied"])
def test_data_parallel_is_a_runtime_error(functional_call, names, flags):
    if RELEASE < (2, 1):
        unsupported("torch takes an nn.DataParallel before torch 2.1")
    module, x, subclass = nn.Linear(3, 2), torch.rand(4, 3), type(names.type(), (nn.DataParallel,), {})
    values = {f"module.{name}": value for name, value in fresh_values(module).items()}
    functional_call(
        nn.Sequential(module), {name.replace("module", "0"): one for name, one in values.items()}, x, **flags
    )

    for kind, given in itertools.product((nn.DataParallel, subclass), (values, {}, ())):
        with pytest.raises(RuntimeError):
            functional_call(kind(module), given, x, **flags)
