"""A functional_call that keeps every law of SPEC.md: one file, no dependency but torch.

`functional_call` is the algorithm of SPEC.md, one function a step: every name is resolved to the one slot it leads to, every
error is decided before anything is touched, and what stood in each slot is put back, whatever happened in between.
Names in comments (`tie.conflict`) are clauses of SPEC.md.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd import forward_ad
from torch.nn.utils import parametrize

__all__ = ["functional_call"]

Values = Mapping[str, Tensor | None]
# The beginning of a module's names; its `_parameters`, `_buffers`, `_modules`, `__dict__`, and `_non_persistent_buffers_set`.
_Owner = tuple[str, Any, Any, Any, dict[str, Any], set[str]]
_Owners = dict[int, _Owner]  # by id of the module
# An owner, one of its dicts, a key of it, what stands there before the call, and what stands there in forward.
_Slot = tuple[_Owner, Any, str, Any, Any]
# A recurrent module, its list of weights, and its list of weak references to them.
_Recurrent = list[tuple[nn.RNNBase, list[Any], list[Any]]]

_ABSENT: Any = object()  # what a dict holds under a key that it does not have
_is_tracing = getattr(getattr(torch, "compiler", None), "is_dynamo_compiling", bool)  # below torch 2.3: False
# The methods that give the dense tensors of which others are made.
_PARTS = {
    "torch.sparse_coo": ("_indices", "_values"),
    "torch.sparse_csr": ("crow_indices", "col_indices", "values"),
    "torch.sparse_bsr": ("crow_indices", "col_indices", "values"),
    "torch.sparse_csc": ("ccol_indices", "row_indices", "values"),
    "torch.sparse_bsc": ("ccol_indices", "row_indices", "values"),
    "nested": ("values", "_nested_tensor_size", "_nested_tensor_strides", "_nested_tensor_storage_offsets"),
}


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
    dicts = parameter_and_buffer_dicts
    if not isinstance(dicts, (tuple, list)):
        dicts = (dicts,)
    given = _read(dicts)
    owners, recurrent = _walk(module)
    named, also, rest, unexpected = _resolve(module, owners, given, strict)
    if tie_weights:
        also += _tie(named, given, rest)
    slots = [*named.values(), *also]
    if strict:
        _check_strict(slots, rest, unexpected)
    if args is None:
        args = ()
    elif not isinstance(args, tuple):
        args = (args,)
    if kwargs is None:
        kwargs = {}
    if not slots:
        return module(*args, **kwargs)
    layout, began, cache = _layout(owners), None, parametrize._cache
    try:
        if parametrize._cache_enabled:  # parametrize.cached: neither use a cached value nor leave one
            parametrize._cache = {}
        _put_in(slots)
        began = _held(slots)
        return module(*args, **kwargs)
    finally:
        ended = _held(slots)
        _put_back(slots)
        _restore_layout(owners, layout, slots)
        if recurrent:
            _restore_weight_lists(recurrent, slots)
        if parametrize._cache_enabled:
            parametrize._cache = cache
        if began is not None:
            _write_back(dicts, named, began, ended)


def _check_module(module: Any) -> None:
    """Refuse what can't be called this way: call.not-a-module, drop-in.jit, drop-in.data-parallel."""
    if not isinstance(module, nn.Module):
        raise TypeError(f"functional_call expects a torch.nn.Module as its first argument, got {type(module).__name__}")
    if isinstance(module, torch.jit.ScriptModule):
        raise RuntimeError("functional_call can't be used with Jitted modules: their state is not in Python")
    if isinstance(module, nn.DataParallel):
        raise RuntimeError("functional_call can't be used with nn.DataParallel module: replicas see no given values")


def _read(dicts: Iterable[Values]) -> dict[str, Tensor | None]:
    """Unite the dicts, or refuse them: dicts.rejected, dicts.bad-name, dicts.bad-value, dicts.distinct."""
    given: dict[str, Tensor | None] = {}
    for one in dicts:
        if not isinstance(one, (dict, Mapping)):
            found = type(one).__name__
            raise ValueError(f"Expected parameter_and_buffer_dicts to be a dict or a tuple of dicts, got {found}")
        for name, value in one.items():
            if not isinstance(name, str):
                raise TypeError(f"Expected names of parameters and buffers to be strings, got {name!r}")
            if value is not None and not isinstance(value, Tensor):
                raise TypeError(f"{name!r}: {type(value).__name__} is not an instance of torch.Tensor")
            if name in given:
                raise ValueError(f"[{name!r}] appeared in multiple dictionaries; which one counts is ambiguous")
            given[name] = value
    return given


def _walk(root: nn.Module) -> tuple[_Owners, _Recurrent]:
    """List every module once, by the first of its names (call.circular), and the lists of weights of recurrent modules."""
    owners, recurrent = {id(root): _owner(root, "")}, []
    todo = [root]
    while todo:
        module = todo.pop()
        prefix, _, _, children, _, _ = owners[id(module)]
        for key, child in children.items():
            if child is not None and id(child) not in owners:
                owners[id(child)] = _owner(child, f"{prefix}{key}.")
                todo.append(child)
        if isinstance(module, nn.RNNBase):
            recurrent.append((module, list(module._flat_weights), list(module._flat_weight_refs)))
    return owners, recurrent


def _owner(module: nn.Module, prefix: str) -> _Owner:
    hidden = module._non_persistent_buffers_set
    return prefix, module._parameters, module._buffers, module._modules, module.__dict__, hidden


def _resolve(
    root: nn.Module, owners: _Owners, given: Values, strict: bool
) -> tuple[dict[str, _Slot], list[_Slot], list[tuple[str, _Slot]], list[str]]:
    """Find the slots of given names, slots that are swapped along with them, slots not given, and unexpected names."""
    named: dict[str, Any] = dict.fromkeys(given)
    also: list[_Slot] = []
    rest: list[tuple[str, _Slot]] = []
    unexpected = []
    for owner in owners.values():
        prefix = owner[0]
        for store in owner[1:3]:
            if store:
                for key, own in store.items():
                    name = prefix + key
                    if name in named:
                        named[name] = owner, store, key, own, given[name]
                    else:
                        rest.append((name, (owner, store, key, own, None)))
    for name, slot in named.items():
        if slot is None:
            found = _other_slots(root, owners, name, given[name], strict)
            if found:
                named[name] = found[0]
                also += found[1:]
            else:
                unexpected.append(name)
    for name in unexpected:
        del named[name]
    return named, also, rest, unexpected


def _other_slots(root: nn.Module, owners: _Owners, name: str, value: Any, strict: bool) -> list[_Slot]:
    """The slot of a name that the walk did not meet, and one that goes with it. None under `strict` where it is unexpected."""
    if not name or name.endswith("."):
        raise KeyError(f"the name of a parameter or buffer can't be empty, got {name!r}")
    module, key = _follow(root, name)
    if strict and id(module) not in owners:
        return []
    owner = owners.setdefault(id(module), _owner(module, name[: -len(key)]))
    _, parameters, buffers, children, plain, _ = owner
    for store in (parameters, buffers):
        if key in store:  # by another path of a submodule that has several
            return [(owner, store, key, store[key], value)]
    if strict:
        return []
    if "." in key:
        part = key.split(".")[0]
        raise AttributeError(f"{name!r}: {type(module).__name__} has no attribute {part!r} that is a module")
    if "parametrizations" in children and parametrize.is_parametrized(module, key):
        return _disabling(owners[id(children["parametrizations"][key])], value)
    found = plain.get(key, getattr(type(module), key, _ABSENT))
    if found is None or isinstance(found, Tensor):  # restore.plain-attribute
        return [(owner, plain, key, plain.get(key, _ABSENT), value)]
    if found is not _ABSENT or hasattr(module, key):  # dicts.not-a-tensor, swap.delegated-name: it is no place
        raise TypeError(f"{name!r}: {type(module).__name__}.{key} is no parameter, buffer or plain tensor attribute")
    store = plain
    if isinstance(value, nn.Parameter):  # drop-in.extra-name
        store = parameters
    elif hasattr(nn, "Buffer") and isinstance(value, nn.Buffer):
        store = buffers
    return [(owner, store, key, _ABSENT, value)]


def _follow(module: nn.Module, name: str) -> tuple[nn.Module, str]:
    """The last module on the path of a name, also through wrappers that only delegate to another one, and the rest of it."""
    parts = name.split(".")
    for place, part in enumerate(parts[:-1]):
        child = getattr(module, part, None)
        if not isinstance(child, nn.Module):
            return module, ".".join(parts[place:])
        module = child
    return module, parts[-1]


def _disabling(parametrizations: _Owner, value: Any) -> list[_Slot]:
    """Slots that have a ParametrizationList hand out `value`, and take what forward assigns, in place of running.

    Neither the class of the module nor its property is touched (parametrize.regular-name, parametrize.not-run).
    """
    plain, tensors = parametrizations[4], [value]
    stand_ins = {"forward": lambda: tensors[-1], "right_inverse": tensors.append}
    return [(parametrizations, plain, key, plain.get(key, _ABSENT), one) for key, one in stand_ins.items()]


def _tie(named: dict[str, _Slot], given: Values, rest: list[tuple[str, _Slot]]) -> list[_Slot]:
    """The slots that are tied to given ones, with their values; refuses different values for one group (chapter tie)."""
    # The id of a tensor would be a constant of a trace, which each new value compiles anew (compile.recompile).
    identify = (lambda tensor: tensor) if _is_tracing() else id
    values: dict[Any, Any] = {}  # the first value of each group
    others: list[tuple[str, Any]] = []  # names with another value object than the first one, which is told
    for name, (owner, store, key, own, _) in named.items():
        alone = own is None or own is _ABSENT or store is owner[4]
        value = given[name]
        first = values.setdefault((owner[0], key) if alone else identify(own), value)
        if first is not value:
            others.append((name, first))
    if others:
        _check_equal(named, given, others)
    slots = [slot for _, slot in rest if identify(slot[3]) in values]
    return [(owner, store, key, own, values[identify(own)]) for owner, store, key, own, _ in slots]


def _check_equal(named: dict[str, _Slot], given: Values, others: list[tuple[str, Any]]) -> None:
    """Refuse different values for one group: tie.conflict, tie.conflict-says-which."""
    in_slots: dict[tuple[int, str], Any] = {}  # the first value of each slot
    for name, (_, store, key, _, _) in named.items():
        in_slots.setdefault((id(store), key), given[name])
    for name, first in others:
        _, store, key, own, _ = named[name]
        in_slot = in_slots[id(store), key]
        if not _are_equal(first, given[name]) or not _have_equal_tangents(in_slot, given[name]):
            tied = isinstance(own, Tensor)
            names = [
                one for one, its in named.items() if (its[1] is store and its[2] == key) or (tied and its[3] is own)
            ]
            which = f"{sorted(names)}, which are tied: give one, or equal ones"
            raise ValueError(f"functional_call got multiple values for keys {which}")


def _check_strict(slots: list[_Slot], rest: list[tuple[str, _Slot]], unexpected: list[str]) -> None:
    """Refuse names that are unexpected, and slots that are neither given nor tied to a given one (chapter strict)."""
    swapped = {(owner[0], key) for owner, _, key, _, _ in slots}
    wanted = [(name, (slot[0][0], slot[2])) for name, slot in rest if slot[3] is not None]  # strict.none
    missing = [name for name, place in wanted if place not in swapped]
    lines = []
    for label, names in (("Unexpected", unexpected), ("Missing", missing)):
        if names:
            lines.append(f"{label} key(s): {', '.join(map(repr, sorted(names)))}.")
    if lines:
        raise RuntimeError("\n\t".join(["Error(s) under strict=True:", *lines]))


def _layout(owners: _Owners) -> list[str | None]:
    """The keys of every module's parameters and buffers, those not persistent, and those that also are keys of another store."""
    layout: list[str | None] = []
    for _, parameters, buffers, children, plain, hidden in owners.values():
        if parameters or buffers or hidden:
            keys = [*parameters.keys(), None, *buffers.keys(), None, *hidden, None]
            layout += keys
            for key in keys:
                if key in plain or key in children:
                    layout.append(key)
            layout.append(None)
        else:
            layout += (None, None, None, None)
    return layout


def _put_in(slots: list[_Slot]) -> None:
    for owner, store, key, own, value in slots:
        store[key] = value
        if own is _ABSENT and store is owner[2] and not value.persistent:  # a new nn.Buffer
            owner[5].add(key)


def _held(slots: list[_Slot]) -> list[Any]:
    """What each slot holds now; where forward deleted it, what the module has under its key instead."""
    return [store[key] if key in store else _elsewhere(owner, key) for owner, store, key, _, _ in slots]


def _elsewhere(owner: _Owner, key: str) -> Any:
    return next((store[key] for store in owner[1:5] if key in store), _ABSENT)


def _put_back(slots: list[_Slot]) -> None:
    """Put back what each slot held before the call, whatever happened (restore.objects, restore.no-leftovers)."""
    for _, store, key, own, _ in slots:
        if own is not _ABSENT:
            store[key] = own
        elif key in store:
            del store[key]


def _restore_layout(owners: _Owners, before: list[str | None], slots: list[_Slot]) -> None:
    """Restore of swapped slots what is not their content: restore.rebound, restore.deleted, restore.order."""
    if _layout(owners) == before:
        return
    swapped: dict[int, list[str]] = {}
    for _, store, key, _, _ in slots:
        swapped.setdefault(id(store), []).append(key)
    parts: list[list[str]] = [[]]
    for one in before:
        if one is None:
            parts.append([])
        else:
            parts[-1].append(one)
    for place, (_, *stores, not_persistent) in enumerate(owners.values()):
        parameters, buffers, hidden, shadows = parts[4 * place : 4 * place + 4]
        for home in stores:
            for key in swapped.get(id(home), ()):
                for other, held in zip(stores, (parameters, buffers, shadows, shadows), strict=True):
                    if other is not home and key in other and key not in held:
                        other.pop(key)
                (not_persistent.add if key in hidden else not_persistent.discard)(key)
        for store, order in zip(stores[:2], (parameters, buffers), strict=True):
            if id(store) in swapped and list(store.keys()) != order:
                for key in dict.fromkeys([*order, *store.keys()]):
                    if key in store:
                        store[key] = store.pop(key)


def _restore_weight_lists(recurrent: _Recurrent, slots: list[_Slot]) -> None:
    """List a recurrent module's own weights where given ones, or what was computed from them, stood (restore.recurrent).

    What is neither a swapped slot nor parametrized is listed as forward left it.
    """
    for module, weights, references in recurrent:
        homes = id(module._parameters), id(module.__dict__)
        swapped = {(id(store), key) for _, store, key, _, _ in slots}
        for place, name in enumerate(module._flat_weights_names[: len(weights)]):
            if any((home, name) in swapped for home in homes) or parametrize.is_parametrized(module, name):
                module._flat_weights[place] = weights[place]
                module._flat_weight_refs[place] = references[place]


def _write_back(dicts: Iterable[Values], named: Iterable[str], began: list[Any], ended: list[Any]) -> None:
    """Write what forward bound to given names to the dicts that hold them (inplace.rebinding, inplace.rebinding-tuple)."""
    rebound = {}
    for place, name in enumerate(named):
        now = ended[place]
        if now is not began[place] and (now is None or isinstance(now, Tensor)):  # inplace.only-tensors
            rebound[name] = now
    if not rebound:
        return
    for one in dicts:
        for name in list(one):
            if name in rebound:
                try:
                    one[name] = rebound[name]  # type: ignore[index]
                except TypeError:
                    pass  # inplace.read-only-dict


def _are_equal(a: Tensor | None, b: Tensor | None) -> bool:
    """Whether two values are equal: over the same memory without a look (dicts.state-dict), else by torch.equal."""
    if a is None or b is None:
        return a is b
    try:
        return a is b or (not _is_tracing() and _share_memory(a, b)) or torch.equal(a, b)
    except Exception:  # tie.undecidable: meta, vmapped, sparse
        return False


def _share_memory(a: Tensor, b: Tensor) -> bool:
    """Whether two tensors show the same memory in the same way, so that even NaN is the same NaN."""
    if a.is_quantized or a.is_nested != b.is_nested or not (a.is_nested or a.shape == b.shape):
        return False
    if (a.dtype, a.layout, a.is_conj(), a.is_neg()) != (b.dtype, b.layout, b.is_conj(), b.is_neg()):
        return False
    parts = _PARTS.get("nested" if a.is_nested else str(a.layout))
    if parts is not None:
        return all(_share_memory(getattr(a, part)(), getattr(b, part)()) for part in parts)
    if a.untyped_storage()._cdata != b.untyped_storage()._cdata:
        return False
    return (a.storage_offset(), a.stride()) == (b.storage_offset(), b.stride())


def _have_equal_tangents(a: Tensor | None, b: Tensor | None) -> bool:
    """Whether two equal values have equal tangents: two slots of a group can have different ones, but one slot can't."""
    unpack: Any = forward_ad.unpack_dual
    return _are_equal(*(None if value is None else unpack(value).tangent for value in (a, b)))
