"""inplace: a dict receives nothing but tensors; and what happens to a dict that forward edits, or that refuses."""

import contextlib

import pytest
import torch
from torch import nn

from fcspec.plugin import clause
from fcspec.specimens.base import with_site
from fcspec.specimens.sites import FLAT, NESTED


@clause("inplace.only-tensors")
@pytest.mark.parametrize("act", ["delete", "number", "module"])
@with_site((*FLAT, *NESTED[:2]))
def test_a_dict_receives_nothing_but_tensors(functional_call, site, act):
    value = site.value()
    values = {site.name: value}

    def end(owner):
        delattr(owner, site.key)
        if act != "delete":
            setattr(owner, site.key, 7 if act == "number" else nn.Identity())
        return torch.zeros(())

    site.in_forward(end)
    with contextlib.suppress(TypeError):  # that the module comes back is restore.rebound-non-tensor
        functional_call(site.module, values, site.x)

    assert values[site.name] is value
    assert list(values) == [site.name]


@clause("inplace.only-tensors")
@with_site(FLAT)
def test_where_forward_bound_none_the_dict_holds_none_or_the_given_tensor(functional_call, site):
    value = site.value()
    values = {site.name: value}
    site.in_forward(lambda owner: site.rebind(None) or torch.zeros(()))

    functional_call(site.module, values, site.x)

    assert values[site.name] is None or values[site.name] is value


@clause("inplace.dict-touched")
@pytest.mark.parametrize("edit", ["clear", "replace"])
@with_site(FLAT)
def test_forward_edits_the_callers_dict(functional_call, site, edit, observe):
    value = site.value()
    values, seen = {site.name: value}, []

    def act(owner):
        values.clear() if edit == "clear" else values.update({site.name: site.value(2)})
        seen.append(site.current())

    site.in_forward(act)
    try:
        functional_call(site.module, values, site.x)
        entry = values.get(site.name, "no entry")
        left = entry if isinstance(entry, str) else "the given" if entry is value else "the edited"
        observe(f"forward sees {'the given' if seen[0] is value else 'another'}, the dict holds {left}")
    except Exception as error:
        observe(type(error).__name__)


class ReadOnly(dict[str, torch.Tensor]):
    """A dict that refuses assignment."""

    def __setitem__(self, key, value):
        raise TypeError("read-only")

    def update(self, *args, **kwargs):
        raise TypeError("read-only")


@clause("inplace.read-only-dict")
@with_site(FLAT)
def test_forward_rebinds_and_the_dict_refuses(functional_call, site, observe):
    values, new = ReadOnly({site.name: site.value()}), site.bindable()
    site.in_forward(lambda owner: site.rebind(new))
    try:
        functional_call(site.module, values, site.x)
        observe("updated" if values[site.name] is new else "not updated")
    except Exception as error:
        observe(type(error).__name__)
