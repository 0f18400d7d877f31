"""The documented signature over a private core that takes nothing but keywords, and one dict {name: value}.

The core swaps the `__dict__` of every module for a copy; afterwards the original is back, and what forward did to other
names is carried over to it. Where implementations are free: args is required, and None is one argument; a namedtuple is
one argument; a list of dicts, a Mapping that is no dict and None values are refused; an unknown name is ignored; plain
and class-level tensors are refused; no dict is updated when forward raises; under strict a regular name is accepted and
stands for nothing, a name registered as None is accepted, and every name of a shared slot is needed; Parameters over
the same memory are tied; NaN equals NaN; ties that cannot be decided are accepted; of several values for one slot the
first counts.
"""

import collections

import torch
from torch.nn.utils import parametrize

STORES = ("_parameters", "_buffers", "_modules")


def functional_call(module, parameter_and_buffer_dicts, args, kwargs=None, *, tie_weights=True, strict=False):
    dicts = parameter_and_buffer_dicts
    dicts = dicts if type(dicts) is tuple else (dicts,)
    demand(isinstance(module, torch.nn.Module), f"module must be a torch.nn.Module, not a {type(module)}")
    demand(all(isinstance(one, dict) for one in dicts), "parameter_and_buffer_dicts must be a dict or a tuple of dicts")
    names = [name for one in dicts for name in one]
    twice = [name for name, times in collections.Counter(names).items() if times > 1]
    demand(not twice, f"given twice: {twice}")
    given = {name: value for one in dicts for name, value in one.items()}
    strangers = [name for name, value in given.items() if not isinstance(value, torch.Tensor)]
    demand(not strangers, f"no tensors: {strangers}")
    result, rebound = core(
        module=module,
        values=resolve(module=module, given=given, tie_weights=tie_weights, strict=strict),
        args=args if type(args) is tuple else (args,),
        kwargs={} if kwargs is None else dict(kwargs),
    )
    for one in dicts:
        for name in [*one]:
            if name in rebound:
                one[name] = rebound[name]
    return result


def demand(what, otherwise):
    if not what:
        raise AssertionError(otherwise)


def resolve(*, module, given, tie_weights, strict):
    """{(home(owner), key): (owner, key, value, the given names of this place)}"""
    registered, groups, values, unexpected = {}, {}, {}, []
    for prefix, owner in tree(module=module):
        for key, tensor in [*vars(owner)["_parameters"].items(), *vars(owner)["_buffers"].items()]:
            registered[prefix + key] = owner, key, tensor
            groups.setdefault(memory(tensor) or (home(owner), key), []).append(prefix + key)
    for name, value in given.items():
        if name in registered:
            owner, key, is_known = *registered[name][:2], True
        else:
            owner, key, is_known = other(module=module, name=name, strict=strict)
        if not is_known:
            unexpected.append(name)
        if owner is not None:
            first = values.setdefault((home(owner), key), (owner, key, value, []))
            demand(not tie_weights or alike(first[2], value), f"one place, with different values: {[*first[3], name]}")
            first[3].append(name)
    for group in groups.values() if tie_weights else ():
        chosen = [name for name in group if name in given]
        demand(all(alike(given[chosen[0]], given[name]) for name in chosen), f"tied, with different values: {chosen}")
        for owner, key, _ in (registered[name] for name in group if chosen):
            values.setdefault((home(owner), key), (owner, key, given[chosen[0]], []))
    if strict:
        missing = [
            name
            for name, (owner, key, tensor) in registered.items()
            if tensor is not None and name not in given and not (tie_weights and (home(owner), key) in values)
        ]
        demand(not missing, f"missing: {missing}, unexpected: {unexpected}")
        demand(not unexpected, f"unexpected: {unexpected}")
    return values


def tree(*, module):
    """(prefix, module) of every path that enters no module twice. Scripted ones, whose state is not in Python, are left out."""
    todo = [("", module, ())]
    while todo:
        prefix, module, above = todo.pop()
        yield prefix, module
        children = [(key, child) for key, child in vars(module)["_modules"].items() if child is not None]
        above = module, above
        todo += reversed(
            [
                (f"{prefix}{key}.", child, above)
                for key, child in children
                if not isinstance(child, torch.jit.ScriptModule) and not is_above(module=child, above=above)
            ]
        )


def is_above(*, module, above):
    while above:
        if above[0] is module:
            return True
        above = above[1]
    return False


def other(*, module, name, strict):
    """The owner and key of a name that is not registered, and whether a value can go there."""
    *path, key = name.split(".") if isinstance(name, str) else ("", "")
    for part in path:
        module = None if module is None else vars(module)["_modules"].get(part)
    if module is None or not key:
        demand(strict, f"{name!r} leads to no module")
        return None, key, False
    own = vars(module)
    lists = own["_modules"].get("parametrizations")
    if isinstance(getattr(lists, key, None), parametrize.ParametrizationList):
        return lists[key], "forward", True
    if key in own["_parameters"] or key in own["_buffers"]:  # the path of a circular module, with a detour
        return module, key, True
    is_computed = isinstance(getattr(type(module), key, None), property)
    demand((is_computed and strict) or not hasattr(module, key), f"{name!r} is there, and neither parameter nor buffer")
    return module, key, False


def memory(tensor):
    if type(tensor) is torch.nn.Parameter and tensor.layout is torch.strided and tensor.numel():
        try:
            if tensor.data_ptr():
                view = tensor.shape, tensor.stride(), tensor.dtype, tensor.is_conj(), tensor.is_neg()
                return tensor.data_ptr(), view
        except RuntimeError:
            pass  # a wrapper of a transform
    return None if tensor is None else id(tensor)


def alike(a, b):
    try:
        if a is b or (a.shape, a.dtype, a.device) != (b.shape, b.dtype, b.device):
            return a is b
        same = torch.allclose(a, b, rtol=0, atol=0, equal_nan=True)
        one, other = tangent(a), tangent(b)
        return same and (one is other or (one is not None and other is not None and alike(one, other)))
    except Exception:
        return True


def tangent(value):
    return torch.autograd.forward_ad.unpack_dual(value).tangent


def home(owner):
    """What identifies the owner of a slot: a module and its `copy.copy` have the same stores, and so one slot."""
    return id(vars(owner)["_parameters"]), id(vars(owner)["_buffers"])


def core(*, module, values, args, kwargs):
    copies, keys = {}, {}  # of each store: a module and its copy.copy have the same ones
    worlds = {id(one): World(owner=one, copies=copies, keys=keys) for _, one in tree(module=module) if values}
    cache = dict(parametrize._cache)
    rebound = {}
    try:
        for world in worlds.values():
            world.enter()
        for owner, key, value, _ in values.values():
            worlds[id(owner)].put(key=key, value=value)
        if values:
            parametrize._cache.clear()
        result = module(*args, **kwargs)
        for owner, key, value, names in values.values():
            now = worlds[id(owner)].get(key=key)
            if now is not value and (now is None or isinstance(now, torch.Tensor)):
                rebound |= dict.fromkeys(names, now)
    finally:
        for world in worlds.values():
            world.leave()
        if values:
            parametrize._cache.clear()
            parametrize._cache.update(cache)
    return result, rebound


class World:
    """A module, and a copy of its `__dict__` for the time of the call."""

    def __init__(self, *, owner, copies, keys):
        self.names = (*STORES, "_non_persistent_buffers_set")
        if isinstance(owner, torch.nn.RNNBase):
            self.names += "_flat_weights", "_flat_weight_refs"
        self.owner, self.outer, self.keys = owner, vars(owner), keys.setdefault(id(vars(owner)["_parameters"]), set())
        self.inner = self.outer | {
            name: copies.setdefault(id(self.outer[name]), self.outer[name].copy())
            for name in self.names
            if name in self.outer
        }

    def enter(self):
        object.__setattr__(self.owner, "__dict__", self.inner)

    def put(self, *, key, value):
        self.keys.add(key)
        for store in (self.inner["_parameters"], self.inner["_buffers"]):
            if key in store:
                store[key] = value
        if key == "forward":  # of a ParametrizationList
            self.keys.add("right_inverse")
            box = [value]
            self.inner["forward"], self.inner["right_inverse"] = (lambda: box[0]), (lambda new: box.__setitem__(0, new))

    def get(self, *, key):
        if key == "forward":
            return self.inner["forward"]()
        return next((one[key] for one in (*(self.inner[name] for name in STORES), self.inner) if key in one), ...)

    def leave(self):
        object.__setattr__(self.owner, "__dict__", self.outer)
        for name in STORES:
            carry_over(before=self.outer[name], after=self.inner[name], but=self.keys)
        changed = self.outer["_non_persistent_buffers_set"] ^ self.inner["_non_persistent_buffers_set"]
        self.outer["_non_persistent_buffers_set"] ^= changed - self.keys
        carry_over(before=self.outer, after=self.inner, but={*self.keys, *self.names})
        for number, name in enumerate(self.outer["_flat_weights_names"] if "_flat_weights" in self.names else ()):
            if name in self.outer:  # no slot, but an attribute
                self.outer["_flat_weights"][number] = self.inner["_flat_weights"][number]
            elif name in self.outer["_parameters"]:
                self.outer["_flat_weights"][number] = self.outer["_parameters"][name]


def carry_over(*, before, after, but):
    for key in [key for key in before if key not in after and key not in but]:
        del before[key]
    for key in after:
        if key not in but and (key not in before or before[key] is not after[key]):
            before[key] = after[key]
