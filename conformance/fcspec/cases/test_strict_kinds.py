"""strict: whatever a tensor is that is not given, however near a name too many comes to one, however many there are."""

import pytest
import torch
from torch import nn

from fcspec.cases.support.delegating import delegating
from fcspec.cases.support.refusal import refused, unnamed
from fcspec.plugin import Needs, clause, needs
from fcspec.specimens.base import fresh_values, parameter, probe, with_site
from fcspec.specimens.sites import FLAT, nested_parameter

OWN = (
    ("strict.missing", "frozen", lambda: nn.Parameter(torch.rand(3), requires_grad=False)),
    ("strict.missing", "integers", lambda: nn.Parameter(torch.tensor([1, 2]), requires_grad=False)),
    ("strict.missing", "parameter without elements", lambda: parameter(0)),
    ("strict.missing", "parameter not initialised", nn.UninitializedParameter),
    ("strict.buffers", "not initialised", nn.UninitializedBuffer),
    ("strict.buffers", "one integer", lambda: torch.tensor(0)),
    ("strict.buffers", "bool", lambda: torch.tensor([True, False])),
    ("strict.buffers", "without elements", lambda: torch.rand(0)),
    ("strict.buffers", "meta", lambda: torch.rand(3, device="meta")),
)


@pytest.mark.parametrize("make", [pytest.param(make, marks=clause(slug), id=name) for slug, name, make in OWN])
def test_a_missing_name_is_an_error_whatever_its_tensor_is(functional_call, names, make):
    module, own, (key, other) = probe(names, lambda self, x: x), make(), (names.attribute(), names.attribute())
    setattr(module, key, own) if isinstance(own, nn.Parameter) else module.register_buffer(key, own)
    module.register_parameter(other, parameter())
    value = torch.ones(3) if nn.parameter.is_lazy(own) else own
    functional_call(module, {other: torch.ones(3), key: value}, torch.ones(3), strict=True)

    with refused(module):
        functional_call(module, {other: torch.ones(3)}, torch.ones(3), strict=True)


@clause("strict.unexpected")
@with_site((*FLAT, nested_parameter))
def test_what_is_almost_a_name_is_unexpected(functional_call, site):
    values = fresh_values(site.module)
    functional_call(site.module, values, site.x, strict=True)

    type(site.owner).get_extra_state = lambda self: torch.ones(1)
    almost = f" {site.key}", f"{site.key} ", f"{site.key}\n", site.key.upper(), "_extra_state"
    for wrong in map(site.sibling_name, almost):
        with refused(site.module):
            functional_call(site.module, {**values, wrong: values[site.name]}, site.x, strict=True)


@clause("strict.unexpected")
@with_site((nested_parameter,))
def test_what_leads_to_a_slot_only_because_a_wrapper_hands_it_on_is_unexpected(functional_call, names, site):
    outer, child = probe(names), names.attribute()
    outer.add_module(child, site.module)
    type(outer).__getattr__ = delegating
    values = fresh_values(outer)
    functional_call(outer, values, site.x, strict=True)

    with refused(outer):
        functional_call(outer, {**values, site.name: values[f"{child}.{site.name}"]}, site.x, strict=True)


@clause("strict.unexpected")
@with_site((nested_parameter,))
def test_what_leads_to_a_slot_only_through_an_attribute_that_is_no_registered_module_is_unexpected(
    functional_call, names, site
):
    first, _, rest = site.name.partition(".")
    child, in_class, in_dict = site.module._modules[first], names.attribute(), names.attribute()
    setattr(type(site.module), in_class, property(lambda self: child))
    vars(site.module)[in_dict] = child
    values = fresh_values(site.module)
    functional_call(site.module, values, site.x, strict=True)

    for other in (in_class, in_dict):
        with refused(site.module):
            functional_call(site.module, {**values, f"{other}.{rest}": values[site.name]}, site.x, strict=True)


def _batched(function):
    def run(values):
        return torch.func.vmap(function)({name: value.expand(2, *value.shape) for name, value in values.items()})

    return run


@clause("strict.missing")
@needs(Needs.TRANSFORMS)
@with_site((nested_parameter,))
def test_a_missing_name_is_an_error_inside_a_transform_too(functional_call, site):
    values = fresh_values(site.module)
    for transform in (torch.func.grad, _batched):
        run = transform(lambda values: functional_call(site.module, values, site.x, strict=True).sum())
        run(values)

        with refused(site.module):
            run({name: value for name, value in values.items() if name != site.other})


@clause("strict.buffers")
def test_each_missing_buffer_of_a_batch_norm_is_an_error(functional_call):
    norm, x = nn.BatchNorm1d(3), torch.rand(4, 3)
    values = fresh_values(norm)
    functional_call(norm, values, x, strict=True)

    for missing, _ in norm.named_buffers():
        with refused(norm):
            functional_call(norm, {name: one for name, one in values.items() if name != missing}, x, strict=True)


@clause("strict.says-which")
def test_the_error_names_all_of_many(functional_call, names):
    module = probe(names)
    missing, unexpected = ([names.attribute() for _ in range(400)] for _ in range(2))
    for key in missing:
        module.register_parameter(key, parameter())
    functional_call(module, fresh_values(module), torch.ones(3), strict=True)

    with refused(module) as error:
        functional_call(module, dict.fromkeys(unexpected, torch.ones(3)), torch.ones(3), strict=True)

    assert not (left_out := unnamed((*missing, *unexpected), error)), left_out
