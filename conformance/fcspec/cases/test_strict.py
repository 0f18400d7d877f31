"""strict: nothing missing, nothing too many."""

import pytest
import torch
from torch import nn

from fcspec.cases.support.comparing import equal
from fcspec.cases.support.odd_keys import odd_keys, with_keys
from fcspec.cases.support.refusal import refused, unnamed
from fcspec.plugin import clause
from fcspec.specimens import oracle
from fcspec.specimens.base import fresh_values, parameter, probe, with_group, with_site
from fcspec.specimens.groups import ALL_PAIRS, LARGE, ONE_STORE, SHARED
from fcspec.specimens.parametrized import buffer_squared, chained, nested_squared, squared, two_originals
from fcspec.specimens.sites import (
    BUFFERS,
    FLAT,
    PARAMETERS,
    SITES,
    flat_parameter,
    nested_non_persistent_buffer,
    nested_parameter,
    non_persistent_buffer,
)


@clause("strict.exact")
@with_site(SITES)
def test_all_names_are_accepted(functional_call, site):
    values = fresh_values(site.module)
    expected = oracle.result(site.module, values, site.x)
    (first, one), *rest = values.items()

    assert equal(functional_call(site.module, values, site.x, strict=True), expected)
    assert equal(functional_call(site.module, (dict(rest), {}, {first: one}), site.x, strict=True), expected)


@clause("strict.exact")
@pytest.mark.parametrize("nothing", [{}, (), ({}, {})], ids=str)
def test_a_module_without_state_needs_nothing(functional_call, names, nothing):
    for module in (nn.Identity(), probe(names), nn.Sequential(nn.ReLU(), nn.Dropout())):
        assert functional_call(module.eval(), nothing, torch.ones(3), strict=True).tolist() == [1, 1, 1]


@clause("strict.missing")
@with_site(SITES)
def test_each_missing_name_is_an_error(functional_call, site):
    """Names of parameters only: that buffers count is the law of strict.buffers."""
    values = fresh_values(site.module)
    functional_call(site.module, values, site.x, strict=True)

    for name, _ in site.module.named_parameters():
        with refused(site.module):
            functional_call(
                site.module, {key: value for key, value in values.items() if key != name}, site.x, strict=True
            )


@clause("strict.missing")
@with_site((flat_parameter, nested_parameter))
def test_nothing_given_is_an_error(functional_call, site):
    functional_call(site.module, fresh_values(site.module), site.x, strict=True)

    for nothing in ({}, (), ({},)):
        with refused(site.module):
            functional_call(site.module, nothing, site.x, strict=True)


@clause("strict.unexpected")
@pytest.mark.parametrize("where", ["root", "owner", "nowhere", "below None", "below a tensor"])
@with_site((*FLAT, nested_parameter))
def test_a_name_too_many_is_an_error(functional_call, names, site, where):
    values, key, part = fresh_values(site.module), names.attribute(), names.attribute()
    extra = {
        "root": key,
        "owner": site.sibling_name(key),
        "below a tensor": f"{site.name}.{key}",
    }.get(where, f"{part}.{key}")
    if where == "below None":
        site.module.add_module(part, None)
    functional_call(site.module, values, site.x, strict=True)

    for value in (torch.ones(3), parameter()):
        with refused(site.module):
            functional_call(site.module, {**values, extra: value}, site.x, strict=True)


@clause("strict.unexpected")
@with_site((*FLAT, nested_parameter))
def test_a_plain_tensor_is_no_name(functional_call, names, site):
    values, keys = fresh_values(site.module), (names.attribute(), names.attribute())
    setattr(site.owner, keys[0], torch.ones(3))
    setattr(type(site.owner), keys[1], torch.ones(3))
    functional_call(site.module, values, site.x, strict=True)

    for key in keys:
        with refused(site.module):
            functional_call(site.module, {**values, site.sibling_name(key): torch.ones(3)}, site.x, strict=True)


@clause("strict.off")
@with_site(SITES)
def test_missing_and_unknown_names_are_no_error_by_default(functional_call, names, site):
    values = {site.name: site.value()}
    expected = oracle.result(site.module, values, site.x)

    for extra in (names.attribute(), site.sibling_name(names.attribute())):
        for flags in ({}, {"strict": False}):
            result = functional_call(site.module, {**values, extra: torch.ones(3)}, site.x, **flags)

            assert equal(result, expected)


@clause("strict.off")
@with_site((*FLAT, nested_parameter))
def test_several_unknown_names_are_no_error(functional_call, names, site):
    extra = {site.sibling_name(names.attribute()): torch.full((3,), float(number)) for number in range(3)}

    assert equal(functional_call(site.module, extra, site.x), site.module(site.x))


@clause("strict.off")
@with_site((squared, nested_squared))
def test_an_unknown_name_of_a_module_that_is_parametrized_is_no_error(functional_call, names, site):
    expected = site.module(site.x)
    for extra in (names.attribute(), site.sibling_name(names.attribute())):
        assert equal(functional_call(site.module, {extra: torch.ones(3)}, site.x), expected)


@clause("strict.off")
@with_site((*FLAT, nested_parameter))
def test_unknown_names_are_no_error_without_ties(functional_call, names, site):
    extra = {site.sibling_name(names.attribute()): torch.ones(3)}

    assert equal(functional_call(site.module, extra, site.x, tie_weights=False), site.module(site.x))


@clause("strict.off")
def test_an_unknown_name_is_any_string_without_a_dot(functional_call, names):
    for keys, path in odd_keys(names):
        module = with_keys(names, keys[:1], path)
        extra = {".".join((*path, keys[1])): torch.ones(3)}
        for flags in ({}, {"tie_weights": False}):
            assert equal(functional_call(module, extra, torch.zeros(3), **flags), torch.zeros(3))


@clause("strict.off")
@pytest.mark.parametrize(
    "called", ["ParametrizedLayer", "RNN", "DataParallel", "ScriptModule", "Module", "OptimizedModule"]
)
def test_nor_is_one_of_a_module_whose_class_is_called_like_one_of_torch(functional_call, names, called):
    root = probe(names)
    layer = type(called, (type(probe(names, lambda self, x: x)),), {})()
    layer.register_parameter(names.attribute(), parameter())
    root.add_module(key := names.attribute(), layer)
    extra = {f"{key}.{name}": torch.ones(3) for name in (names.attribute(), *layer._parameters)}

    assert equal(functional_call(layer, {next(iter(layer._parameters)): torch.ones(3)}, torch.zeros(3)), torch.zeros(3))
    assert equal(functional_call(root, extra, torch.zeros(3)), root(torch.zeros(3)))


CONTAINERS = {
    "Sequential": lambda layer: (nn.Sequential(layer), "0"),
    "ModuleList": lambda layer: (nn.ModuleList([layer]), "0"),
    "ModuleDict": lambda layer: (nn.ModuleDict({"one": layer}), "one"),
    "ParameterList": lambda layer: (nn.ParameterList([layer.weight]), ""),
    "ParameterDict": lambda layer: (nn.ParameterDict({"one": layer.weight}), ""),
    "Identity": lambda layer: (nn.Identity(), ""),
}


@clause("strict.off")
@pytest.mark.parametrize("make", CONTAINERS.values(), ids=CONTAINERS)
def test_an_unknown_name_of_a_container_is_no_error(functional_call, names, make):
    container, path = make(nn.Linear(3, 3))
    root = probe(names, lambda self, x: x)
    root.add_module(holder := names.attribute(), container)
    for owner in ("", f"{path}." if path else ""):
        extra = {f"{holder}.{owner}{names.attribute()}": torch.ones(3)}

        assert equal(functional_call(root, extra, torch.zeros(3)), torch.zeros(3))


@clause("strict.off")
@with_site(FLAT)
def test_an_unknown_name_alone_is_no_error(functional_call, names, site):
    extra = {names.attribute(): torch.ones(3)}

    assert equal(functional_call(site.module, extra, site.x), site.module(site.x))


@clause("strict.buffers")
@with_site((*BUFFERS, nested_non_persistent_buffer, *PARAMETERS[:2]))
def test_each_missing_buffer_is_an_error(functional_call, site):
    values = fresh_values(site.module)
    functional_call(site.module, values, site.x, strict=True)

    for name, _ in site.module.named_buffers():
        with refused(site.module):
            functional_call(
                site.module, {key: value for key, value in values.items() if key != name}, site.x, strict=True
            )


@clause("strict.buffers")
@with_site((non_persistent_buffer,))
def test_a_state_dict_lacks_non_persistent_buffers(functional_call, site):
    functional_call(site.module, {**site.module.state_dict(), site.name: site.value()}, site.x, strict=True)

    with refused(site.module):
        functional_call(site.module, site.module.state_dict(), site.x, strict=True)


@clause("strict.says-which")
@with_site((*FLAT, nested_parameter))
def test_the_error_names_every_missing_and_every_unexpected_name(functional_call, names, site):
    values = fresh_values(site.module)
    functional_call(site.module, values, site.x, strict=True)
    missing = [site.name, site.other]
    unexpected = [names.attribute(), site.sibling_name(names.attribute()), f"{names.attribute()}.{names.attribute()}"]
    wrong = {name: value for name, value in values.items() if name not in missing} | dict.fromkeys(
        unexpected, site.value()
    )

    with refused(site.module) as error:
        functional_call(site.module, wrong, site.x, strict=True)

    assert not (left_out := unnamed((*missing, *unexpected), error)), left_out


@clause("strict.none")
@with_site((*FLAT, nested_parameter))
def test_names_registered_as_none_need_not_be_given(functional_call, names, site):
    site.owner.register_parameter(names.attribute(), None)
    site.module.register_buffer(names.attribute(), None)
    values = fresh_values(site.module)

    for flags in ({}, {"tie_weights": False}):
        result = functional_call(site.module, values, site.x, strict=True, **flags)

        assert equal(result, oracle.result(site.module, values, site.x))


@clause("strict.none")
def test_a_batch_norm_without_statistics_needs_none(functional_call):
    norm = nn.BatchNorm1d(3, track_running_stats=False, affine=False)

    assert functional_call(norm, {}, torch.rand(4, 3), strict=True).shape == (4, 3)


def _without(group, *names):
    values = {name: value for name, value in fresh_values(group.module).items() if name not in group.names}
    return values | dict.fromkeys((name for name in group.names if name not in names), group.value())


@clause("strict.tied")
@with_group((*ALL_PAIRS, LARGE[1]))
def test_one_name_of_a_tied_group_is_enough(functional_call, group):
    seen = []
    group.in_forward(lambda module: seen.append(group.current()))

    for name in group.names:
        others = [other for other in group.names if other != name]
        functional_call(group.module, _without(group, *others), group.x, strict=True, tie_weights=True)

    assert len(seen) == len(group.names)


@clause("strict.tied")
@with_group(ALL_PAIRS)
def test_no_name_of_a_tied_group_is_missing(functional_call, group):
    functional_call(group.module, _without(group, group.names[1]), group.x, strict=True, tie_weights=True)

    with refused(group.module):
        functional_call(group.module, _without(group, *group.names), group.x, strict=True, tie_weights=True)


@clause("strict.tied")
@with_group((*SHARED, *ONE_STORE))
def test_one_name_of_a_slot_is_enough(functional_call, group):
    own = group.names[0].rpartition(".")[0]
    values = {name: value for name, value in fresh_values(group.module).items() if name.startswith(own)}

    functional_call(group.module, values, group.x, strict=True, tie_weights=True)
    with refused(group.module):
        functional_call(group.module, dict(list(values.items())[1:]), group.x, strict=True, tie_weights=True)


@clause("strict.tied-off")
@with_group(ALL_PAIRS)
def test_untied_every_slot_of_the_group_is_needed(functional_call, group):
    """Persistent slots only: that non-persistent buffers count is the law of strict.buffers."""
    functional_call(group.module, _without(group), group.x, strict=True, tie_weights=False)

    for name in [name for name in group.names if name in group.module.state_dict()]:
        with refused(group.module):
            functional_call(group.module, _without(group, name), group.x, strict=True, tie_weights=False)


@clause("strict.shared-slot-off")
@with_group(SHARED)
def test_untied_one_name_of_a_slot(functional_call, group, observe):
    own = group.names[0].rpartition(".")[0]
    values = {name: value for name, value in fresh_values(group.module).items() if name.startswith(own)}
    try:
        functional_call(group.module, values, group.x, strict=True, tie_weights=False)
        observe("enough")
    except Exception as error:
        observe(type(error).__name__)


@clause("strict.parametrized")
@with_site((squared, nested_squared, two_originals, chained, buffer_squared))
def test_the_names_of_the_originals_are_complete(functional_call, site):
    values = fresh_values(site.module)

    functional_call(site.module, values, site.x, strict=True)
    for name in site.originals:
        with refused(site.module):
            functional_call(
                site.module, {key: value for key, value in values.items() if key != name}, site.x, strict=True
            )


@clause("strict.regular-name")
@with_site((squared,))
def test_the_regular_name_in_place_of_the_original(functional_call, site, observe):
    values = {name: value for name, value in fresh_values(site.module).items() if name not in site.originals}
    try:
        functional_call(site.module, {**values, site.name: site.value()}, site.x, strict=True)
        observe("accepted")
    except Exception as error:
        observe(type(error).__name__)


@clause("strict.given-none")
@with_site(FLAT)
def test_a_name_registered_as_none_is_given(functional_call, names, site, observe):
    key = names.attribute()
    site.module.register_parameter(key, None)
    try:
        functional_call(site.module, {**fresh_values(site.module), key: torch.ones(3)}, site.x, strict=True)
        observe("accepted")
    except Exception as error:
        observe(type(error).__name__)
