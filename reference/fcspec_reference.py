"""A functional_call that keeps every law of SPEC.md: one file, no dependency but torch.

`functional_call` is the algorithm of SPEC.md, one function a step: every name is resolved to the one slot it leads to, every
error is decided before anything is touched, and what stood in each slot is put back, whatever happened in between. What few
calls need stands behind the steps. Names in comments (`tie.conflict`) are clauses of SPEC.md.
"""

from __future__ import annotations

import itertools
import reprlib
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd import forward_ad
from torch.nn.utils import parametrize

__all__ = ["functional_call"]

Values = Mapping[str, Tensor | None]
_Owner = dict[str, Any]  # the `__dict__` of a module: its plain attributes, and its stores among them
# A module, one of its dicts, a key of it, what stands there before the call, and what stands there in forward, if it is given.
_Slot = tuple[nn.Module, Any, str, Any, Any]
_Slots = dict[str, _Slot]  # by name
# The owner of a recurrent module, its list of weights, and its list of weak references to them.
_Recurrent = list[tuple[_Owner, list[Any], list[Any]]]

_ABSENT: Any = object()  # what a dict holds under a key that it does not have
_is_tracing = getattr(getattr(torch, "compiler", None), "is_dynamo_compiling", bool)  # below torch 2.3: False


def functional_call(
    module: nn.Module,
    parameter_and_buffer_dicts: Values | tuple[Values, ...],
    args: Any = None,
    kwargs: Mapping[str, Any] | None = None,
    *,
    tie_weights: bool = True,
    strict: bool = False,
) -> Any:
    """Call `module` with the given parameters and buffers in place of its own, and leave it as it was.

    Args:
        module: the module to call.
        parameter_and_buffer_dicts: tensors by dotted name, as in `named_parameters()` and `named_buffers()`; or a tuple
            of such dicts with distinct keys. Where forward rebinds a given name, its dict holds the new tensor afterwards.
        args: a tuple of positional arguments, or one argument that is no tuple. None: no argument.
        kwargs: keyword arguments. None: none.
        tie_weights: a value for one name of a tied group serves all its names; different values are an error.
        strict: the names must be exactly those of the module's parameters and buffers.

    Returns:
        What `module(*args, **kwargs)` returns.

    Raises:
        TypeError: `module` is no module, a name is no string, a value is no tensor, a name leads to no tensor.
        ValueError: no dict, a name in two dicts, different values for one tied group.
        KeyError: an empty name.
        AttributeError: the owner of a name does not exist.
        RuntimeError: names that are missing or unexpected under `strict`; a scripted or data-parallel module.
    """
    _check_module(module)
    dicts: Any = parameter_and_buffer_dicts
    dicts = dicts if isinstance(dicts, (tuple, list)) else (dicts,)
    args = () if args is None else args if isinstance(args, tuple) else (args,)
    kwargs = {} if kwargs is None else kwargs
    given = _read(dicts)
    named, rest, modules = _walk(module, given) if tie_weights or strict else ({}, {}, [])
    is_listed = len(named) == len(given)
    also: list[_Slot] = []
    if not is_listed:
        others = {name: given[name] for name in given if name not in named} if named else given
        resolved, also, further = _resolve(module, others, strict)
        named, modules = {**named, **resolved}, [*modules, *further]
    if tie_weights:
        also += _tie(named, rest, given, is_listed)
    slots = [*named.values(), *also]
    if also:
        modules = [*{id(one): one for one in (*modules, *(slot[0] for slot in also))}.values()]
    if strict:
        _check_strict(given, named, rest, slots)
    if not slots:
        return module(*args, **kwargs)
    owners = [one.__dict__ for one in modules]
    layout, recurrent, cache = _layout(owners), _recurrent(owners), parametrize._cache
    stores = [(owner["_parameters"], owner["_buffers"]) for owner in owners]
    if recurrent and not is_listed:
        # Copies of a recurrent module share its lists: restore.shared-store.
        recurrent = _recurrent([*owners, *(one.__dict__ for one in _walk(module, {})[2])])
    try:
        if parametrize._cache_enabled:  # parametrize.cached: neither use a cached value nor leave one
            parametrize._cache = {}
        _put_in(slots)
        try:
            result = module(*args, **kwargs)
        finally:
            _keep_stores(owners, stores)
        _write_back(dicts, named, slots)
        return result
    finally:
        _put_back(slots)
        if _layout(owners) != layout:
            _restore_layout(module, owners, layout, slots)
        if recurrent:
            _restore_weight_lists(recurrent, slots)
        if parametrize._cache_enabled:
            parametrize._cache = cache


def _check_module(module: Any) -> None:
    """Refuse what can't be called this way: call.not-a-module, drop-in.jit, drop-in.data-parallel."""
    if not isinstance(module, nn.Module):
        raise TypeError(f"functional_call expects a torch.nn.Module as its first argument, got {type(module).__name__}")
    if isinstance(module, (torch.jit.ScriptModule, nn.DataParallel)):
        kind = "nn.DataParallel module" if isinstance(module, nn.DataParallel) else "Jitted modules"
        raise RuntimeError(f"functional_call can't be used with {kind}: what they compute with is not in this module")


def _read(dicts: Iterable[Values]) -> dict[str, Tensor | None]:
    """Unite the dicts, or refuse them (chapter dicts)."""
    given: dict[str, Tensor | None] = {}
    for one in dicts:
        if not isinstance(one, (dict, Mapping)):
            raise ValueError(f"Expected parameter_and_buffer_dicts to be a dict or a tuple of dicts, got {type(one)}")
        for name, value in one.items():
            if not isinstance(name, str):
                raise TypeError(f"Expected names of parameters and buffers to be strings, got {name!r}")
            if not isinstance(value, Tensor) and value is not None:
                raise TypeError(f"{name!r}: {reprlib.repr(value)} is not an instance of torch.Tensor")
            if name in given:
                raise ValueError(f"[{name!r}] appeared in multiple dictionaries; which one counts is ambiguous")
            given[name] = value
    return given


def _walk(root: nn.Module, given: Values) -> tuple[_Slots, _Slots, list[nn.Module]]:
    """List every module once, by the first path to it (call.circular): slots of given names, others, modules of the first."""
    named: _Slots = {}
    rest: _Slots = {}
    modules = []
    seen, todo, look_up = {id(root)}, [("", root)], given.get
    place = 0
    while place < len(todo):  # in a trace of torch 2.5, `for` does not see what is appended
        prefix, module = todo[place]
        place += 1
        owner = module.__dict__
        parameters, buffers, children = owner["_parameters"], owner["_buffers"], owner["_modules"]
        found = len(named)
        for store in (parameters, buffers) if buffers else (parameters,):
            for key, own in store.items():
                name = prefix + key
                value = look_up(name, _ABSENT)
                if value is not _ABSENT:
                    named[name] = module, store, key, own, value
                else:
                    rest[name] = module, store, key, own, None
        if len(named) > found or "_flat_weights" in owner:
            modules.append(module)
        if children:
            for key, child in children.items():
                if child is not None and id(child) not in seen:
                    seen.add(id(child))
                    todo.append((f"{prefix}{key}.", child))
    return named, rest, modules


def _resolve(root: nn.Module, given: Values, strict: bool) -> tuple[_Slots, list[_Slot], list[nn.Module]]:
    """Find the slots of names that no walk has met, slots that go with them, and modules. What `strict` refuses has none."""
    named: _Slots = {}
    also = []
    modules = {"": root}  # by the beginning of their names, as "layers.0."
    last = owner = None
    for name, value in given.items():
        path, dot, key = name.rpartition(".")
        if not key:
            raise KeyError(f"the name of a parameter or buffer can't be empty, got {name!r}")
        prefix = path + dot
        if prefix != last:
            if prefix not in modules:
                modules.update(_follow(modules, prefix, strict))
            last, owner = prefix, modules[prefix].__dict__ if prefix in modules else None
        if owner is not None:
            store = owner["_parameters"] if key in owner["_parameters"] else owner["_buffers"]
            if key in store:
                named[name] = modules[prefix], store, key, store[key], value
            elif not strict:
                named[name], *more = _stand_ins(modules[prefix], name, key, value)
                also += more
    return named, also, [*modules.values()]


def _follow(modules: dict[str, nn.Module], prefix: str, strict: bool) -> dict[str, nn.Module]:
    """Further modules on a path, also through wrappers that only delegate to another one, but not under `strict`."""
    further, module, at = {}, modules[""], ""
    for part in prefix[:-1].split("."):
        at = f"{at}{part}."
        child: Any
        if at in modules:
            child = modules[at]
        elif part in module._modules:
            child = module._modules[part]
        else:
            child = None if strict else getattr(module, part, None)
        if not isinstance(child, nn.Module):
            if strict:
                break
            raise AttributeError(f"{prefix!r}: {type(module).__name__} has no attribute `{part}` that is a module")
        further[at] = module = child
    return further


def _tie(named: _Slots, rest: _Slots, given: Values, is_listed: bool) -> list[_Slot]:
    """Refuse different values for one tied group, and find the slots that take the value of another one (chapter tie)."""
    # The id of a tensor would be a constant of a trace, which new values compile anew (compile.recompile).
    identify = (lambda tensor: tensor) if _is_tracing() else id
    tensors = [slot[3] for slot in [*named.values(), *rest.values()] if slot[3] is not None]
    if is_listed and len(set(map(identify, tensors))) == len(tensors):
        return []  # no tensor has two slots, and no slot two names
    firsts: dict[Any, str] = {}  # the first name of each slot, and of each group
    for name, (module, store, key, own, _) in named.items():
        is_group = isinstance(own, Tensor) and store is not module.__dict__
        place = _place(module, store, key)
        in_slot = firsts.setdefault(place, name)
        in_group = firsts.setdefault(identify(own), name) if is_group else in_slot
        if not (_are_equal(given[in_slot], given[name], of_slot=True) and _are_equal(given[in_group], given[name])):
            is_same = {one: _place(*its[:3]) == place or (is_group and its[3] is own) for one, its in named.items()}
            names = sorted(one for one in named if is_same[one])
            raise ValueError(f"functional_call got multiple values for keys {names}, which are tied")
    return [
        (module, store, key, own, given[firsts.get(_place(module, store, key), firsts[identify(own)])])
        for module, store, key, own, _ in rest.values()
        if own is not None and identify(own) in firsts
    ]


def _check_strict(given: Values, named: _Slots, rest: _Slots, slots: list[_Slot]) -> None:
    """Refuse names that have no slot, and slots that are neither given nor tied to a given one (chapter strict)."""
    swapped = {_place(*slot[:3]) for slot in slots}
    wanted = {
        name: _place(module, store, key) for name, (module, store, key, own, _) in rest.items() if own is not None
    }
    missing = sorted(name for name, place in wanted.items() if place not in swapped)
    unexpected = sorted(name for name in given if name not in named)
    faults = {"Unexpected": unexpected, "Missing": missing}
    lines = [f"{what} key(s): {', '.join(map(repr, names))}." for what, names in faults.items() if names]
    if lines:
        raise RuntimeError("\n\t".join(["Error(s) under strict=True:", *lines]))


def _put_in(slots: list[_Slot]) -> None:
    for module, store, key, own, value in slots:
        store[key] = value
        if own is _ABSENT and store is module.__dict__["_buffers"] and not value.persistent:  # drop-in.extra-buffer
            module.__dict__["_non_persistent_buffers_set"].add(key)


def _keep_stores(owners: list[_Owner], before: list[tuple[Any, Any]]) -> None:
    """Where forward put another dict in the place of a store, the store holds what that dict does (restore.objects)."""
    for owner, (parameters, buffers) in zip(owners, before, strict=True):
        if owner["_parameters"] is not parameters or owner["_buffers"] is not buffers:
            for name, store in (("_parameters", parameters), ("_buffers", buffers)):
                now = dict(owner[name])
                store.clear()
                store.update(now)
                owner[name] = store


def _write_back(dicts: Iterable[Any], named: _Slots, slots: list[_Slot]) -> None:
    """Write what forward bound to given names to the dicts that hold them (inplace.rebinding, inplace.rebinding-tuple)."""
    for _, store, key, _, value in slots:
        if key not in store or store[key] is not value:
            break
    else:
        return
    began = {_place(module, store, key): value for module, store, key, _, value in slots}
    for one in dicts:
        for name in [name for name in one if name in named]:
            module, store, key, _, _ = named[name]
            holders = [holder for holder in (store, *_stores(module.__dict__)) if key in holder]
            now = holders[0][key] if holders else _ABSENT
            is_rebound = now is not began[_place(module, store, key)]
            if is_rebound and (now is None or isinstance(now, Tensor)):  # inplace.only-tensors
                try:
                    one[name] = now
                except TypeError:
                    pass  # inplace.read-only-dict


def _put_back(slots: list[_Slot]) -> None:
    """Put back what each slot held before the call, whatever happened (restore.objects, restore.no-leftovers)."""
    for _, store, key, own, _ in slots:
        if own is not _ABSENT:
            store[key] = own
        elif key in store:
            del store[key]


# What few calls need: names of what is no parameter or buffer, what forward changed beside the content of slots, equality.


def _stand_ins(module: nn.Module, name: str, key: str, value: Any) -> list[_Slot]:
    """The slot of a plain tensor or of nothing, or two that have a ParametrizationList hand out what is given or assigned."""
    owner = module.__dict__
    parameters, buffers, children, _ = _stores(owner)
    if _is_parametrized(owner, key):  # parametrize.not-run
        if _is_tracing():  # which takes nothing out of the `__dict__` of a module before torch 2.13
            lists = children["parametrizations"]
            return [(lists, lists._modules, key, lists._modules[key], _Given(lists._modules[key], value))]
        listed, tensors = children["parametrizations"][key], [value]
        methods = {"forward": lambda: tensors[-1], "right_inverse": tensors.append}
        inner = listed.__dict__
        return [(listed, inner, method, inner.get(method, _ABSENT), one) for method, one in methods.items()]
    found = owner.get(key, getattr(type(module), key, _ABSENT))
    if found is None or isinstance(found, Tensor):  # restore.plain-attribute
        return [(module, owner, key, owner.get(key, _ABSENT), value)]
    if found is not _ABSENT or hasattr(module, key):  # dicts.not-a-tensor, swap.delegated-name: it is no place
        if found is _ABSENT or hasattr(found, "__get__"):
            raise TypeError(f"{name!r}: {type(module).__name__}.{key} is no parameter, buffer or plain tensor")
        raise TypeError(f"{name!r}: attribute `{key}`: {reprlib.repr(found)} is not an instance of torch.Tensor")
    is_buffer = hasattr(nn, "Buffer") and isinstance(value, nn.Buffer)  # drop-in.extra-name, drop-in.extra-buffer
    store = parameters if isinstance(value, nn.Parameter) else buffers if is_buffer else owner
    return [(module, store, key, _ABSENT, value)]


class _Given:
    """What hands out the last tensor that was given or assigned, in place of a ParametrizationList."""

    def __init__(self, listed: nn.Module, value: Any) -> None:
        self.listed = listed
        self.value = value

    def __getattr__(self, name: str) -> Any:
        return getattr(self.listed, name)

    def __call__(self) -> Any:
        return self.value

    def right_inverse(self, value: Any) -> None:
        self.value = value


def _is_parametrized(owner: _Owner, key: str) -> bool:
    return "parametrizations" in owner["_modules"] and key in owner["_modules"]["parametrizations"]


def _place(module: nn.Module, store: Any, key: str) -> tuple[int, str]:
    """What names of one slot have in common. A trace has no id of a dict before torch 2.13, but of its module."""
    return id(module if _is_tracing() else store), key


def _stores(owner: _Owner) -> tuple[Any, Any, Any, Any]:
    return owner["_parameters"], owner["_buffers"], owner["_modules"], owner


def _layout(owners: list[_Owner]) -> list[str | None]:
    """The keys of parameters, of buffers, and of those not persistent, for each owner; twice where other stores have them too."""
    layout: list[str | None] = []
    for owner in owners:
        buffers, children, hidden = owner["_buffers"], owner["_modules"], owner["_non_persistent_buffers_set"]
        for key in owner["_parameters"].keys():  # noqa: SIM118
            layout.append(key)
            if key in owner or (children and key in children):
                layout.append(key)
        layout.append(None)
        if buffers or hidden:
            for key in buffers.keys():  # noqa: SIM118
                layout.append(key)
                if key in owner or (children and key in children):
                    layout.append(key)
            layout += (None, *hidden, None)
        else:
            layout += (None, None)
    return layout


def _restore_layout(root: nn.Module, owners: list[_Owner], before: list[str | None], slots: list[_Slot]) -> None:
    """Restore of swapped slots what is not their content: restore.rebound, restore.deleted, restore.order."""
    names = "_parameters", "_buffers", "_non_persistent_buffers_set"
    ends = [-1, *(place for place, key in enumerate(before) if key is None)]
    parts = [Counter(before[start + 1 : end]) for start, end in itertools.pairwise(ends)]
    stood = dict(zip((id(owner[name]) for owner in owners for name in names), parts, strict=True))
    swapped: dict[int, list[str]] = {}
    for _, store, key, _, _ in slots:
        swapped.setdefault(id(store), []).append(key)
    for owner in [
        *owners,
        *(slot[0].__dict__ for slot in _walk(root, {})[1].values()),
    ]:  # also those that share a store: restore.shared-store
        hidden = owner["_non_persistent_buffers_set"]
        for store in _stores(owner):
            order = stood.get(id(store), Counter())
            for key in swapped.get(id(store), ()):
                for other in _stores(owner):
                    if other is not store and key in other and order[key] < 2 and key not in stood.get(id(other), ()):
                        del other[key]
                (hidden.add if key in stood.get(id(hidden), ()) else hidden.discard)(key)
            if id(store) in swapped and order and list(store.keys()) != list(order):
                for key in dict.fromkeys([*order, *store.keys()]):
                    if key in store:
                        store[key] = store.pop(key)


def _recurrent(owners: list[_Owner]) -> _Recurrent:
    """Recurrent modules with copies of the lists of weights that they keep beside the registered ones (restore.recurrent)."""
    recurrent = [owner for owner in owners if "_flat_weights" in owner]
    return (
        [(owner, [*owner["_flat_weights"]], [*owner["_flat_weight_refs"]]) for owner in recurrent] if recurrent else []
    )


def _restore_weight_lists(recurrent: _Recurrent, slots: list[_Slot]) -> None:
    """List own weights where given ones, or what was computed from them, stood; the rest is listed as forward left it."""
    swapped = {(id(store), key) for _, store, key, _, _ in slots}
    for owner, weights, references in recurrent:
        homes = id(owner["_parameters"]), id(owner)
        for place, name in enumerate(owner["_flat_weights_names"][: len(weights)]):
            if any((home, name) in swapped for home in homes) or _is_parametrized(owner, name):
                owner["_flat_weights"][place] = weights[place]
                owner["_flat_weight_refs"][place] = references[place]


def _are_equal(a: Tensor | None, b: Tensor | None, of_slot: bool = False) -> bool:
    """Whether values are equal: over the same memory without a look, else by torch.equal. One slot has one tangent."""
    if a is b or a is None or b is None:
        return a is b
    unpack: Any = forward_ad.unpack_dual
    if of_slot and not _are_equal(unpack(a).tangent, unpack(b).tangent):  # transforms.tangents
        return False
    try:
        return (not _is_tracing() and _view(a) == _view(b)) or torch.equal(a, b)
    except Exception:  # tie.undecidable: meta, vmapped, sparse
        return False


def _view(tensor: Tensor) -> tuple[Any, ...]:
    """What two tensors have in common that show the same memory in the same way, so that even NaN is the same NaN."""
    kind = "nested" if tensor.is_nested else str(tensor.layout)
    shape = None if tensor.is_nested else tensor.shape
    if kind in _PARTS:
        return kind, shape, *(_view(getattr(tensor, part)()) for part in _PARTS[kind] if hasattr(tensor, part))
    memory = tensor.untyped_storage()._cdata, tensor.storage_offset(), tensor.stride()
    return kind, shape, tensor.dtype, tensor.is_conj(), tensor.is_neg(), object() if tensor.is_quantized else memory


_PARTS = {  # the methods that give the dense tensors of which others are made; the last from torch 2.1 on
    "torch.sparse_coo": ("_indices", "_values"),
    **dict.fromkeys(("torch.sparse_csr", "torch.sparse_bsr"), ("crow_indices", "col_indices", "values")),
    **dict.fromkeys(("torch.sparse_csc", "torch.sparse_bsc"), ("ccol_indices", "row_indices", "values")),
    "nested": ("values", "_nested_tensor_size", "_nested_tensor_strides", "_nested_tensor_storage_offsets"),
}
