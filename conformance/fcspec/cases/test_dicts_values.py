"""dicts: what is refused as a value whatever its name leads to, and what is refused as a name whatever its value is."""

import itertools

import pytest
import torch
from torch import nn

from fcspec.cases.support.names_of_kinds import named_kinds
from fcspec.cases.support.refusal import refused
from fcspec.plugin import clause
from fcspec.specimens.base import fresh_values, with_site
from fcspec.specimens.sites import nested_parameter

ALL_FLAGS: tuple[dict[str, bool], ...] = (
    {},
    {"tie_weights": False},
    {"strict": True},
    {"tie_weights": False, "strict": True},
)


class Duck:
    """Looks like a tensor to functions of torch."""

    shape, dtype, device, requires_grad = torch.Size([3]), torch.float32, torch.device("cpu"), False

    @classmethod
    def __torch_function__(cls, function, types, args=(), kwargs=None):
        return torch.ones(3)

    def __array__(self, *args, **kwargs):
        return [1.0]

    def __iter__(self):
        return iter([1.0])

    def clone(self):
        return self

    detach = to = clone


BAD = {
    "duck": Duck(),
    "class": torch.Tensor,
    "number": 3.0,
    "true": True,
    "empty": (),
    "list of a tensor": [torch.ones(3)],
    "dict": {"weight": torch.ones(3)},
    "function": torch.ones,
    "dtype": torch.float32,
    "module": nn.Identity(),
    "array": torch.ones(3, device="cpu").numpy(),
    "number of numpy": torch.ones(3, device="cpu").numpy()[0],
}


@clause("dicts.bad-value")
@pytest.mark.parametrize(("nested", "flags"), [(True, {}), (False, {"tie_weights": False})], ids=["nested", "untied"])
def test_a_value_that_is_no_tensor_is_refused_by_its_key_whatever_that_leads_to(functional_call, names, nested, flags):
    named = named_kinds(names, nested)
    functional_call(named.module, named.values, torch.ones(3), **flags)

    for kind, name in named.names.items():
        for what, bad in BAD.items():
            with refused(named.module) as error:
                functional_call(named.module, {name: bad}, torch.ones(3), **flags)

            assert name in str(error.value), f"{what} for the {kind}"


@clause("dicts.bad-value")
@with_site((nested_parameter,))
def test_a_dict_as_a_value_is_no_module(functional_call, site):
    """Neither as a pytree of the names below it, nor as the dict of a module that is called so."""
    path, _, rest = site.name.partition(".")
    functional_call(site.module, {site.name: site.value()}, site.x)

    for inner in ({rest: site.value()}, {f".{rest}": site.value()}, {}):
        for flags in ALL_FLAGS:
            with refused(site.module):
                functional_call(site.module, {**fresh_values(site.module), path: inner}, site.x, **flags)


def _refused_names(names, site, slug):
    """Names that this clause refuses: of no owner, or of something that is no tensor."""
    number, child = names.attribute(), names.attribute()
    setattr(site.owner, number, 0.5)
    site.owner.add_module(child, nn.Identity())
    if slug == "dicts.bad-name":
        return (
            "",
            f"{child}x.{site.key}",
            *map(site.sibling_name, (f"{names.attribute()}.{site.key}", f"{site.key}.{site.key}")),
        )
    return [*map(site.sibling_name, ("training", "forward", child, number))]


@pytest.mark.parametrize(
    "slug", [pytest.param(slug, marks=clause(slug)) for slug in ("dicts.bad-name", "dicts.not-a-tensor")]
)
@with_site((nested_parameter,))
def test_none_for_a_name_that_is_refused_is_refused_too(functional_call, names, site, slug):
    wrong, values = _refused_names(names, site, slug), fresh_values(site.module)
    functional_call(site.module, values, site.x, strict=True)

    for name, flags, value in itertools.product(wrong, ALL_FLAGS, (site.value(), None)):
        with refused(site.module):
            functional_call(site.module, {**values, name: value}, site.x, **flags)
