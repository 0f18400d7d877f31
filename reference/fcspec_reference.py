"""A functional_call that keeps every law of SPEC.md: one file, no dependency but torch.

`functional_call` is the algorithm of SPEC.md, one function a step: every name is resolved to the one slot it leads to, every
error is decided before anything is touched, and what stood in each slot is put back, whatever happened in between. What few
calls need stands behind the steps. Names in comments (`tie.conflict`) are clauses of SPEC.md.
"""

from __future__ import annotations

import itertools
import reprlib
from collections.abc import Iterable, Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd import forward_ad
from torch.nn.utils import parametrize

__all__ = ["functional_call"]

Values = Mapping[str, Tensor | None]
# A module, one of its dicts, a key of it, what stands there before the call, and what stands there in forward, if it is given.
_Slot = tuple[nn.Module, Any, str, Any, Any]
_Slots = dict[str, _Slot]  # by name
_Owner = tuple[dict[str, Any], Any, Any]  # the `__dict__` of a module, and its stores: of parameters, and of buffers
_Lists = tuple[Any, list[Any], list[Any]]  # a recurrent module, its list of weights, and its list of references to them

_ABSENT: Any = object()  # what a dict holds under a key that it does not have
_REFUSED = torch.jit.ScriptModule, nn.DataParallel
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
    if not isinstance(module, nn.Module) or isinstance(module, _REFUSED):
        raise _refusal(module)
    dicts: Any = parameter_and_buffer_dicts
    dicts = dicts if isinstance(dicts, (tuple, list)) else (dicts,)
    args = () if args is None else args if isinstance(args, tuple) else (args,)
    given = _read(dicts)
    named, rest, owners, lists = _walk(module, given) if tie_weights or strict else ({}, {}, [], [])
    also: list[_Slot] = []  # slots without a given name
    is_tracing, is_listed = _is_tracing(), len(named) == len(given)
    if not is_listed:
        others = {name: given[name] for name in given if name not in named} if named else given
        resolved, also, passed = _resolve(module, others, strict)
        named.update(resolved)
        recurrent = [one for one in passed if isinstance(one, nn.RNNBase)]
        if recurrent:  # their copies share lists: restore.shared-store
            lists = [found for one in (module, *recurrent) for found in _walk(one, {})[3]]
    if tie_weights:
        also += _tie(named, rest, given, is_listed and not is_tracing)
    slots = [*named.values(), *also]
    if strict:
        _check_strict(given, named, rest, slots)
    if also or not is_listed:
        modules = {id(slot[0]): slot[0] for slot in slots}
        owners = [(one.__dict__, one._parameters, one._buffers) for one in modules.values()]
    before, is_changed = _layout(owners, is_tracing), True
    cache = parametrize._cache if parametrize._cache_enabled else None
    instead: dict[Any, Any] = {}
    try:
        if cache is not None:  # parametrize.cached: neither use a cached value nor leave one
            parametrize._cache = instead
        _put_in(slots)
        result = module(*args, **({} if kwargs is None else kwargs))
        is_changed = _layout(owners, is_tracing) != before
        _write_back(dicts, named, slots, is_changed)
        return result
    finally:
        _put_back(slots)
        if is_changed:
            _restore_layout(module, owners, before, slots)
        if lists:
            _restore_lists(lists, slots)
        if cache is not None:
            instead.clear()  # a call in another thread may put it back after this one has ended
            parametrize._cache = cache


def _refusal(module: Any) -> Exception:
    """Say why this can't be called: call.not-a-module, drop-in.jit, drop-in.data-parallel."""
    if isinstance(module, nn.Module):
        refused = "Jitted modules, nor used with nn.DataParallel modules"
        return RuntimeError(f"functional_call can't be used with {refused}: what they compute with is elsewhere")
    return TypeError(f"functional_call expects a torch.nn.Module as its first argument, got {type(module).__name__}")


def _read(dicts: Iterable[Values]) -> dict[str, Tensor | None]:
    """Unite the dicts, or refuse them (chapter dicts)."""
    given: dict[str, Tensor | None] = {}
    for one in dicts:
        if not isinstance(one, (dict, Mapping)):
            raise ValueError(f"Expected parameter_and_buffer_dicts to be a dict or a tuple of dicts, got {type(one)}")
        for name, value in one.items():
            if not isinstance(value, Tensor) and value is not None:
                raise TypeError(f"{name!r}: {reprlib.repr(value)} is not an instance of torch.Tensor")
            if name in given:
                raise ValueError(f"[{name!r}] appeared in multiple dictionaries; which one counts is ambiguous")
            given[name] = value
    return given


def _walk(root: nn.Module, given: Values) -> tuple[_Slots, _Slots, list[_Owner], list[_Lists]]:
    """List each module once (call.circular): slots of given names, other slots, owners of the former, recurrent modules."""
    named: _Slots = {}
    rest: _Slots = {}
    owners, lists = [], []
    seen, todo = {id(root)}, [("", root)]
    while todo:
        prefix, module = todo.pop()
        owner = module.__dict__
        parameters, buffers, children = owner["_parameters"], owner["_buffers"], owner["_modules"]
        is_owner = False
        for store in (parameters, buffers) if buffers else (parameters,) if parameters else ():
            for key, own in store.items():
                if (name := prefix + key) in given:
                    named[name] = module, store, key, own, given[name]
                    is_owner = True
                else:
                    rest[name] = module, store, key, own, None
        if is_owner:
            owners.append((owner, parameters, buffers))
        if isinstance(module, nn.RNNBase):  # restore.recurrent
            lists.append((module, [*owner["_flat_weights"]], [*owner["_flat_weight_refs"]]))
        if children:
            for key, child in children.items():
                if child is not None and (identity := id(child)) not in seen:
                    seen.add(identity)
                    todo.append((f"{prefix}{key}.", child))
    return named, rest, owners, lists


def _resolve(root: nn.Module, given: Values, strict: bool) -> tuple[_Slots, list[_Slot], list[nn.Module]]:
    """Find the slots of names that no walk has met, slots that go with them, and modules. What `strict` refuses has none."""
    named: _Slots = {}
    also = []
    modules = {"": root}  # by the beginning of names, as "layers.0."
    last = module = None
    for name, value in given.items():
        if not isinstance(name, str):
            raise TypeError(f"Expected names of parameters and buffers to be strings, got {name!r}")
        path, dot, key = name.rpartition(".")
        if not key:
            raise KeyError(f"the name of a parameter or buffer can't be empty, got {name!r}")
        prefix = path + dot
        if prefix != last:
            if prefix not in modules:
                modules.update(_follow(modules, prefix, strict))
            last, module = prefix, modules.get(prefix)
        if module is not None:
            store = module._parameters if key in module._parameters else module._buffers
            if key in store:
                named[name] = module, store, key, store[key], value
            elif not strict:
                named[name], *more = _stand_ins(module, name, key, value)
                also += more
    return named, also, [*modules.values()]


def _follow(modules: dict[str, nn.Module], path: str, strict: bool) -> dict[str, nn.Module]:
    """Further modules on a path, also through wrappers that only delegate to another one, but not under `strict`."""
    at, parts = path, []
    while at not in modules:
        above, dot, part = at[:-1].rpartition(".")
        at = above + dot
        parts.append(part)
    further, module = {}, modules[at]
    for part in reversed(parts):
        at = f"{at}{part}."
        children = module._modules
        child: Any = children[part] if part in children else None if strict else getattr(module, part, None)
        if not isinstance(child, nn.Module):
            if strict:
                break
            raise AttributeError(f"{path!r}: {type(module).__name__} has no attribute `{part}` that is a module")
        further[at] = module = child
    return further


def _tie(named: _Slots, rest: _Slots, given: Values, can_skip: bool) -> list[_Slot]:
    """Refuse different values for one tied group, and find the slots that take the value of another one (chapter tie)."""
    if can_skip:  # no slot has two names
        ids = [id(slot[3]) for slot in [*named.values(), *rest.values()] if slot[3] is not None]
        if len({*ids}) == len(ids):
            return []  # and no tensor two slots
    firsts: dict[Any, str] = {}  # the first name by mark
    for name, slot in named.items():
        for mark in _marks(slot):
            first = firsts.setdefault(mark, name)
            if first != name and not _are_equal(given[first], given[name], of_slot=isinstance(mark, tuple)):
                names = sorted(one for one, its in named.items() if mark in _marks(its))
                raise ValueError(f"functional_call got multiple values for keys {names}, which are tied")
    also = []
    for slot in rest.values():
        place, *group = _marks(slot)
        also += [(*slot[:4], given[firsts[mark]]) for mark in group if mark in firsts and place not in firsts]
    return also


def _marks(slot: _Slot) -> list[Any]:
    """What names have in common that lead to one slot, and to one tied group (compile.recompile: not ids of given tensors)."""
    module, store, key, own, _ = slot
    is_tracing = _is_tracing()
    marks: list[Any] = [(id(module if is_tracing else store), key)]
    if isinstance(own, Tensor) and (key in module._parameters or key in module._buffers):
        marks.append(own if is_tracing else id(own))
    return marks


def _check_strict(given: Values, named: _Slots, rest: _Slots, slots: list[_Slot]) -> None:
    """Refuse names that have no slot, and slots that are neither given nor tied to a given one (chapter strict)."""
    swapped = {_marks(slot)[0] for slot in slots}
    unexpected = [name for name in given if name not in named]
    missing = [name for name, slot in rest.items() if slot[3] is not None and _marks(slot)[0] not in swapped]
    faults = {"Unexpected": unexpected, "Missing": missing}
    lines = [f"{what} key(s): {', '.join(map(repr, sorted(names)))}." for what, names in faults.items() if names]
    if lines:
        raise RuntimeError("\n\t".join(["Error(s) under strict=True:", *lines]))


def _layout(owners: list[_Owner], is_tracing: bool) -> list[Any]:
    """Of each owner: keys of parameters, of buffers, of those not persistent, None behind each; (key,) stands elsewhere, too."""
    layout: list[Any] = []
    for owner, parameters, buffers in owners:
        keys: Any = parameters.keys()
        layout += keys
        if buffers:
            keys = [*keys, *buffers.keys()]
        if not is_tracing:
            if owner["_modules"] or owner.keys() & keys:
                layout += [(key,) for key in keys if key in owner or key in owner["_modules"]]
            if owner["_parameters"] is not parameters or owner["_buffers"] is not buffers:
                layout.append(None)  # forward put another dict in the place of a store
        if buffers:
            layout += (None, *buffers.keys(), None, *owner["_non_persistent_buffers_set"], None)
        else:
            layout += (None, None, None)
    return layout


def _put_in(slots: list[_Slot]) -> None:
    """Put what is given into each slot; of two values for one slot the last is in force."""
    for module, store, key, own, value in slots:
        store[key] = value
        if own is _ABSENT and store is module._buffers and not value.persistent:  # drop-in.extra-buffer
            module._non_persistent_buffers_set.add(key)


def _write_back(dicts: Iterable[Any], named: _Slots, slots: list[_Slot], is_changed: bool) -> None:
    """Write what forward bound to given names to the dicts that hold them (inplace.rebinding, inplace.rebinding-tuple)."""
    if not is_changed:
        for _, store, key, _, value in slots:
            if key not in store or store[key] is not value:
                break
        else:
            return  # every slot holds what was given
    began = {_marks(slot)[0]: slot[4] for slot in slots}
    for one in dicts:
        for name in [name for name in one if name in named]:
            module, _, key, _, _ = named[name]
            now = [store[key] for store in _stores(module) if key in store]
            is_rebound = now and now[0] is not began[_marks(named[name])[0]]
            if is_rebound and (now[0] is None or isinstance(now[0], Tensor)):  # inplace.only-tensors
                one[name] = now[0]


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
    lists: Any = owner["_modules"].get("parametrizations")
    listed = getattr(lists, key, None)
    if isinstance(listed, parametrize.ParametrizationList):  # parametrize.not-run
        given = _Given(listed, value)
        if _is_tracing():  # which takes nothing out of the `__dict__` of a module before torch 2.13
            return [(lists, lists._modules, key, listed, given)]
        methods, inner = {"forward": given.__call__, "right_inverse": given.right_inverse}, listed.__dict__
        return [(listed, inner, method, inner.get(method, _ABSENT), one) for method, one in methods.items()]
    classes = [one.__dict__ for one in type(module).__mro__]  # without its metaclass
    found = owner[key] if key in owner else next((one[key] for one in classes if key in one), _ABSENT)
    if found is None or isinstance(found, Tensor):  # restore.plain-attribute
        return [(module, owner, key, owner.get(key, _ABSENT), value)]
    if found is not _ABSENT or hasattr(module, key):  # dicts.not-a-tensor, swap.delegated-name: it is no place
        if found is _ABSENT or hasattr(found, "__get__"):
            raise TypeError(f"{name!r}: {type(module).__name__}.{key} is no parameter, buffer or plain tensor")
        raise TypeError(f"{name!r}: attribute `{key}`: {reprlib.repr(found)} is not an instance of torch.Tensor")
    is_buffer = hasattr(nn, "Buffer") and isinstance(value, nn.Buffer)  # drop-in.extra-name, drop-in.extra-buffer
    store = module._parameters if isinstance(value, nn.Parameter) else module._buffers if is_buffer else owner
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


def _stores(module: nn.Module) -> tuple[Any, Any, Any, Any]:
    """The dicts in which an attribute of a module can stand."""
    return module._parameters, module._buffers, module._modules, module.__dict__


def _restore_layout(root: nn.Module, owners: list[_Owner], before: list[Any], slots: list[_Slot]) -> None:
    """Restore of swapped slots what is not their content: restore.rebound, restore.deleted, restore.order."""
    swapped: dict[int, dict[str, Any]] = {}  # what slots held, by store and key
    for _, store, key, own, _ in slots:
        swapped.setdefault(id(store), {})[key] = own
    ends = [-1, *(place for place, key in enumerate(before) if key is None)]
    parts = iter([before[start + 1 : end] for start, end in itertools.pairwise(ends)])
    stood: dict[int, set[Any]] = {}  # (key,) for each key that a dict had
    for (owner, *stores), *orders, not_persistent in zip(owners, parts, parts, parts, strict=True):
        stood[id(owner)] = stood[id(owner["_modules"])] = set(orders[0])
        for name, store, order in zip(("_parameters", "_buffers"), stores, orders, strict=True):
            stood[id(store)] = {(key,) for key in order}
            own = swapped.get(id(store), {})
            now = {**owner[name], **own}
            if own and (owner[name] is not store or [*store.keys()] != order):
                store.clear()
                store.update({key: now[key] for key in (*order, *now) if now.get(key, _ABSENT) is not _ABSENT})
                owner[name] = store
            hidden, stood_hidden = owner["_non_persistent_buffers_set"], set(not_persistent)
            for key in own:
                (hidden.add if key in stood_hidden else hidden.discard)(key)
    others = _walk(root, {})[1].values()  # of modules that share a store, too: restore.shared-store
    for module in {id(slot[0]): slot[0] for slot in (*slots, *others)}.values():
        for store in _stores(module):
            for key in swapped.get(id(store), ()):
                for other in _stores(module):
                    if other is not store and key in other and (key,) not in stood.get(id(other), ()):
                        del other[key]


def _restore_lists(lists: list[_Lists], slots: list[_Slot]) -> None:
    """List own weights where given ones, or what was computed from them, stood; the rest is listed as forward left it."""
    swapped = {(id(store), key) for _, store, key, _, _ in slots}
    for module, *before in lists:
        homes = id(module._parameters), id(module.__dict__)
        for place, name in enumerate(module._flat_weights_names[: len(before[0])]):
            if any((home, name) in swapped for home in homes) or parametrize.is_parametrized(module, name):
                module._flat_weights[place], module._flat_weight_refs[place] = before[0][place], before[1][place]


def _are_equal(a: Tensor | None, b: Tensor | None, of_slot: bool = False) -> bool:
    """Whether values are equal: over the same memory without a look, else by torch.equal. One slot has one tangent."""
    if a is b or a is None or b is None:
        return a is b
    unpack: Any = forward_ad.unpack_dual
    if of_slot and not _are_equal(unpack(a).tangent, unpack(b).tangent):  # transforms.tangents
        return False
    if not _is_tracing() and _show_the_same(a, b):
        return True
    try:
        return a.dtype is b.dtype and torch.equal(a, b)  # which rounds the one of two dtypes
    except Exception:  # tie.undecidable: meta, vmapped, sparse
        return False


def _show_the_same(a: Tensor, b: Tensor) -> bool:
    """Whether values are one view of one memory."""
    try:
        return _view(a) == _view(b)
    except Exception:  # what a transform wraps has no memory
        return False


def _view(tensor: Tensor) -> tuple[Any, ...]:
    """What two tensors have in common that show the same memory in the same way, so that even NaN is the same NaN."""
    kind = "nested" if tensor.is_nested else str(tensor.layout)
    shape = None if tensor.is_nested else tensor.shape
    if kind in _PARTS:
        return kind, shape, *(_view(getattr(tensor, part)()) for part in _PARTS[kind] if hasattr(tensor, part))
    memory = tensor.untyped_storage()._cdata, tensor.storage_offset(), tensor.stride()
    return kind, shape, tensor.dtype, tensor.is_conj(), tensor.is_neg(), memory


_PARTS = {  # the methods that give the dense tensors of which others are made; the last from torch 2.1 on
    "torch.sparse_coo": ("_indices", "_values"),
    **dict.fromkeys(("torch.sparse_csr", "torch.sparse_bsr"), ("crow_indices", "col_indices", "values")),
    **dict.fromkeys(("torch.sparse_csc", "torch.sparse_bsc"), ("ccol_indices", "row_indices", "values")),
    "nested": ("values", "_nested_tensor_size", "_nested_tensor_strides", "_nested_tensor_storage_offsets"),
}
