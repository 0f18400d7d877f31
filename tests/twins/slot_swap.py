"""A context manager swaps slot by slot; the callbacks of an ExitStack put everything back, last in, first out.

A regular name replaces the property of the parametrized class. Where implementations are free: args=None is no
argument; a namedtuple is one argument; a list of dicts is refused, a Mapping that is no dict accepted; None values are
refused; an unknown name is an instance attribute during the call; plain and class-level tensors are refused; no dict is
updated when forward raises; under strict a regular name is unexpected, a name registered as None is not, and one name
of a shared slot is enough; ties that cannot be decided are refused; of several values for one slot the first counts.
"""

import contextlib
from collections.abc import Mapping

import torch
from torch.nn.utils import parametrize


class Refused(Exception):
    """Every error of this implementation."""


def functional_call(module, parameter_and_buffer_dicts, args=None, kwargs=None, *, tie_weights=True, strict=False):
    if not isinstance(module, torch.nn.Module):
        raise Refused(f"the first argument is a {type(module).__name__} and no torch.nn.Module")
    given = {}
    dicts = (
        parameter_and_buffer_dicts if isinstance(parameter_and_buffer_dicts, tuple) else (parameter_and_buffer_dicts,)
    )
    for source in dicts:
        if not isinstance(source, Mapping):
            raise Refused(f"a {type(source).__name__} came where a dict, or a tuple of dicts, was expected")
        for name, value in source.items():
            if name in given:
                raise Refused(f"{name!r} is in more than one dict")
            if not isinstance(value, torch.Tensor):
                raise Refused(f"the value of {name!r} is a {type(value).__name__} and no tensor")
            given[name] = value
    args = () if args is None else args if type(args) is tuple else (args,)
    values, places = resolve(module, given, tie_weights, strict)
    with swapped(module, values) as now:
        result = module(*args, **({} if kwargs is None else kwargs))
        rebound = {name: now(place) for name, place in places.items() if now(place) is not values[place][2]}
    for source in dicts:
        for name in [name for name in source if isinstance(rebound.get(name, ...), torch.Tensor | None)]:
            source[name] = rebound[name]
    return result


def resolve(module, given, tie_weights, strict):
    """What to put where, as {place: (owner, key, value)}, and the place of every given name; a place is (home(owner), key)."""
    values, places, groups, unexpected = {}, {}, {}, []
    registered = [
        (prefix + key, owner, key, tensor)
        for prefix, owner in tree(module)
        for store in stores(owner)[:2]
        for key, tensor in store.items()
    ]
    for name, value in given.items():
        owner, key = find(module, name)
        held = ... if owner is None else next((store[key] for store in stores(owner)[:2] if key in store), ...)
        if held is ...:
            unexpected.append(name)
        if owner is not None:
            places[name] = home(owner), key
            values.setdefault(places[name], (owner, key, value))
            groups.setdefault(places[name] if held is ... or held is None else id(held), []).append(name)
        elif not strict:
            raise Refused(f"{name!r} names nothing: a part of it does not exist")
    if tie_weights:
        for group in groups.values():
            if not all(equal(given[group[0]], given[name]) for name in group):
                raise Refused(f"different values for {' and '.join(group)}, which are one tensor")
        for _, owner, key, tensor in registered:
            if id(tensor) in groups:
                values.setdefault((home(owner), key), (owner, key, given[groups[id(tensor)][0]]))
    missing = [
        name for name, owner, key, tensor in registered if tensor is not None and (home(owner), key) not in values
    ]
    if strict and (missing or unexpected):
        raise Refused(f"strict: without value {missing}, without place {unexpected}")
    for name in unexpected:
        owner, key, _ = values[places[name]]
        if not is_parametrized(owner, key) and hasattr(owner, key):
            raise Refused(f"{name!r} is neither parameter nor buffer, but something else")
    return values, places


def tree(module):
    """(prefix, module) of every path that enters no module twice. Scripted ones, whose state is not in Python, are left out."""
    todo = [("", module, ())]
    while todo:
        prefix, module, above = todo.pop()
        yield prefix, module
        below = [
            (f"{prefix}{key}.", child, (module, above))
            for key, child in vars(module)["_modules"].items()
            if child is not None
            and not isinstance(child, torch.jit.ScriptModule)
            and not is_above(child, (module, above))
        ]
        todo += reversed(below)


def is_above(module, above):
    while above:
        if above[0] is module:
            return True
        above = above[1]
    return False


def find(owner, name):
    *path, key = name.split(".") if isinstance(name, str) else ("", "")
    for part in path:
        owner = None if owner is None else vars(owner)["_modules"].get(part)
    return owner if key else None, key


def stores(owner):
    own = vars(owner)
    return own["_parameters"], own["_buffers"], own["_modules"], own


def is_parametrized(owner, key):
    lists = vars(owner)["_modules"].get("parametrizations")
    return isinstance(lists, torch.nn.ModuleDict) and key in lists


def equal(a, b):
    try:
        if a is b or a is None or b is None:
            return a is b
        same = one_memory(a, b) or ((a.shape, a.dtype, a.device) == (b.shape, b.dtype, b.device) and torch.equal(a, b))
        return same and equal(tangent(a), tangent(b))
    except (RuntimeError, TypeError):
        return False


def tangent(value):
    return torch.autograd.forward_ad.unpack_dual(value).tangent


def one_memory(a, b):
    """Whether these are one view of one memory, as tensors that a state dict holds for tied names are."""
    if a.dtype is not b.dtype or a.is_nested is not b.is_nested or a.layout is not b.layout:
        return False
    if a.is_nested:
        return torch._C._is_alias_of(a, b) and torch.equal(a._nested_tensor_size(), b._nested_tensor_size())
    if a.layout is not torch.strided:
        return a.shape == b.shape and all(map(one_memory, parts(a), parts(b)))
    return view(a) == view(b) and torch._C._is_alias_of(a, b)


def parts(tensor):
    """The dense tensors that a sparse one is made of."""
    rows = tensor.layout in (torch.sparse_csr, torch.sparse_bsr)
    names = ("crow_indices", "col_indices") if rows else ("ccol_indices", "row_indices")
    names = ("_indices", "_values") if tensor.layout is torch.sparse_coo else (*names, "values")
    return [getattr(tensor, name)() for name in names]


def view(tensor):
    return tensor.shape, tensor.stride(), tensor.storage_offset(), tensor.is_conj(), tensor.is_neg()


def home(owner):
    """What identifies the owner of a slot: a module and its `copy.copy` have the same stores, and so one slot."""
    return id(vars(owner)["_parameters"]), id(vars(owner)["_buffers"])


@contextlib.contextmanager
def swapped(module, values):
    """During this context every place holds its value; gives a function that says what a place holds now."""
    boxes = {}

    def now(place):
        if place in boxes:
            return boxes[place][0]
        return next((store[place[1]] for store in stores(values[place][0]) if place[1] in store), ...)

    with contextlib.ExitStack() as stack:
        if values and parametrize._cache_enabled:
            stack.callback(setattr, parametrize, "_cache", parametrize._cache)
            parametrize._cache = {}
        for _, owner in tree(module) if values else ():
            if isinstance(
                owner, torch.nn.RNNBase
            ):  # a recurrent module lists its weights anew when it finds other ones
                weights, references = list(vars(owner)["_flat_weights"]), vars(owner)["_flat_weight_refs"]
                stack.callback(put_weights_back, owner, weights, references)
        for owner in {place[0]: owner for place, (owner, _, _) in values.items()}.values():
            for store in stores(owner)[:2]:
                stack.callback(put_in_order, store, list(store))
        sharing = {}
        for _, one in tree(module) if values else ():
            sharing.setdefault(home(one), []).append(one)
        for place, (owner, key, value) in values.items():
            if is_parametrized(owner, key):
                boxes[place] = [value]
                swap_property(stack, owner, key, boxes[place])
            else:
                swap_slot(stack, [owner, *sharing[place[0]]], key, value)
        yield now


def swap_slot(stack, owners, key, value):
    """Put a value into one place of the first of these modules; the others have the same stores."""
    owner = owners[0]
    number = next((number for number, store in enumerate(stores(owner)) if key in store), 3)
    place, hidden = stores(owner)[number], vars(owner)["_non_persistent_buffers_set"]
    old = place.get(key, ...)
    free = [(one, n) for one in (owners if number < 2 else owners[:1]) for n in range(4) if key not in stores(one)[n]]

    def put_back(was_hidden=key in hidden):
        for one, n in free:
            stores(one)[n].pop(key, None)
        if old is not ...:
            place[key] = stores(owner)[number][key] = old  # forward can put another dict there
        (hidden.add if was_hidden else hidden.discard)(key)

    stack.callback(put_back)
    place[key] = value


def swap_property(stack, owner, key, box):
    kind = next(kind for kind in type(owner).__mro__ if key in vars(kind))
    old = vars(kind)[key]
    stack.callback(setattr, kind, key, old)

    def give(self):
        return box[0] if self is owner else old.fget(self)

    def take(self, value):
        if self is not owner:
            old.fset(self, value)
        else:
            box[0] = value

    setattr(kind, key, property(give, take))


def put_weights_back(owner, weights, references):
    """Those that are no slots are listed as forward left them."""
    own = vars(owner)
    for number, name in enumerate(own["_flat_weights_names"]):
        if name in own:
            weights[number] = own["_flat_weights"][number]
        elif name in own["_parameters"]:
            weights[number] = own["_parameters"][name]
    own.update(_flat_weights=weights, _flat_weight_refs=references)


def put_in_order(store, order):
    items = {key: store[key] for key in order if key in store} | store
    if list(items) != list(store):
        store.clear()
        store.update(items)
