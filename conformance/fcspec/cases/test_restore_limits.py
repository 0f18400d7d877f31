"""restore: names that a property computes; calls near the limit of recursion."""

import contextlib
import sys

import pytest
import torch
from torch import nn

from fcspec.plugin import clause
from fcspec.specimens.base import parameter, probe, with_site
from fcspec.specimens.computed import COMPUTED
from fcspec.state.module_state import snapshot


@clause("restore.computed-name")
@pytest.mark.parametrize("flags", [{}, {"tie_weights": False}, {"strict": True}], ids=["default", "untied", "strict"])
@with_site(COMPUTED)
def test_the_name_of_a_property_changes_nothing(functional_call, site, flags):
    before = snapshot(site.module)

    for more, kind in (({}, torch.clone), ({}, nn.Parameter), ({site.name: site.value(2)}, nn.Parameter)):
        with contextlib.suppress(Exception):  # whether it is accepted is observed by dicts.computed-name
            functional_call(site.module, {**more, site.computed_name: kind(site.value())}, site.x, **flags)

        after = snapshot(site.module)
        assert after.parts("slots", "plain", "order") == before.parts("slots", "plain", "order")


DEPTH = 100  # frames that forward uses; what restores may use as many


def _depth_of_stack():
    frame, depth = sys._getframe(1), 0
    while frame is not None:
        frame, depth = frame.f_back, depth + 1
    return depth


def _with_room(frames, act):
    """Call `act` where so many frames are left up to the limit of recursion."""

    def deeper(rest):
        return act() if rest <= 0 else deeper(rest - 1)

    return deeper(sys.getrecursionlimit() - _depth_of_stack() - frames)


@clause("restore.recursion-limit")
def test_own_objects_come_back_near_the_limit_of_recursion(functional_call, names):
    """With ever more room, from where forward first comes a hundred calls deep."""
    root, reached = probe(names), []
    for _ in range(DEPTH + 30):
        root.add_module(names.attribute(), probe(names))
    for child in root.children():
        child.register_parameter("weight", parameter())
    values = {f"{name}.weight": torch.ones(3) for name, _ in root.named_children()}
    own = [child.weight for child in root.children()]

    def go(rest):
        if rest > 0:
            return go(rest - 1)
        reached.append(True)
        return torch.zeros(())

    def comes_back(room):
        reached.clear()
        with contextlib.suppress(RecursionError):
            _with_room(room, lambda: functional_call(root, values, torch.ones(3)))
        restored = all(child.weight is one for child, one in zip(root.children(), own, strict=True))
        for child, one in zip(root.children(), own, strict=True):
            child.weight = one
        return restored or not reached

    type(root).in_forward = lambda self: go(DEPTH)
    functional_call(root, values, torch.ones(3))
    low, high = DEPTH, 3 * DEPTH
    while low < high:
        middle = (low + high) // 2
        restored = comes_back(middle)
        assert restored, f"with room for {middle} frames"
        low, high = (low, middle) if reached else (middle + 1, high)

    assert [room for room in range(low, low + 12, 4) if not comes_back(room)] == []


@clause("restore.recursion-limit")
@with_site((COMPUTED[0],))
def test_own_objects_come_back_when_forward_never_ends(functional_call, site):
    def deeper(owner):
        return deeper(owner)

    before = snapshot(site.module)
    site.in_forward(deeper)

    with pytest.raises(RecursionError):
        functional_call(site.module, {site.name: site.value(), site.other: site.value(2)}, site.x)

    assert snapshot(site.module).slots == before.slots
