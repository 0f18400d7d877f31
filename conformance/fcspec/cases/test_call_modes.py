"""call: modes of autograd, of autocast and of the modules are those of the caller."""

import pytest
import torch
from torch import nn

from fcspec.cases.support.outcomes import raises_if, returns_or_raises
from fcspec.cases.support.various import various
from fcspec.plugin import clause
from fcspec.specimens.base import with_site
from fcspec.specimens.sites import flat_parameter, nested_parameter

MODES = {
    "plain": lambda: torch.enable_grad(),
    "no_grad": torch.no_grad,
    "inference": torch.inference_mode,
    "autocast": lambda: torch.autocast("cpu", dtype=torch.bfloat16),
}


def modes():
    return torch.is_grad_enabled(), torch.is_inference_mode_enabled(), (torch.ones(1, 1) @ torch.ones(1, 1)).dtype


@clause("call.mode")
@pytest.mark.parametrize("mode", MODES.values(), ids=MODES)
@with_site((flat_parameter,))
def test_modes_of_autograd_and_autocast_stay(functional_call, site, mode):
    seen = []
    site.in_forward(lambda owner: seen.append(modes()))
    with mode():
        before = modes()
        functional_call(site.module, {site.name: site.value()}, site.x)
        after = modes()

    assert (*seen, after) == (before, before)


@clause("call.mode")
@pytest.mark.parametrize("mode", MODES.values(), ids=MODES)
def test_modes_of_autograd_and_autocast_stay_whatever_is_given(functional_call, names, mode):
    for call in [*various(names)]:
        seen = []
        if isinstance(call.module, nn.Module):
            call.module.register_forward_pre_hook(lambda *_, seen=seen: seen.append(modes()))
        with mode():
            before = modes()
            call.attempt(functional_call)
            seen.append(modes())

        assert {*seen} == {before}, call.kind


@clause("call.mode")
@with_site((flat_parameter,))
def test_modes_of_autograd_stay_when_forward_raises(functional_call, site):
    site.in_forward(lambda owner: 1 / 0)
    before = modes()

    with pytest.raises(ZeroDivisionError):
        functional_call(site.module, {site.name: site.value()}, site.x)

    assert modes() == before


@clause("call.mode")
@pytest.mark.parametrize("training", [True, False], ids=["train", "eval"])
@with_site((nested_parameter,))
def test_train_and_eval_mode_of_every_module_stay(functional_call, site, training):
    site.module.train(training)
    site.owner.train(not training)
    before, seen = [one.training for one in site.module.modules()], []
    site.in_forward(lambda owner: seen.append([one.training for one in site.module.modules()]))

    functional_call(site.module, {site.name: site.value()}, site.x)

    assert seen == [before]
    assert [one.training for one in site.module.modules()] == before


@clause("call.mode")
@returns_or_raises
@with_site((flat_parameter,))
def test_what_forward_changes_stays_changed(functional_call, site, fails):
    def change(owner):
        owner.eval()
        torch.set_grad_enabled(False)
        torch.set_autocast_cache_enabled(False)
        return 1 / 0 if fails else None

    site.in_forward(change)
    try:
        with raises_if(fails):
            functional_call(site.module, {site.name: site.value()}, site.x)

        changed = site.module.training, torch.is_grad_enabled(), torch.is_autocast_cache_enabled()
        assert changed == (False, False, False)
    finally:
        torch.set_autocast_cache_enabled(True)
        torch.set_grad_enabled(True)
