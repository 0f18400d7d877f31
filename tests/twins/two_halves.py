"""functional_call, style two: a merge.

A call is a generator in two halves: `next` begins it, and `next` ends it. The first half takes a snapshot of each module
that is touched, and puts values in; the second takes another one, and merges the two: what was given becomes what it was,
and what else has changed stays. Slots are rows of a table, and ties are found with arrays of numpy. Kinds of things are
told apart by structural pattern matching.
"""

from collections import deque
from dataclasses import dataclass
from reprlib import repr as short
from typing import Any, NamedTuple
from weakref import ref

import numpy as np
import torch
from torch import Tensor, nn
from torch.autograd import forward_ad
from torch.nn import Module, Parameter
from torch.nn.utils import parametrize
from torch.nn.utils.parametrize import ParametrizationList


class Gone:
    """What stands where nothing stands."""


class Row(NamedTuple):
    """A slot: its first name, the `__dict__` of a module, which of its dicts, the key, and what is in it."""

    name: str
    home: dict
    which: str
    key: str
    own: Any


@dataclass(slots=True)
class Put:
    """A value for a key of a dict of a module; `which` is "" for the `__dict__` itself."""

    home: dict
    which: str
    key: str
    value: Any
    hide: bool = False


class Hand:
    """What hands out a given value in place of a ParametrizationList."""

    def __init__(self, value):
        self.value = value

    def __call__(self):
        return self.value

    def take(self, value):
        self.value = value


class functional_call:
    """Call a module with other parameters and buffers than its own. (There is no instance: `__new__` returns the result.)"""

    def __new__(cls, module, parameter_and_buffer_dicts, args=None, kwargs=None, *, tie_weights=True, strict=False):
        match module:
            case torch.jit.ScriptModule() | nn.DataParallel():
                raise RuntimeError(f"a module of class {type(module).__name__} can't be called with other parameters")
            case Module():
                pass
            case _:
                raise TypeError(f"expected a torch.nn.Module, got {short(module)}")
        match parameter_and_buffer_dicts:
            case dict() as only:
                dicts = (only,)
            case tuple() | list() as several:
                dicts = several
            case other:
                raise ValueError(f"expected a dict or a tuple of dicts, got {type(other).__name__}")
        match args:
            case None:
                args = ()
            case tuple():
                pass
            case one:
                args = (one,)
        puts, homes, homesteads = plan(module, dicts, tie_weights, strict)
        halves = swapping(puts, homes, homesteads)
        next(halves)
        try:
            result = module(*args, **({} if kwargs is None else kwargs))
        finally:
            rebound = next(halves)
        write(homes, rebound)
        return result


def plan(module, dicts, tie_weights, strict):
    """Decide every error. Returns what to put where, and by name of a slot: its dict, its owner, and its key."""
    names, values, holders, index = [], [], [], {}
    for one in dicts:
        match one:
            case dict():
                for name, value in one.items():
                    if name in index:
                        raise ValueError(f"{name!r} appeared in multiple dictionaries")
                    match value:
                        case None | Tensor():
                            index[name] = len(names)
                            names.append(name)
                            values.append(value)
                            holders.append(one)
                        case _:
                            raise TypeError(f"{name!r}: {short(value)} is not an instance of torch.Tensor")
            case _:
                raise ValueError(f"expected a tuple of dicts, got a {type(one).__name__} in it")

    table = Table(module)
    puts, homes = {}, {}
    row_of = np.full(len(names), -1)
    unexpected = []
    twins = {}
    for at, name in enumerate(names):
        found = table.look_up(name, strict)
        match found:
            case None:
                unexpected.append(name)
            case int():
                row_of[at] = found
                homes[name] = holders[at], table.owner_of(name), table.rows[found].key, table.rows[found].which
            case _:
                place, made = table.make_room(found, name, values[at])
                first = twins.setdefault(place, at)
                if tie_weights and not is_same(values[first], values[at], True):
                    raise multiple(names[first], name)
                puts.update({(place, number): put for number, put in enumerate(made)})

    rows = table.rows
    chosen = np.full(len(rows), -1)  # by row: the number of the given name, whose value is in force
    firsts = np.full(len(rows), -1)
    for at in np.flatnonzero(row_of >= 0).tolist():
        row = row_of[at]
        if tie_weights and firsts[row] >= 0 and not is_same(values[firsts[row]], values[at], True):
            raise multiple(names[firsts[row]], names[at])
        if firsts[row] < 0:
            firsts[row] = at
        chosen[row] = at
    if tie_weights and rows:
        marks = np.array(
            [-1 - number if row.own is None else id(row.own) for number, row in enumerate(rows)], dtype=np.int64
        )
        _, group = np.unique(marks, return_inverse=True)
        speakers = np.full(len(rows), -1)
        for at in np.flatnonzero(row_of >= 0).tolist():
            its = group[row_of[at]]
            if speakers[its] < 0:
                speakers[its] = at
            elif not is_same(values[speakers[its]], values[at], False):
                raise multiple(names[speakers[its]], names[at])
        chosen = np.where(chosen < 0, speakers[group], chosen)
    if strict:
        missing = [rows[number].name for number in np.flatnonzero(chosen < 0).tolist() if rows[number].own is not None]
        complaints = []
        match unexpected, missing:
            case [], []:
                pass
            case _:
                if unexpected:
                    complaints.append(f"Unexpected key(s): {', '.join(map(repr, sorted(unexpected)))}.")
                if missing:
                    complaints.append(f"Missing key(s): {', '.join(map(repr, sorted(missing)))}.")
                raise RuntimeError("strict=True: " + "\n".join(complaints))
    for number in np.flatnonzero(chosen >= 0).tolist():
        row = rows[number]
        puts[number] = Put(row.home, row.which, row.key, values[chosen[number]])
    return [*puts.values()], homes, table.homesteads


def multiple(first, second):
    return ValueError(f"got multiple values for keys {first!r} and {second!r}, which are tied")


class Table:
    """Rows are the slots of a module and of all below it."""

    def __init__(self, root):
        self.rows: list[Row] = []
        self.numbers = {}  # by id of a store, and key
        self.homesteads = {}  # by id of a store: all who have it
        self.known = {"": root}
        self.recurrent = []
        met = {id(root)}
        queue = deque([("", root)])
        while queue:
            prefix, module = queue.popleft()
            home = module.__dict__
            for which in ("_parameters", "_buffers"):
                store = home[which]
                owners = self.homesteads.setdefault(id(store), [])
                if not owners:
                    for key, own in store.items():
                        self.numbers[id(store), key] = len(self.rows)
                        self.rows.append(Row(prefix + key, home, which, key, own))
                owners.append((home, which, module))
            for key, child in home["_modules"].items():
                match child:
                    case torch.jit.ScriptModule():
                        pass
                    case Module() if id(child) not in met:
                        met.add(id(child))
                        self.known[f"{prefix}{key}."] = child
                        queue.append((f"{prefix}{key}.", child))

    def owner_of(self, name):
        return self.known[name[: name.rfind(".") + 1]].__dict__

    def look_up(self, name, strict):
        """The number of a row, or the module in which there is none; None is what strict refuses."""
        match name:
            case str():
                pass
            case _:
                raise TypeError(f"a name is a string, and not {name!r}")
        cut = name.rfind(".") + 1
        prefix, key = name[:cut], name[cut:]
        if not key:
            raise KeyError(f"a name without a last part: {name!r}")
        if prefix not in self.known:
            parts, end = [], cut
            while name[:end] not in self.known:
                start = name.rfind(".", 0, end - 1) + 1
                parts.append((start, end))
                end = start
            module = self.known[name[:end]]
            while parts:
                start, end = parts.pop()
                match module.__dict__["_modules"].get(name[start : end - 1]):
                    case Module() as child if not isinstance(child, torch.jit.ScriptModule):
                        module = self.known[name[:end]] = child
                    case _ if strict:
                        return None
                    case _:
                        part = name[start : end - 1]
                        raise AttributeError(f"{name!r}: a {type(module).__name__} has no attribute {part!r}, a module")
        module = self.known[prefix]
        for which in ("_parameters", "_buffers"):
            number = self.numbers.get((id(module.__dict__[which]), key))
            if number is not None:
                return number
        return None if strict else module

    def make_room(self, module, name, value):
        """Where a value stands whose name has no slot."""
        home, key = module.__dict__, name[name.rfind(".") + 1 :]
        match home["_modules"].get("parametrizations"):
            case Module() as lists:
                match lists.__dict__["_modules"].get(key):
                    case ParametrizationList() as listed:
                        hand, inner = Hand(value), listed.__dict__
                        made = {"_compiled_call_impl": hand, "forward": hand, "right_inverse": hand.take}
                        return (id(inner), ""), [Put(inner, "", each, what) for each, what in made.items()]
        found = Gone
        for space in (home, home["_modules"], *(each.__dict__ for each in type(module).__mro__)):
            if key in space:
                found = space[key]
                break
        match found:
            case None | Tensor():
                return (id(home), key), [Put(home, "", key, value)]
            case _ if found is not Gone or hasattr(module, key):
                raise TypeError(f"{name!r} leads to something that is no tensor, and not to a parameter or buffer")
        match value:
            case Parameter():
                return (id(home), key), [Put(home, "_parameters", key, value)]
            case Tensor() if hasattr(nn, "Buffer") and isinstance(value, nn.Buffer):
                return (id(home), key), [Put(home, "_buffers", key, value, not value.persistent)]
            case _:
                return (id(home), key), [Put(home, "", key, value)]


# --- the two halves of a call -------------------------------------------------------------------------------------------


class Snapshot:
    """What a module holds under given keys, all of two stores, and which of them are stores of whom."""

    def __init__(self, home, keys):
        self.home = home
        self.keys = keys
        self.stores = {which: home[which] for which in ("_parameters", "_buffers")}
        self.modules = home["_modules"]
        self.full = {which: dict(store) for which, store in self.stores.items()}
        self.standing = {key for key in keys if key in home}
        self.below = {key for key in keys if key in self.modules}
        self.hidden = home["_non_persistent_buffers_set"] & keys


def swapping(puts, homes, homesteads):
    if not puts:
        yield
        yield {}
        return
    keys = {}  # by module: what is called like something given
    for put in puts:
        match put.which:
            case "":
                keys.setdefault(id(put.home), (put.home, set()))[1].add(put.key)
            case which:
                for home, _, _ in homesteads[id(put.home[which])]:
                    keys.setdefault(id(home), (home, set()))[1].add(put.key)
    snapshots = [Snapshot(home, its) if "_parameters" in home else None for home, its in keys.values()]
    attributes = [(put.home, put.key, put.home.get(put.key, Gone)) for put in puts if not put.which]
    given = {}  # by id of a store: the keys that were put in
    for put in puts:
        if put.which:
            given.setdefault(id(put.home[put.which]), set()).add(put.key)
    weights = [
        Weights(module)
        for owners in homesteads.values()
        for _, which, module in owners
        if which == "_buffers" and issubclass(type(module), nn.RNNBase)
    ]
    cache = parametrize._cache
    other = {}
    after = {}
    began = {}
    try:
        if parametrize._cache_enabled:
            parametrize._cache = other
        for put in puts:
            match put.which:
                case "":
                    put.home[put.key] = put.value
                case which:
                    put.home[which][put.key] = put.value
                    if put.hide:
                        put.home["_non_persistent_buffers_set"].add(put.key)
        for snapshot in snapshots:
            if snapshot is not None:
                for store in snapshot.stores.values():
                    began[id(store)] = dict(store)
        yield
        for name, (_, home, key, which) in homes.items():
            after[name] = home[which].get(key, Gone)
    finally:
        merge(snapshots, began, given, attributes)
        for each in weights:
            each.settle({(id(put.home), put.key) for put in puts if not put.which})
        other.clear()
        if parametrize._cache is other:
            parametrize._cache = cache
    rebound = {}
    for name, now in after.items():
        _, home, key, which = homes[name]
        if (now is None or isinstance(now, Tensor)) and now is not began[id(home[which])].get(key, Gone):
            rebound[name] = now
    yield rebound


def merge(snapshots, began, given, attributes):
    """Three versions of each store: what it was, what it was with the given values in it, and what forward has left."""
    merged = {}
    for snapshot in snapshots:
        if snapshot is None:
            continue
        for which, store in snapshot.stores.items():
            if id(store) not in given:
                continue
            start, mine = began.get(id(store), snapshot.full[which]), given[id(store)]
            now = snapshot.home[which]
            if now is store and id(store) in merged:
                continue
            _, edits, base = merged.setdefault(id(store), (store, {}, snapshot.full[which]))
            for key in start.keys() | now.keys():
                if key not in mine and now.get(key, Gone) is not start.get(key, Gone):
                    edits[key] = now.get(key, Gone)
            edits.update({key: base.get(key, Gone) for key in mine})
            snapshot.home[which] = store
    for store, edits, base in merged.values():
        result = {**base, **{key: value for key, value in edits.items() if value is not Gone or key in base}}
        result = {key: value for key, value in result.items() if value is not Gone}
        if [*store] != [*result]:
            store.clear()
        for key, value in result.items():
            if store.get(key, Gone) is not value:
                store[key] = value
    for home, key, own in attributes:
        if own is not Gone:
            home[key] = own
        else:
            home.pop(key, None)
    for snapshot in snapshots:
        if snapshot is not None:
            home = snapshot.home
            for key in snapshot.keys:
                for which in ("_parameters", "_buffers"):
                    if key in home[which] and key not in snapshot.full[which]:
                        del home[which][key]
                if key in home["_modules"] and key not in snapshot.below:
                    del home["_modules"][key]
                if key in home and key not in snapshot.standing:
                    del home[key]
            hidden = home["_non_persistent_buffers_set"]
            hidden -= snapshot.keys - snapshot.hidden
            hidden |= snapshot.hidden


class Weights:
    """What a recurrent module lists beside its slots."""

    def __init__(self, module):
        self.home = module.__dict__
        self.weights = [*self.home.get("_flat_weights", ())]
        self.refs = [*self.home.get("_flat_weight_refs", ())]

    def settle(self, attributes):
        match self.home:
            case {"_flat_weights": list(weights), "_flat_weight_refs": list(refs), "_flat_weights_names": names}:
                for at, name in enumerate(names[: len(weights)]):
                    slot = self.home["_parameters"].get(name, self.home["_buffers"].get(name, Gone))
                    lists = self.home["_modules"].get("parametrizations")
                    if slot is not Gone:
                        if weights[at] is not slot or refs[at] is None or refs[at]() is not slot:
                            weights[at], refs[at] = slot, None if slot is None else ref(slot)
                    elif (lists is not None and name in lists.__dict__["_modules"]) or (
                        id(self.home),
                        name,
                    ) in attributes:
                        weights[at], refs[at] = self.weights[at], self.refs[at]


def write(homes, rebound):
    for name, now in rebound.items():
        homes[name][0][name] = now


# --- equality -----------------------------------------------------------------------------------------------------------


def is_same(a, b, with_tangents):
    if a is b or a is None or b is None:
        return a is b
    if with_tangents and not is_same(forward_ad.unpack_dual(a).tangent, forward_ad.unpack_dual(b).tangent, False):
        return False
    for compare in (lambda: picture(a) == picture(b), lambda: torch.equal(a, b)):
        try:
            if compare():
                return True
        except Exception:
            continue
    return False


def picture(tensor):
    """Equal of two tensors that are the same view of the same memory."""
    match tensor.layout:
        case _ if tensor.is_nested:
            parts = ["values", "_nested_tensor_size", "_nested_tensor_strides", "_nested_tensor_storage_offsets"]
            return ["nested", *[picture(getattr(tensor, part)()) for part in parts if hasattr(tensor, part)]]
        case torch.sparse_coo:
            return ["coo", tensor.shape, picture(tensor._indices()), picture(tensor._values())]
        case torch.sparse_csr | torch.sparse_bsr:
            return [
                tensor.layout,
                tensor.shape,
                *map(picture, (tensor.crow_indices(), tensor.col_indices(), tensor.values())),
            ]
        case torch.sparse_csc | torch.sparse_bsc:
            return [
                tensor.layout,
                tensor.shape,
                *map(picture, (tensor.ccol_indices(), tensor.row_indices(), tensor.values())),
            ]
        case layout:
            memory = tensor.untyped_storage()._cdata, tensor.storage_offset(), tensor.stride()
            return [str(layout), tensor.dtype, tensor.shape, tensor.is_conj(), tensor.is_neg(), memory]
