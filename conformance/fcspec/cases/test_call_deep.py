"""call: neither the depth of a module nor the number of dicts needs frames of the caller's stack."""

import itertools
import sys

import torch
from torch import nn

from fcspec.calls.execution import few_frames
from fcspec.cases.support.comparing import identical
from fcspec.plugin import clause
from fcspec.specimens.base import probe, with_site
from fcspec.specimens.sites import flat_parameter

DEPTH = 520
"""More modules than `few_frames` leaves frames, so that no module need be as deep as the limit of recursion."""


def _nested(names):
    """A probe above a chain of modules; its forward does not descend, and its deepest module owns a buffer."""
    root = owner = probe(names, lambda self, x: x)
    path = []
    for key in itertools.islice(itertools.cycle([names.attribute(), names.attribute()]), DEPTH):
        child = nn.Module()
        owner.add_module(key, child)
        owner, path = child, [*path, key]
    owner.register_buffer("deep", torch.zeros(()))
    return root, owner, ".".join([*path, "deep"])


ALL_FLAGS: tuple[dict[str, bool], ...] = (
    {},
    {"tie_weights": False},
    {"strict": True},
    {"tie_weights": False, "strict": True},
)


@clause("call.deep")
def test_a_deep_module_can_be_called(functional_call, names):
    root, owner, name = _nested(names)
    own, value, new, seen = owner.deep, torch.ones(()), name.removesuffix("deep") + names.attribute(), []
    with few_frames():
        functional_call(root, {}, torch.ones(()))
        root.register_forward_pre_hook(lambda *_: seen.append(owner.deep))
        for flags in ALL_FLAGS:
            functional_call(root, {name: value}, torch.ones(()), **flags)
        for flags in ALL_FLAGS[:2]:
            try:
                functional_call(root, {name: value, new: torch.ones(())}, torch.ones(()), **flags)
            except RecursionError:
                raise
            except Exception:  # that it is taken is strict.off
                pass

    assert identical(seen, [value] * max(4, len(seen)))
    assert owner.deep is own


@clause("call.deep")
def test_an_error_about_a_deep_name_says_what_is_wrong(functional_call, names):
    root, _, name = _nested(names)
    path, missing = name.removesuffix("deep"), names.attribute()
    texts = []
    for wrong, flags in itertools.product((f"{path}{missing}.deep", f"{missing}.{path}deep"), ALL_FLAGS[:3]):
        with few_frames():
            try:
                functional_call(root, {name: torch.ones(()), wrong: torch.ones(())}, torch.ones(()), **flags)
            except Exception as error:  # that it is an error is the law of other clauses
                texts.append(str(error))

    assert [text for text in texts if missing not in text] == []


@clause("call.deep")
def test_a_deep_module_comes_back_when_forward_bound_a_name_elsewhere(functional_call, names):
    root, _, name = _nested(names)
    key, own = names.attribute(), torch.zeros(())
    root.register_buffer(key, own)

    def move(root, _):
        delattr(root, key)
        setattr(root, key, nn.Parameter(torch.zeros(())))

    root.register_forward_pre_hook(move)
    for values in ({key: torch.ones(())}, {key: torch.ones(()), name: torch.ones(())}):
        with few_frames():
            functional_call(root, values, torch.ones(()))

        assert getattr(root, key) is own
        assert key in root._buffers


@clause("call.deep")
@with_site((flat_parameter,))
def test_a_tuple_may_hold_many_dicts(functional_call, site):
    value, seen = site.value(), []
    site.in_forward(lambda owner: seen.append(site.current()))
    many = ({},) * (2 * sys.getrecursionlimit())

    functional_call(site.module, (*many, {site.name: value}, *many), site.x)

    assert seen[0] is value
