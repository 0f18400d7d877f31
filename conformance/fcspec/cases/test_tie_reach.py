"""tie: wherever the names of a group stand, whatever they are called, and whatever was called before."""

import pytest
import torch
from torch import nn
from torch.nn.utils import parametrize

from fcspec.cases.support.comparing import equal, identical
from fcspec.plugin import Needs, clause, needs
from fcspec.specimens.base import get, parameter, probe, with_group, with_site
from fcspec.specimens.groups import PAIRS
from fcspec.specimens.parametrized import doubled, nested_doubled


def _seen(functional_call, module, given, wanted):
    """What forward sees at the name `wanted` when a value is given for the name `given`; and that value."""
    value, seen = torch.rand(3), []
    type(module).in_forward = staticmethod(lambda _: seen.append(get(module, wanted)) or torch.zeros(()))
    functional_call(module, {given: value}, torch.ones(3), tie_weights=True)
    return seen[0], value


KINDS = {
    "frozen": lambda: nn.Parameter(torch.rand(3), requires_grad=False),
    "integers": lambda: torch.tensor([1, 2, 3]),
    "bool": lambda: torch.tensor([True, False, True]),
    "complex": lambda: torch.rand(3, dtype=torch.complex64),
    "one number": lambda: torch.tensor(1.0),
    "without elements": lambda: torch.rand(0),
    "meta": lambda: torch.rand(3, device="meta"),
    "view": lambda: torch.rand(6)[::2],
    "expanded": lambda: torch.rand(1).expand(3),
    "requires grad": lambda: torch.rand(3, requires_grad=True),
    "no leaf": lambda: torch.rand(3, requires_grad=True) * 1,
    "sparse": lambda: torch.eye(3).to_sparse(),
    "conjugate": lambda: torch.rand(3, dtype=torch.complex64).conj(),
    "of half precision": lambda: torch.rand(3).half(),
}


@clause("tie.one-name")
@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
def test_names_are_tied_whatever_tensor_they_share(functional_call, names, kind):
    module, shared, (first, second, third) = probe(names), kind(), (names.attribute() for _ in range(3))
    module.register_parameter(third, parameter())
    for key in (first, second):
        setattr(module, key, shared) if isinstance(shared, nn.Parameter) else module.register_buffer(key, shared)

    for given, wanted in ((first, second), (second, first)):
        for requires_grad in (True, False):  # of the other one
            getattr(module, third).requires_grad_(requires_grad)
            seen, value = _seen(functional_call, module, given, wanted)

            assert seen is value


def _chain(names, length):
    root = owner = probe(names)
    path = [names.attribute() for _ in range(length)]
    for key in path:
        owner.add_module(key, probe(names))
        owner = owner.get_submodule(key)
    return root, owner, ".".join(path)


@clause("tie.one-name")
@pytest.mark.parametrize("depth", [20, 40])
def test_the_first_name_reaches_one_far_below(functional_call, names, depth):
    root, owner, path = _chain(names, depth)
    first, last, shared = names.attribute(), names.attribute(), parameter()
    root.register_parameter(first, shared)
    owner.register_parameter(last, shared)

    for given, wanted in ((first, f"{path}.{last}"), (f"{path}.{last}", first)):
        seen, value = _seen(functional_call, root, given, wanted)

        assert seen is value


@clause("tie.one-name")
def test_the_first_of_many_slots_reaches_the_last(functional_call, names):
    module, keys, shared = probe(names), [names.attribute() for _ in range(300)], parameter()
    for key in keys:
        module.register_parameter(key, shared if key in (keys[0], keys[-1]) else parameter())

    for given, wanted in ((keys[0], keys[-1]), (keys[-1], keys[0])):
        seen, value = _seen(functional_call, module, given, wanted)

        assert seen is value


@clause("tie.one-name")
def test_a_name_that_begins_with_an_underscore_is_a_name(functional_call, names):
    module, first, shared = probe(names), names.attribute(), parameter()
    second = f"_{names.attribute()}"
    for key in (first, second):
        module.register_parameter(key, shared)

    for given, wanted in ((first, second), (second, first)):
        seen, value = _seen(functional_call, module, given, wanted)

        assert seen is value


@clause("tie.one-name")
@pytest.mark.parametrize("container", [nn.ModuleList, nn.ModuleDict, nn.Sequential])
def test_an_empty_container_may_own_a_tied_parameter(functional_call, names, container):
    module, first, shared = probe(names), names.attribute(), parameter()
    child, key = names.attribute(), names.attribute()
    module.register_parameter(first, shared)
    module.add_module(child, container())
    module.get_submodule(child).register_parameter(key, shared)

    seen, value = _seen(functional_call, module, first, f"{child}.{key}")

    assert seen is value


@clause("tie.one-name")
@with_site((doubled, nested_doubled))
def test_the_original_of_a_parametrized_tensor_may_be_tied(functional_call, names, site):
    key = names.attribute()
    site.module.register_parameter(key, get(site.module, site.originals[0]))
    value, seen = site.value(), []
    site.in_forward(lambda owner: seen.append((site.current(), get(site.module, key))) or site.x)

    for given in (key, site.originals[0]):
        functional_call(site.module, {given: value}, site.x, tie_weights=True)

        parametrized, plain = seen.pop()
        assert plain is value
        assert equal(parametrized, 2 * value)


@clause("tie.one-name")
def test_names_that_became_tied_after_a_call_are_tied(functional_call, names):
    module, (first, second, third) = probe(names), (names.attribute() for _ in range(3))
    for key in (first, second):
        module.register_parameter(key, parameter())
    functional_call(module, {first: torch.rand(3)}, torch.ones(3), tie_weights=True)

    setattr(module, second, getattr(module, first))
    seen, value = _seen(functional_call, module, first, second)
    assert seen is value

    module.register_parameter(third, getattr(module, first))
    seen, value = _seen(functional_call, module, third, second)
    assert seen is value

    setattr(module, second, parameter())
    own = getattr(module, second)
    seen, value = _seen(functional_call, module, first, second)
    assert seen is own


@clause("tie.one-name")
@with_group(PAIRS)
def test_a_call_in_forward_ties_too(functional_call, group):
    value, seen = group.value(), []

    def act(module):
        seen.append(group.current())
        if len(seen) == 1:
            functional_call(group.module, {group.names[0]: value}, group.x, tie_weights=True)

    group.in_forward(act)
    functional_call(group.module, {}, group.x, tie_weights=True)

    assert identical(seen[1], [value] * 2)


@clause("tie.one-name")
@needs(Needs.TRANSFORMS)
@with_group(PAIRS)
def test_names_are_tied_under_a_transform(functional_call, group):
    group.in_forward(lambda module: sum(group.current()).sum())

    def loss(value):
        return functional_call(group.module, {group.names[0]: value}, group.x, tie_weights=True)

    assert torch.func.grad(loss)(group.value()).tolist() == [2.0, 2.0, 2.0]


@clause("tie.one-name")
@with_site((doubled,))
def test_a_tensor_is_parametrized_on_a_tied_one_in_a_shared_submodule(functional_call, names, site):
    root, first, second, key = probe(names), names.attribute(), names.attribute(), names.attribute()
    for child in (first, second):
        root.add_module(child, site.module)
    root.register_parameter(key, get(site.module, site.originals[0]))
    value, seen = site.value(), []
    site.in_forward(lambda owner: seen.append(site.current()) or site.x)

    functional_call(root, {key: value}, site.x, tie_weights=True)

    assert equal(seen, [2 * value] * len(seen))
    assert parametrize.is_parametrized(site.owner, site.key)


@clause("tie.same-object")
@needs(Needs.TRANSFORMS)
@pytest.mark.parametrize("transform", [torch.func.vmap, torch.func.grad])
@with_group(PAIRS)
def test_the_same_tensor_is_accepted_inside_a_transform(functional_call, group, transform):
    """Nothing but its identity says that it is the same: a transform has no memory to show."""
    seen = []
    group.in_forward(lambda module: seen.extend(group.current()) or group.x)

    def call(value):
        functional_call(group.module, dict.fromkeys(group.names, value), group.x, tie_weights=True)
        assert identical(seen, [value] * 2)
        return value.sum()

    transform(call)(torch.stack([group.value()] * 2))


@clause("tie.shared-submodule")
@pytest.mark.parametrize("kind", [nn.Sequential, nn.ModuleList], ids=["Sequential", "ModuleList"])
def test_a_number_in_the_second_path_of_a_module_is_a_key(functional_call, names, kind):
    root, container, seen = probe(names, lambda self, x: x), kind(), []
    shared, other = nn.Module(), nn.Module()
    first, way, last = (names.attribute() for _ in range(3))
    for key, child in (("1", shared), ("0", other)):
        child.register_buffer("shift", torch.zeros(3))
        container.add_module(key, child)
    for key, child in ((first, shared), (way, container), (last, shared)):
        root.add_module(key, child)
    own = other.shift
    root.register_forward_pre_hook(lambda *_: seen.extend([shared.shift, other.shift]))
    for path in (first, f"{way}.1", last):
        value = torch.ones(3)
        functional_call(root, {f"{path}.shift": value}, torch.ones(3))

        assert identical(seen, [value, own])
        seen.clear()


@clause("tie.one-name")
def test_names_are_tied_in_a_module_of_many_tensors(functional_call, names):
    """More than a thousand, with one tie among them, of two names or of very many."""
    module, many, (first, second) = probe(names), 1100, (names.attribute() for _ in range(2))
    own, other, value, seen = torch.ones(()), torch.ones(()), torch.ones(()), []
    module._buffers.update((f"buffer{number}", other) for number in range(many))
    module._buffers.update({first: own})
    module._buffers.update((f"tensor{number}", torch.ones(0)) for number in range(many))
    module._buffers.update({second: own})
    type(module).forward = lambda self, x: seen.append([getattr(self, key) for key in (first, second, "buffer7")])
    functional_call(module, {first: value}, torch.ones(()))
    functional_call(module, {"buffer3": value}, torch.ones(()))

    assert identical([*seen[0], *seen[1]], [value, value, other, own, own, value])


WRAPPERS = {
    "DataParallel": lambda layer: (nn.DataParallel(layer).cpu(), "module"),
    "Sequential": lambda layer: (nn.Sequential(layer), "0"),
    "ModuleList": lambda layer: (nn.ModuleList([layer]), "0"),
    "ModuleDict": lambda layer: (nn.ModuleDict({"one": layer}), "one"),
}


@clause("tie.one-name")
@pytest.mark.parametrize("wrap", WRAPPERS.values(), ids=WRAPPERS)
def test_a_value_reaches_a_name_below_a_wrapper_of_torch(functional_call, names, wrap):
    root, layer, key, path = probe(names), probe(names), names.attribute(), names.attribute()
    layer.register_parameter(key, parameter())
    wrapper, below = wrap(layer)
    root.add_module(path, wrapper)
    root.register_parameter(key, layer.get_parameter(key))

    seen, value = _seen(functional_call, root, key, f"{path}.{below}.{key}")

    assert seen is value
