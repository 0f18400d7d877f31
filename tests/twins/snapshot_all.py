"""A snapshot of every module before the call; afterwards whatever differs from it under a given name is put right.

A regular name puts `_compiled_call_impl` and `right_inverse` into the `__dict__` of the ParametrizationList. All faults
are collected and raised as one ExceptionGroup. Where implementations are free: args may be left out, and None is no
argument; a namedtuple is one argument; a list of dicts and a Mapping that is no dict are refused; None values are
accepted; an unknown name is visible, as a parameter if it is one; a plain tensor is accepted, a class-level one
refused; no dict is updated when forward raises; under strict a regular name is unexpected, a name registered as None is
not, and one name of a shared slot is enough; ties that cannot be decided, a regular name beside its originals, and
different values for one slot are refused.
"""

import torch
from torch.nn.utils import parametrize

STORES = ("_parameters", "_buffers", "_modules")
ABSENT = object()


def functional_call(module, parameter_and_buffer_dicts, args=(), kwargs=None, *, tie_weights=True, strict=False):
    if not isinstance(module, torch.nn.Module):
        raise ExceptionGroup(f"a {type(module).__name__} is no Module", [TypeError("expected a torch.nn.Module")])
    dicts = parameter_and_buffer_dicts
    plan = Plan(module, dicts if type(dicts) is tuple else (dicts,), tie_weights, strict)
    if plan.faults:
        raise ExceptionGroup("; ".join(plan.faults), [ValueError(fault) for fault in plan.faults])
    if args is None:
        args = ()
    before = [Before(one) for _, one in tree(module)] if plan.values else []
    cache = parametrize._cache, parametrize._cache_enabled
    try:
        plan.put_in()
        result = module(*args if type(args) is tuple else [args], **({} if kwargs is None else kwargs))
        rebound = plan.rebound()
    finally:
        for state in before:
            state.put_right(plan.touched.get(state.home, ()))
        if before:
            parametrize._cache, parametrize._cache_enabled = cache
    for source, name, tensor in rebound:
        source[name] = tensor
    return result


class Before:
    """One module's state, and how to get back to it."""

    def __init__(self, module):
        self.module, self.own, self.home = module, dict(vars(module)), home(module)
        self.stores = [dict(self.own[which]) for which in STORES]
        self.hidden = set(self.own["_non_persistent_buffers_set"])
        self.weights = list(self.own.get("_flat_weights", ()))

    def put_right(self, keys):
        now = vars(self.module)
        for which, before in zip(STORES, self.stores, strict=True):
            put_right(now[which], before, keys)
            ordered = {key: now[which][key] for key in before if key in now[which]} | now[which]
            if keys and list(ordered) != list(now[which]):
                now[which].clear()
                now[which].update(ordered)
        put_right(now, self.own, keys)
        for key in keys:
            (
                now["_non_persistent_buffers_set"].add
                if key in self.hidden
                else now["_non_persistent_buffers_set"].discard
            )(key)
        if isinstance(self.module, torch.nn.RNNBase):
            for number, name in enumerate(now["_flat_weights_names"]):
                if name in now:  # no slot, but an attribute
                    self.weights[number] = now["_flat_weights"][number]
                elif name in now["_parameters"]:
                    self.weights[number] = now["_parameters"][name]
            now.update(_flat_weights=self.weights, _flat_weight_refs=self.own["_flat_weight_refs"])


def put_right(now, before, keys):
    for key in keys:
        if key in before and now.get(key, ABSENT) is not before[key]:
            now[key] = before[key]
        elif key in now and key not in before:
            del now[key]


class Plan:
    """Which value goes where; or the faults that forbid it."""

    def __init__(self, module, dicts, tie_weights, strict):
        self.dicts, self.faults = dicts, []
        self.given = {}  # name -> value
        self.places = {}  # name -> (home(owner), key)
        self.values = {}  # place -> (owner, the dict to write to, key, value)
        self.touched = {}  # home(owner) -> keys
        for source in dicts:
            if isinstance(source, dict):
                self.take(source)
            else:
                self.faults.append(f"expected a dict or a tuple of dicts, not {type(source).__name__}")
        registered = [
            (prefix + key, tensor, owner, vars(owner)[which], key)
            for prefix, owner in tree(module)
            for which in STORES[:2]
            for key, tensor in vars(owner)[which].items()
        ]
        unexpected = [name for name in self.given if not self.place(module, name, strict)]
        if tie_weights and not self.faults:
            self.tie(registered)
        if strict:
            missing = [
                name
                for name, tensor, owner, _, key in registered
                if tensor is not None and (home(owner), key) not in self.values
            ]
            self.faults += [f"strict: {name} is missing" for name in missing]
            self.faults += [f"strict: {name} is unexpected" for name in unexpected]

    def take(self, source):
        for name, value in source.items():
            if name in self.given:
                self.faults.append(f"{name!r} is in two dicts")
            if value is not None and not isinstance(value, torch.Tensor):
                self.faults.append(f"{name!r} has a value that is no tensor: {type(value).__name__}")
            self.given.setdefault(name, value)

    def place(self, module, name, strict):
        """Find the place of a name; is it a registered one?"""
        *path, key = name.split(".") if isinstance(name, str) else (ABSENT,)
        for part in path:
            module = None if module is None else vars(module)["_modules"].get(part)
        if module is None or not key or key is ABSENT:
            if not strict:
                self.faults.append(f"{name!r} leads nowhere")
            return False
        own, value = vars(module), self.given[name]
        registered = next((own[which] for which in STORES[:2] if key in own[which]), None)
        lists = own["_modules"].get("parametrizations")
        if registered is not None:
            self.put(name, module, registered, key, value)
        elif isinstance(getattr(lists, key, None), parametrize.ParametrizationList):
            lists = lists[key]
            self.put(name, lists, vars(lists), "_compiled_call_impl", value)
            self.touched[home(lists)].add("right_inverse")
            if any(str(other).startswith(f"{name[: -len(key)]}parametrizations.{key}.") for other in self.given):
                self.faults.append(f"{name!r} is given, and an original of it too")
        elif isinstance(own.get(key), torch.Tensor):
            self.put(name, module, own, key, value)
        elif hasattr(module, key):
            self.faults.append(f"{name!r} is no tensor of the module")
        else:
            self.put(name, module, own["_parameters"] if isinstance(value, torch.nn.Parameter) else own, key, value)
        return registered is not None

    def put(self, name, module, store, key, value):
        place = self.places[name] = home(module), key
        if place in self.values and not same(self.values[place][-1], value):
            others = [other for other in self.places if self.places[other] == place]
            self.faults.append(f"{', '.join(others)} are one slot and have different values")
        self.write(module, store, key, value)

    def write(self, owner, store, key, value):
        self.values[home(owner), key] = owner, store, key, value
        self.touched.setdefault(home(owner), set()).add(key)

    def tie(self, registered):
        groups = {}
        for name, tensor, *slot in registered:
            if tensor is not None:
                groups.setdefault(id(tensor), []).append((name, *slot))
        for group in groups.values():
            names = [name for name, *_ in group if name in self.given]
            if any(not same(self.given[names[0]], self.given[name]) for name in names):
                self.faults.append(f"{', '.join(names)} are tied and have different values")
            for _, owner, store, key in group:
                if names and (home(owner), key) not in self.values:
                    self.write(owner, store, key, self.given[names[-1]])

    def put_in(self):
        if self.values:
            parametrize._cache_enabled = 0
        for _, store, key, value in self.values.values():
            if key == "_compiled_call_impl":
                hand_out(store, value)
            else:
                store[key] = value

    def rebound(self):
        found = []
        names = [(source, name) for source in self.dicts for name in source if name in self.places]
        for source, name in names:
            owner, _, key, value = self.values[self.places[name]]
            own = vars(owner)
            now = next((one[key] for one in (*(own[which] for which in STORES), own) if key in one), ABSENT)
            now = now() if key == "_compiled_call_impl" else now
            if now is not value and (now is None or isinstance(now, torch.Tensor)):
                found.append((source, name, now))
        return found


def hand_out(own, value):
    own["_compiled_call_impl"] = lambda: value
    own["right_inverse"] = lambda new: hand_out(own, new)


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
    if a is b or a is None or b is None:
        return a is b
    try:
        if not one_memory(a, b) and ((a.shape, a.dtype, a.device) != (b.shape, b.dtype, b.device) or (a != b).any()):
            return False
        return same(tangent(a), tangent(b))
    except Exception:
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
