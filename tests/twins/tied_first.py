"""Resolves names and ties itself, and leaves the swap to torch.func.functional_call, which is right about one owner and one key.

It calls a Shim that has every owner as its direct child, with tie_weights=False; before torch restores, the Shim tidies
up what forward left there. A regular name has a stand-in for its ParametrizationList. Where implementations are free:
args=None is no argument; a namedtuple is unpacked; a list of dicts, a Mapping that is no dict and None values are
accepted; an unknown name is an instance attribute during the call; plain and class-level tensors are accepted; dicts
are updated when forward raises, also where another name of a tied group was rebound, and one that refuses is left
alone; under strict a regular name is unexpected, a name registered as None is not, and one name of a shared slot is
enough; ties that cannot be decided are refused; of several values for one slot the last counts.
"""

import contextlib
from collections.abc import Mapping

import torch
from torch.nn.utils import parametrize


def functional_call(module, parameter_and_buffer_dicts, args=None, kwargs=None, *, tie_weights=True, strict=False):
    if not isinstance(module, torch.nn.Module):
        raise Exception(f"Want an nn.Module, got a {type(module).__name__}.")
    dicts = parameter_and_buffer_dicts
    dicts = dicts if isinstance(dicts, (tuple, list)) else (dicts,)
    given, holders = {}, {}
    for one in dicts:
        if not isinstance(one, Mapping):
            raise Exception(f"Want a dict or a tuple of dicts, got a {type(one).__name__}.")
        for name, value in one.items():
            if name in given:
                raise Exception(f"Key {name} came twice.")
            if value is not None and not isinstance(value, torch.Tensor):
                raise Exception(f"Key {name} came with a {type(value).__name__}, want a tensor.")
            given[name], holders[name] = value, one
    places, by_name = resolve(module, given, tie_weights, strict)
    shim = Shim(module, places)
    try:
        return torch.func.functional_call(shim, shim.flat, () if args is None else args, kwargs, tie_weights=False)
    finally:
        for name, its in by_name.items():
            rebound = [place.rebound for place in its if place.rebound is not ...]
            if rebound:
                with contextlib.suppress(Exception):
                    holders[name][name] = rebound[0]


def resolve(module, given, tie_weights, strict):
    """All places that need a value, and those of every given name: its own one, then those that are tied to it and not given."""
    places, by_name = {}, {}

    def place(owner, key):
        return places.setdefault((home(owner), key), Place(owner, key))

    unexpected = find(module, given, tie_weights, strict, place, by_name)
    registered = [
        (prefix + key, Place(owner, key))
        for prefix, owner in tree(module)
        for key in (*vars(owner)["_parameters"], *vars(owner)["_buffers"])
    ]
    if tie_weights:
        tie(registered, given, places, place, by_name)
    for _, its in registered:  # of two modules with one store
        if its.slot in places and its.owner is not places[its.slot].owner and its.key not in vars(its.owner):
            places[its.slot].free.append(vars(its.owner))
    missing = [name for name, its in registered if its.tensor is not None and its.slot not in places]
    if strict and (missing or unexpected):
        raise Exception(f"Not exact: {missing} missing, {unexpected} not expected.")
    for name in unexpected:
        if by_name[name][0].is_refused():
            raise Exception(f"Key {name!r} is there and is no tensor.")
    return places, by_name


def find(module, given, tie_weights, strict, place, by_name):
    """The places that given names lead to; of these names, those of nothing that is registered."""
    unexpected = []
    for name, value in given.items():
        owner = module
        *path, key = name.split(".") if isinstance(name, str) else ("", "")
        for part in path:
            owner = None if owner is None else vars(owner)["_modules"].get(part)
        found = None if owner is None or not key else place(owner, key)
        if found is not None:
            if tie_weights and not same(getattr(found, "value", value), value):
                raise Exception(f"Key {name!r} leads where another one leads, with a different value.")
            found.value = value
            by_name[name] = [found]
        elif not strict:
            raise Exception(f"Key {name!r} leads to nothing.")
        if found is None or found.tensor is ...:
            unexpected.append(name)
    return unexpected


def tie(registered, given, places, place, by_name):
    """Give the value of a name to what is tied to it and not given."""
    groups = {}
    for name, its in registered:
        groups.setdefault(its.slot if its.tensor is None else id(its.tensor), []).append((name, its))
    for group in groups.values():
        names = [name for name, _ in group if name in given]
        if any(not same(given[names[0]], given[name]) for name in names):
            raise Exception(f"Keys {names} are tied and have different values.")
        for its in [its for _, its in group if names and its.slot not in places]:
            place(its.owner, its.key).value = given[names[0]]
            for name in names:
                by_name[name].append(places[its.slot])


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


def same(a, b):
    if a is None or b is None:
        return a is b
    with contextlib.suppress(RuntimeError):
        alike = a is b or one_memory(a, b) or (a.shape, a.dtype, a.device) == (b.shape, b.dtype, b.device)
        if alike and a is not b and not one_memory(a, b):
            alike = not torch.ne(a, b).any().item()
        return alike and (a is b or same(tangent(a), tangent(b)))
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


class Place:
    """Where a name leads: a key of an owner, in one of its stores."""

    def __init__(self, owner, key):
        self.owner, self.key, self.slot = owner, key, (home(owner), key)
        self.parameters, self.buffers, self.modules = (
            vars(owner)[name] for name in ("_parameters", "_buffers", "_modules")
        )
        self.hidden = vars(owner)["_non_persistent_buffers_set"]
        self.was_hidden = key in self.hidden
        self.tensor = self.rebound = ...
        self.store = vars(owner)
        for store in (self.parameters, self.buffers):
            if key in store:
                self.store, self.tensor = store, store[key]
        lists = self.modules.get("parametrizations")
        self.is_regular = isinstance(getattr(lists, key, None), parametrize.ParametrizationList | StandIn)
        if self.is_regular:
            self.store = vars(lists)["_modules"]
        self.old = self.store.get(key, ...)
        self.free = [store for store in self.stores() if key not in store]

    def stores(self):
        return self.parameters, self.buffers, self.modules, vars(self.owner)

    def is_refused(self):
        """Is there something under this name that is no tensor?"""
        if self.is_regular or self.tensor is not ...:
            return False
        if self.old is ... and not hasattr(type(self.owner), self.key):
            return hasattr(self.owner, self.key)
        return not isinstance(getattr(type(self.owner), self.key) if self.old is ... else self.old, torch.Tensor)

    def put_in(self):
        if self.is_regular:
            self.store[self.key] = StandIn(self.old, self.value)
        elif self.tensor is ...:
            self.store[self.key] = self.value

    def tidy(self):
        """Leave to torch what it can restore, and restore what it can't."""
        if self.is_regular:
            self.note(vars(self.store[self.key])["given"])
            self.store[self.key] = self.old
            return
        now = (*(vars(self.owner)[name] for name in ("_parameters", "_buffers", "_modules")), vars(self.owner))
        self.note(next((store[self.key] for store in now if self.key in store), ...))
        if self.old is not ...:
            self.store[self.key] = self.old if self.tensor is ... else self.value
        for store in self.free:
            store.pop(self.key, None)
        (self.hidden.add if self.was_hidden else self.hidden.discard)(self.key)

    def note(self, now):
        if now is not self.value and (now is None or isinstance(now, torch.Tensor)):
            self.rebound = now


class Shim(torch.nn.Module):
    """What torch sees: a module with all owners as children, whose call is the module's call."""

    def __init__(self, module, places):
        super().__init__()
        owners = list({id(place.owner): place.owner for place in places.values()}.values())
        numbers = {id(owner): str(number) for number, owner in enumerate(owners)}
        vars(self)["_modules"].update((numbers[id(owner)], owner) for owner in owners)
        vars(self).update(module=module, places=list(places.values()))
        vars(self)["flat"] = {
            f"{numbers[id(place.owner)]}.{place.key}": place.value for place in self.places if place.tensor is not ...
        }

    def __call__(self, *args, **kwargs):
        lists = [vars(one) for _, one in tree(self.module) if self.places and isinstance(one, torch.nn.RNNBase)]
        before = [(list(own["_flat_weights"]), own["_flat_weight_refs"]) for own in lists]
        cache = parametrize._cache
        stores = {id(place.store): place.store for place in self.places if place.tensor is not ...}
        orders = [(store, list(store)) for store in stores.values()]
        try:
            if self.places:
                parametrize._cache = {}
            for place in self.places:
                place.put_in()
            return self.module(*args, **kwargs)
        finally:
            parametrize._cache = cache
            for place in self.places:
                place.tidy()
            for store, order in orders:
                ordered = {key: store[key] for key in order if key in store} | store
                if list(ordered) != list(store):
                    store.clear()
                    store.update(ordered)
            swapped = {(id(place.store), place.key) for place in self.places}
            for own, (weights, references) in zip(lists, before, strict=True):
                for number, name in enumerate(own["_flat_weights_names"]):
                    if name in own:  # no slot, but an attribute
                        weights[number] = own["_flat_weights"][number]
                    elif name in own["_parameters"] and (id(own["_parameters"]), name) not in swapped:
                        weights[number] = own["_parameters"][name]
                own.update(_flat_weights=weights, _flat_weight_refs=references)


class StandIn(torch.nn.Module):
    """All the state of a ParametrizationList, and one tensor as its result."""

    def __init__(self, parametrizations, tensor):
        vars(self).update(vars(parametrizations), given=tensor)

    def __call__(self):
        return vars(self)["given"]

    def right_inverse(self, tensor):
        vars(self)["given"] = tensor
