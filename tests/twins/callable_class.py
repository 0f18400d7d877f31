"""An instance with `__call__`: forward works on copies of the dicts `_parameters`, `_buffers` and `_modules` of every module.

Afterwards the original dicts are back, and what forward did to other names is carried over to them. A regular name has
a stand-in for its ParametrizationList in the copy. Where implementations are free: args is required, and None is one
argument; a namedtuple is unpacked; a list of dicts is accepted, a Mapping that is no dict refused; None values are
accepted; an unknown name is ignored; plain and class-level tensors are refused; dicts are updated when forward raises;
under strict a regular name counts for its originals, a name registered as None is unexpected, and every name of a
shared slot is needed; values are compared by bits; ties that cannot be decided are accepted; of several values for one
slot the last counts.
"""

import copy

import torch
from torch.autograd import forward_ad
from torch.nn.utils import parametrize

STORES = ("_parameters", "_buffers")
MISSING = object()


class NotFunctional(LookupError):
    """Every error of this implementation."""


class FunctionalCall:
    def __call__(self, module, parameter_and_buffer_dicts, args, kwargs=None, *, tie_weights=True, strict=False):
        if not isinstance(module, torch.nn.Module):
            raise NotFunctional("only a torch.nn.Module can be called", type(module))
        dicts = parameter_and_buffer_dicts
        call = Call(module, dicts if isinstance(dicts, (tuple, list)) else [dicts])
        if tie_weights:
            call.check_ties()
        call.check_names(strict, tie_weights)
        cache = parametrize._cache
        try:
            call.swap_in()
            return module(*(args if isinstance(args, tuple) else (args,)), **({} if kwargs is None else kwargs))
        finally:
            parametrize._cache = cache
            call.swap_out()


functional_call = FunctionalCall()


class StandIn(torch.nn.Module):
    """In place of a ParametrizationList: all its state, and one tensor as its result."""

    def __init__(self, parametrizations, tensor):
        vars(self).update(vars(parametrizations), given=tensor)

    def __call__(self):
        return vars(self)["given"]

    def right_inverse(self, tensor):
        vars(self)["given"] = tensor


class Layer:
    """One module, the values for its keys, and its dicts while their copies are in place."""

    DICTS = ("_parameters", "_buffers", "_modules", "_non_persistent_buffers_set")

    def __init__(self, module, values):
        self.own, self.values, self.dicts, self.weights = vars(module), values, {}, None
        self.is_recurrent = isinstance(module, torch.nn.RNNBase)
        self.free = []  # the keys that are no plain attributes

    def holds(self, key, where=(*STORES, "_modules")):
        return any(key in self.own[which] for which in where)

    def lay(self, copies):
        if self.is_recurrent:
            self.weights = [*self.own["_flat_weights"]], self.own["_flat_weight_refs"]
        self.free = [key for key in self.values if key not in self.own]
        for which in self.DICTS:
            self.dicts[which] = self.own[which]
            self.own[which] = copies.setdefault(id(self.own[which]), copy.copy(self.own[which]))
        for key, value in self.values.items():
            for which in STORES:
                if key in self.own[which]:
                    self.own[which][key] = value
            if key in self.own["_modules"]:
                self.own["_modules"][key] = StandIn(self.own["_modules"][key], value)

    def now(self, key):
        found = next((self.own[which][key] for which in (*STORES, "_modules") if key in self.own[which]), MISSING)
        if found is MISSING:
            found = self.own.get(key, MISSING)
        return vars(found)["given"] if isinstance(found, StandIn) else found

    def lift(self):
        for which, before in self.dicts.items():
            after, self.own[which] = self.own[which], before
            if which == "_non_persistent_buffers_set":
                before ^= {key for key in before ^ after if key not in self.values}
                continue
            for key in [key for key in before if key not in after and key not in self.values]:
                del before[key]
            for key in [key for key in after if key not in self.values]:
                before[key] = after[key]
        for key in self.free:
            self.own.pop(key, None)
        if self.weights is not None:
            for number, name in enumerate(self.own["_flat_weights_names"]):
                if name in self.own:  # no slot, but an attribute
                    self.weights[0][number] = self.own["_flat_weights"][number]
                elif name in self.own["_parameters"]:
                    self.weights[0][number] = self.own["_parameters"][name]
            self.own["_flat_weights"], self.own["_flat_weight_refs"] = self.weights


class Call:
    def __init__(self, module, dicts):
        self.module, self.dicts = module, dicts
        self.layers = {}  # id of a module -> Layer
        self.values = {}  # ids of both stores -> values by key
        self.given = {}  # name -> value
        self.places = {}  # name -> (Layer, key)
        for source in dicts:
            if not isinstance(source, dict):
                raise NotFunctional("a dict, or several in a tuple, was expected, and not", type(source).__name__)
            for name, value in source.items():
                if name in self.given:
                    raise NotFunctional("in two dicts", name)
                if value is not None and not isinstance(value, torch.Tensor):
                    raise NotFunctional("no tensor", name, type(value).__name__)
                self.given[name] = value
        self.slots = {}  # every registered name -> (Layer, key, tensor)
        for prefix, one in tree(module):
            values = self.values.setdefault(tuple(id(vars(one)[which]) for which in STORES), {})
            layer = self.layers.setdefault(id(one), Layer(one, values))
            for which in STORES:
                for key, tensor in layer.own[which].items():
                    self.slots[prefix + key] = layer, key, tensor

    def check_ties(self):
        groups = {}
        for name in self.given:
            if name in self.slots:
                layer, key, tensor = self.slots[name]
                groups.setdefault((id(layer), key) if tensor is None else id(tensor), []).append(name)
        for names in groups.values():
            if not all(may_be_equal(self.given[names[0]], self.given[name]) for name in names):
                raise NotFunctional("different values of one tensor", *names)
        for layer, key, tensor in self.slots.values():
            if id(tensor) in groups:
                layer.values[key] = self.given[groups[id(tensor)][0]]

    def check_names(self, strict, tie_weights):
        unexpected, stood_for = [], set()
        for name, value in self.given.items():
            if name in self.slots:
                layer, key, tensor = self.slots[name]
                unexpected += [name] if tensor is None else []
            else:
                layer, key = self.other(name, strict)
                if layer is None and not strict:
                    raise NotFunctional("no such module", name)
                if layer is None or not layer.holds(key):
                    unexpected.append(name)
                else:
                    stood_for.add(id(layer.own["_modules"].get(key)))
            if layer is not None:
                if tie_weights and not may_be_equal(layer.values.get(key, value), value):
                    raise NotFunctional("different values of one place", name)
                layer.values[key] = value
                self.places[name] = layer, key
        missing = [
            name
            for name, (layer, key, tensor) in self.slots.items()
            if tensor is not None and name not in self.given and not (tie_weights and key in layer.values)
        ]
        for name in self.slots if strict else ():
            path = name.split(".")
            for length in range(len(path)):
                if id(follow(self.module, path[:length])) in stood_for and name in missing:
                    missing.remove(name)
        if strict and missing + unexpected:
            raise NotFunctional("under strict, missing and unexpected are", missing, unexpected)

    def other(self, name, strict):
        """Where a name leads that is not in `slots`: (Layer of the module whose dict is concerned, key)."""
        *path, key = name.split(".") if isinstance(name, str) else (None,)
        module = follow(self.module, path) if key else None
        if module is None:
            return None, key
        lists = vars(module)["_modules"].get("parametrizations")
        if isinstance(getattr(lists, key, None), parametrize.ParametrizationList | StandIn):
            return self.layers[id(lists)], key
        layer = self.layers[id(module)]
        if not layer.holds(key, STORES) and hasattr(module, key):
            if strict and isinstance(getattr(type(module), key, None), property):
                return None, key
            raise NotFunctional("neither parameter nor buffer", name)
        return layer, key

    def swap_in(self):
        if any(layer.values for layer in self.layers.values()):
            parametrize._cache, copies = {}, {}  # a copy for each dict: a module and its copy.copy have the same ones
            for layer in self.layers.values():
                layer.lay(copies)

    def swap_out(self):
        rebound = {}
        for name, (layer, key) in self.places.items():
            now = layer.now(key)
            if now is not layer.values[key] and (now is None or isinstance(now, torch.Tensor)):
                rebound[name] = now
        for layer in self.layers.values():
            layer.lift()
        for source in self.dicts:
            source.update((name, rebound[name]) for name in rebound.keys() & source.keys())


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


def follow(module, path):
    for part in path:
        module = None if module is None else vars(module)["_modules"].get(part)
    return module


def may_be_equal(a, b):
    """By bits: a NaN equals itself, and 0.0 is not -0.0. What cannot be compared may be equal."""
    if a is b or a is None or b is None:
        return a is b
    try:
        if (a.shape, a.dtype, a.device) != (b.shape, b.dtype, b.device):
            return False
        bits = [one.detach().resolve_conj().resolve_neg().contiguous().reshape(-1).view(torch.uint8) for one in (a, b)]
        return torch.equal(*bits) and may_be_equal(*(forward_ad.unpack_dual(one).tangent for one in (a, b)))
    except Exception:
        return True
