"""functional_call, style one: annexes.

No entry of a store is ever swapped. Each store that holds a given name gets an *annex*, another dict that stands in its
place (`module._parameters is annex`) while forward runs. Afterwards the store itself comes back, and what forward changed
about other names in the annex is carried over. Kinds of things are told apart by functools.singledispatch.
"""

import functools
import reprlib
import weakref
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd import forward_ad
from torch.nn.utils import parametrize

NOTHING = type("NOTHING", (), {"__slots__": ()})()


def functional_call(module, parameter_and_buffer_dicts, args=None, kwargs=None, *, tie_weights=True, strict=False):
    """Call `module` with other parameters and buffers than its own, and leave it as it was."""
    if not isinstance(module, nn.Module):
        raise TypeError(f"the first argument must be a torch.nn.Module, and is a {type(module).__name__}")
    if isinstance(module, (torch.jit.ScriptModule, nn.DataParallel)):
        raise RuntimeError(f"functional_call can't call this kind of module: {type(module).__name__}")
    given = unite(containers_of(parameter_and_buffer_dicts))
    estate = Estate(module)
    spots, unexpected = {}, []
    for name, (value, _) in given.items():
        spot = estate.find(name, value, strict)
        if spot is None:
            unexpected.append(name)
        else:
            spots[name] = spot
    lease = {spot.token: (spot, given[name][0]) for name, spot in spots.items()}
    if tie_weights:
        tie(estate, spots, given, lease)
    if strict:
        refuse_inexact(estate, lease, unexpected)
    fences = estate.fences([spot for spot, _ in lease.values()])
    scores = [Score(each) for _, each in estate.modules if issubclass(type(each), nn.RNNBase)]
    undo, bound = [], {}
    try:
        if lease and parametrize._cache_enabled:
            parametrize._cache.clear()
        for spot, value in lease.values():
            let(spot, value, undo)
        call = module(*(args_of(args)), **({} if kwargs is None else kwargs))
        for name, spot in spots.items():
            if isinstance(spot, InStore):
                bound[name] = spot.annex.seat_of(spot.owner).get(spot.key, NOTHING)
    finally:
        for step in reversed(undo):
            step()
        for annex in {id(spot.annex): spot.annex for spot, _ in lease.values() if isinstance(spot, InStore)}.values():
            annex.close()
        for fence in fences:
            fence.clear_away()
        leased = {spot.token for spot, _ in lease.values()}
        for score in scores:
            score.correct(leased)
        if lease:
            parametrize._cache.clear()  # what was computed from given values is nobody else's
    for name, now in bound.items():
        if now is not lease[spots[name].token][1] and (now is None or isinstance(now, Tensor)):
            try:
                given[name][1][name] = now
            except Exception as error:
                raise RuntimeError(f"the dict that holds {name!r} refuses what forward has bound to it") from error
    return call


# --- what the caller passes ---------------------------------------------------------------------------------------------


@functools.singledispatch
def containers_of(thing):
    raise ValueError(f"parameter_and_buffer_dicts must be a dict or a tuple of dicts, and is a {type(thing).__name__}")


@containers_of.register(dict)
def _(thing):
    return [thing]


@containers_of.register(tuple)
@containers_of.register(list)
def _(thing):
    for one in thing:
        if not isinstance(one, dict):
            raise ValueError(f"each of a tuple must be a dict, and one is a {type(one).__name__}")
    return thing


@functools.singledispatch
def args_of(args):
    return (args,)


@args_of.register(tuple)
def _(args):
    return args


@args_of.register(type(None))
def _(args):
    return ()


def unite(containers):
    """By name: the value, and the dict that holds it."""
    given = {}
    for one in containers:
        for name, value in one.items():
            if name in given:
                raise ValueError(f"{name!r} appeared in multiple dictionaries")
            if value is not None and not isinstance(value, Tensor):
                raise TypeError(f"the value of {name!r}, {reprlib.repr(value)}, is not an instance of torch.Tensor")
            given[name] = value, one
    return given


# --- what the module has ------------------------------------------------------------------------------------------------


@dataclass(eq=False)
class Annex:
    """A store, who has it, and the dict that stands in its place while forward runs."""

    store: Any
    seats: list = field(default_factory=list)  # (the `__dict__` of a module, "_parameters" or "_buffers")
    before: Any = None
    opened: Any = None
    annex: Any = None
    leased: set = field(default_factory=set)

    def put(self, key, value):
        if self.annex is None:
            self.before = dict(self.store)
            self.annex = dict(self.store)
            for home, which in self.seats:
                home[which] = self.annex
        self.leased.add(key)
        self.annex[key] = value

    def seat_of(self, home):
        """The dict that stands now where this module had the store."""
        for other, which in self.seats:
            if other is home:
                return home[which]
        return None

    def close(self):
        if self.annex is None:
            return
        changes = {}
        for now in {id(home[which]): home[which] for home, which in self.seats}.values():
            for key in now:
                if key not in self.leased and now[key] is not self.before.get(key, NOTHING):
                    changes[key] = now[key]
            for key in self.before:
                if key not in self.leased and key not in now:
                    changes[key] = NOTHING
        for home, which in self.seats:
            home[which] = self.store
        for key in self.leased:  # somebody may have had hold of the store itself
            changes[key] = self.before.get(key, NOTHING)
        for key, value in changes.items():
            if value is NOTHING:
                self.store.pop(key, None)
            elif self.store.get(key, NOTHING) is not value:
                self.store[key] = value
        if [key for key in self.store if key in self.before] != [key for key in self.before if key in self.store]:
            contents = {key: self.store[key] for key in (*self.before, *self.store) if key in self.store}
            self.store.clear()
            self.store.update(contents)
        self.annex.clear()  # whoever took hold of the annex sees what the module has
        self.annex.update(self.store)
        self.annex = self.before = None
        self.leased.clear()


class Spot:
    """A place where one value can stand."""


@dataclass(eq=False, frozen=True)
class InStore(Spot):
    annex: Annex
    owner: dict
    key: str
    hidden: bool = False

    @property
    def token(self):
        return id(self.annex.store), self.key


@dataclass(eq=False, frozen=True)
class InDict(Spot):
    owner: dict
    key: str

    @property
    def token(self):
        return id(self.owner), self.key


@dataclass(eq=False, frozen=True)
class InList(Spot):
    """Where a ParametrizationList hands out what it computes."""

    listed: Any

    @property
    def token(self):
        return id(self.listed), None


class Estate:
    """All modules, each once, and their stores."""

    def __init__(self, root):
        self.modules = []
        self.annexes = {}
        self.by_prefix = {"": root}
        seen, todo = {id(root)}, [("", root)]
        while todo:
            prefix, module = todo.pop()
            self.modules.append((prefix, module))
            home = vars(module)
            for which in ("_parameters", "_buffers"):
                store = home[which]
                self.annexes.setdefault(id(store), Annex(store)).seats.append((home, which))
            for key, child in reversed(home["_modules"].items()):
                if (
                    isinstance(child, nn.Module)
                    and not isinstance(child, torch.jit.ScriptModule)
                    and id(child) not in seen
                ):
                    seen.add(id(child))
                    todo.append((f"{prefix}{key}.", child))
        for prefix, module in self.modules:
            self.by_prefix[prefix] = module

    def owned(self):
        """Each slot once: its name, the store, the key, and the tensor."""
        seen = set()
        for prefix, module in self.modules:
            for which in ("_parameters", "_buffers"):
                store = vars(module)[which]
                if id(store) not in seen:
                    seen.add(id(store))
                    for key, own in store.items():
                        yield prefix + key, InStore(self.annexes[id(store)], vars(module), key), own

    def owner(self, prefix, strict):
        """The module at the end of a path."""
        missing, at = [], prefix
        while at not in self.by_prefix:
            above, dot, part = at[:-1].rpartition(".")
            at = above + dot
            missing.append(part)
        module = self.by_prefix[at]
        for part in reversed(missing):
            child = vars(module)["_modules"].get(part)
            if not isinstance(child, nn.Module) or isinstance(child, torch.jit.ScriptModule):
                if strict:
                    return None
                raise AttributeError(
                    f"{prefix[:-1]!r}: {type(module).__name__} has no attribute {part!r} that is a module"
                )
            at, module = f"{at}{part}.", child
            self.by_prefix[at] = module
        return module

    def find(self, name, value, strict):
        if not isinstance(name, str):
            raise TypeError(f"names must be strings, and one is {name!r}")
        path, dot, leaf = name.rpartition(".")
        if not leaf:
            raise KeyError(f"a name can't be empty, nor end in a dot: {name!r}")
        module = self.owner(path + dot, strict)
        if module is None:
            return None
        home = vars(module)
        for which in ("_parameters", "_buffers"):
            if leaf in home[which]:
                return InStore(self.annexes[id(home[which])], home, leaf)
        if strict:
            return None
        lists = home["_modules"].get("parametrizations")
        listed = vars(lists)["_modules"].get(leaf) if isinstance(lists, nn.Module) else None
        if isinstance(listed, parametrize.ParametrizationList):
            return InList(listed)
        holders = [home, *(vars(each) for each in type(module).__mro__)]
        found = next((holder[leaf] for holder in holders if leaf in holder), NOTHING)
        if found is None or isinstance(found, Tensor):
            return InDict(home, leaf)
        if found is not NOTHING or leaf in home["_modules"] or hasattr(module, leaf):
            raise TypeError(f"{name!r} is the name of something that is no tensor, parameter or buffer")
        if isinstance(value, nn.Parameter):
            return InStore(self.annexes[id(home["_parameters"])], home, leaf)
        if hasattr(nn, "Buffer") and isinstance(value, nn.Buffer):
            return InStore(self.annexes[id(home["_buffers"])], home, leaf, not value.persistent)
        return InDict(home, leaf)

    def fences(self, spots):
        fences = {}
        for spot in spots:
            if isinstance(spot, InStore):
                homes = [home for home, _ in spot.annex.seats]
            elif isinstance(spot, InDict):
                homes = [spot.owner]
            else:
                continue
            for home in homes:
                fences.setdefault(id(home), Fence(home)).keys.add(spot.key)
        for fence in fences.values():
            fence.look()
        return [*fences.values()]


class Fence:
    """Which keys of a module stood in which of its dicts, so that nothing new is called like what was given."""

    def __init__(self, home):
        self.home = home
        self.keys = set()

    def places(self):
        return self.home["_parameters"], self.home["_buffers"], self.home["_modules"], self.home

    def look(self):
        self.stood = [{key for key in self.keys if key in place} for place in self.places()]
        self.hidden = self.keys & self.home["_non_persistent_buffers_set"]

    def clear_away(self):
        for place, stood in zip(self.places(), self.stood, strict=False):
            for key in self.keys - stood:
                place.pop(key, None)
        hidden = self.home["_non_persistent_buffers_set"]
        for key in self.keys:
            (hidden.add if key in self.hidden else hidden.discard)(key)


# --- putting in ---------------------------------------------------------------------------------------------------------


@functools.singledispatch
def let(spot, value, undo):
    raise NotImplementedError


@let.register
def _(spot: InStore, value, undo):
    spot.annex.put(spot.key, value)
    if spot.hidden:
        spot.owner["_non_persistent_buffers_set"].add(spot.key)


@let.register
def _(spot: InDict, value, undo):
    own = spot.owner.get(spot.key, NOTHING)
    if own is NOTHING:
        undo.append(functools.partial(spot.owner.pop, spot.key, None))
    else:
        undo.append(functools.partial(spot.owner.__setitem__, spot.key, own))
    spot.owner[spot.key] = value


@let.register
def _(spot: InList, value, undo):
    listed = spot.listed
    undo.append(functools.partial(hand_back, listed, type(listed), vars(listed).get("_handed", NOTHING)))
    vars(listed)["_handed"] = value
    object.__setattr__(listed, "__class__", handing(type(listed)))


def hand_back(listed, cls, handed):
    object.__setattr__(listed, "__class__", cls)
    if handed is NOTHING:
        vars(listed).pop("_handed", None)
    else:
        vars(listed)["_handed"] = handed


def handed(listed):
    return vars(listed)["_handed"]


def take(listed, value):
    vars(listed)["_handed"] = value


def handing(cls):
    """A subclass whose instances hand out what is given: the only kind of base that allows to change the class of an instance."""
    if cls is parametrize.ParametrizationList:
        return HandingList
    if "_hands_out" in vars(cls):
        return cls
    return type(cls)(cls.__name__, (cls,), HANDS_OUT)


HANDS_OUT = {"__call__": handed, "forward": handed, "right_inverse": take, "_hands_out": True}
HandingList = type("HandingList", (parametrize.ParametrizationList,), HANDS_OUT)


# --- laws of ties, of strict, of recurrent modules ----------------------------------------------------------------------


def tie(estate, spots, given, lease):
    owned = [(spot, own) for _, spot, own in estate.owned()]
    owners = {spot.token: own for spot, own in owned if own is not None}
    firsts = {}
    for name, spot in spots.items():
        marks = [spot.token]
        if spot.token in owners:
            marks.append(id(owners[spot.token]))
        for mark in marks:
            first = firsts.setdefault(mark, name)
            if first != name and not same(given[first][0], given[name][0], isinstance(mark, tuple)):
                raise ValueError(f"functional_call got multiple values for keys {[first, name]}, which are tied")
    for spot, own in owned:
        if own is not None and spot.token not in lease and id(own) in firsts:
            lease[spot.token] = spot, given[firsts[id(own)]][0]


def refuse_inexact(estate, lease, unexpected):
    missing = [name for name, spot, own in estate.owned() if own is not None and spot.token not in lease]
    text = "".join(
        f"\n\t{what} key(s): {', '.join(map(repr, sorted(names)))}."
        for what, names in (("Unexpected", unexpected), ("Missing", missing))
        if names
    )
    if text:
        raise RuntimeError(f"Error(s) in functional_call with strict=True:{text}")


class Score:
    """The list of weights that a recurrent module keeps beside the registered ones."""

    def __init__(self, module):
        self.module = module
        home = vars(module)
        self.lists = home.get("_flat_weights"), home.get("_flat_weight_refs")
        self.held = [[*each] if each is not None else [] for each in self.lists]

    def correct(self, leased):
        home = vars(self.module)
        if "_flat_weights" not in home or "_flat_weight_refs" not in home:
            return
        weights, refs = [*home["_flat_weights"]], [*home["_flat_weight_refs"]]
        for at, name in enumerate(home["_flat_weights_names"]):
            if at >= len(weights):
                break
            lists = home["_modules"].get("parametrizations")
            is_computed = isinstance(lists, nn.Module) and name in vars(lists)["_modules"]
            slot = next((home[which][name] for which in ("_parameters", "_buffers") if name in home[which]), NOTHING)
            if slot is not NOTHING:
                if weights[at] is not slot or refs[at] is None or refs[at]() is not slot:
                    weights[at], refs[at] = slot, None if slot is None else weakref.ref(slot)
            elif (is_computed or (id(home), name) in leased) and at < len(self.held[0]):
                weights[at], refs[at] = self.held[0][at], self.held[1][at]
        for which, was, now in zip(("_flat_weights", "_flat_weight_refs"), self.lists, (weights, refs), strict=False):
            if len(now) != len(home[which]) or any(a is not b for a, b in zip(now, home[which], strict=False)):
                home[which][:] = now
            if (
                was is not None
                and home[which] is not was
                and len(was) == len(now)
                and all(map(lambda a, b: a is b, was, now))
            ):
                home[which] = was


# --- equality -----------------------------------------------------------------------------------------------------------


def same(a, b, of_slot):
    if a is b or a is None or b is None:
        return a is b
    if of_slot and not same(forward_ad.unpack_dual(a).tangent, forward_ad.unpack_dual(b).tangent, False):
        return False
    try:
        if view(a) == view(b):
            return True
    except Exception:
        pass
    try:
        return torch.equal(a, b)
    except Exception:
        return False


def view(tensor):
    """What two tensors have in common that are one view of one memory."""
    if tensor.is_nested:
        parts = ["values", "_nested_tensor_size", "_nested_tensor_strides", "_nested_tensor_storage_offsets"]
        return "nested", *(view(getattr(tensor, part)()) for part in parts if hasattr(tensor, part))
    if tensor.layout is torch.sparse_coo:
        return "coo", tensor.shape, view(tensor._indices()), view(tensor._values())
    if tensor.layout in (torch.sparse_csr, torch.sparse_bsr):
        parts = tensor.crow_indices(), tensor.col_indices(), tensor.values()
        return tensor.layout, tensor.shape, *map(view, parts)
    if tensor.layout in (torch.sparse_csc, torch.sparse_bsc):
        parts = tensor.ccol_indices(), tensor.row_indices(), tensor.values()
        return tensor.layout, tensor.shape, *map(view, parts)
    memory = tensor.untyped_storage()._cdata, tensor.storage_offset(), tensor.stride()
    return str(tensor.layout), tensor.dtype, tensor.shape, tensor.is_conj(), tensor.is_neg(), memory
