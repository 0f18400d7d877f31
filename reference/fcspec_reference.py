"""A functional_call that keeps every law of SPEC.md: one file, no dependency but torch.

`functional_call` is the algorithm of SPEC.md: each step is one function, and nothing of the module is touched before the last error
has been decided. It works on slots, not on names: a slot is swapped once and put back once, however many names lead to it.
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

_ABSENT: Any = object()  # what a store holds under a key that it does not have
# The dense tensors of which others are made, as methods.
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
    stores, recurrent = _walk(module)
    slots, unexpected = _resolve(module, stores, given, strict)
    if tie_weights:
        _tie(stores, slots, given)
    if strict:
        _check_strict(stores, unexpected)
    if args is None:
        args = ()
    elif not isinstance(args, tuple):
        args = (args,)
    swapped = [store for store in stores.values() if store.given]
    cache = _set_cache_aside(swapped)
    is_in = False
    try:
        for store in swapped:
            store.put_in()
        is_in = True
        return module(*args, **({} if kwargs is None else kwargs))
    finally:
        for store in swapped:
            store.put_back()
        _relist_weights(stores, recurrent)
        if cache is not None:
            parametrize._cache = cache
        if is_in and any([store.rebound for store in swapped]):
            _write_back(dicts, slots)


class _Store:
    """One dict of a module: `_parameters`, `_buffers` or, for what is neither, `__dict__`. A slot is a store and a key of it."""

    __slots__ = ("entries", "given", "hidden", "modules", "others", "own", "prefix", "rebound", "shadows")

    def __init__(self, entries: Any, module: nn.Module, prefix: str | None) -> None:
        self.entries = entries
        self.modules = [module]  # more than one where `copy.copy` made a module
        self.prefix = prefix  # of the names of its keys; None: a `__dict__`, whose keys are neither tied nor missing
        self.own: dict[str, Any] = {} if prefix is None else dict(entries.items())
        self.given: dict[str, Any] = {}  # what is put in, by key
        self.rebound: dict[str, Any] = {}  # what forward put where a given value stood

    def put_in(self) -> None:
        """Put the given values in, and note what else `put_back` restores."""
        given = self.given
        self.others = [
            other
            for module in self.modules
            for other in (module._parameters, module._buffers, module._modules, module.__dict__)
            if other is not self.entries
        ]
        self.shadows = [(place, key) for place, other in enumerate(self.others) for key in given if key in other]
        self.hidden = self.modules[0]._non_persistent_buffers_set.copy()
        for key, value in given.items():
            self.entries[key] = value
            if key not in self.own and self.entries is self.modules[0]._buffers and not value.persistent:  # an nn.Buffer
                self.modules[0]._non_persistent_buffers_set.add(key)

    def put_back(self) -> None:
        """Put the module's own objects back, in their order, and note what stood in their places (chapter restore)."""
        own, entries = self.own, self.entries
        for key, value in self.given.items():
            now = entries[key] if key in entries else _ABSENT  # noqa: SIM401  (a scripted module's has no get)
            if now is not value:
                self.rebound[key] = now
            if key in own:
                entries[key] = own[key]
            elif now is not _ABSENT:
                del entries[key]  # restore.no-leftovers
        for place, other in enumerate(self.others):
            for key in self.given:
                if key in other and (place, key) not in self.shadows:  # restore.rebound: put into another store
                    self.rebound[key] = other.pop(key)
        hidden = self.modules[0]._non_persistent_buffers_set
        if hidden != self.hidden:  # restore.deleted
            for key in self.given:
                (hidden.add if key in self.hidden else hidden.discard)(key)
        if self.prefix is not None and list(entries.keys()) != list(own):  # restore.order
            for key in dict.fromkeys([*own, *entries.keys()]):
                if key in entries:
                    entries[key] = entries.pop(key)


_Stores = dict[int, _Store]  # by id of the dict
_Slots = dict[str, tuple[_Store, str]]  # by name
_Recurrent = list[tuple[nn.RNNBase, list[Any], list[Any]]]  # modules, and their lists of weights and references


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
        if not isinstance(one, Mapping):
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


def _walk(root: nn.Module) -> tuple[_Stores, _Recurrent]:
    """List the stores of every module, each once (call.circular), and the lists of weights of recurrent modules."""
    stores: _Stores = {}
    recurrent = []
    todo, found = [("", root)], {id(root)}
    while todo:
        prefix, module = todo.pop()
        for entries in (module._parameters, module._buffers):
            if len(entries):
                _store(stores, entries, module, prefix)
        for key, child in module._modules.items():
            if child is not None and id(child) not in found:
                found.add(id(child))
                todo.append((f"{prefix}{key}.", child))
        if isinstance(module, nn.RNNBase):
            recurrent.append((module, list(module._flat_weights), list(module._flat_weight_refs)))
    return stores, recurrent


def _store(stores: _Stores, entries: Any, module: nn.Module, prefix: str | None) -> _Store:
    store = stores.get(id(entries))
    if store is None:
        store = stores[id(entries)] = _Store(entries, module, prefix)
    elif all([one is not module for one in store.modules]):
        store.modules.append(module)  # a copy by `copy.copy`: all that it has of its own is its `__dict__`
    return store


def _resolve(root: nn.Module, stores: _Stores, given: Values, strict: bool) -> tuple[_Slots, list[str]]:
    """Find the slot of every given name, and the names that are none of a parameter or a buffer."""
    slots: _Slots = {}
    unexpected: list[str] = []
    for store in stores.values():
        for key in store.own:
            name = store.prefix + key  # type: ignore[operator]
            if name in given:
                slots[name] = store, key
                store.given[key] = given[name]
    if len(slots) < len(given):
        for name, value in given.items():
            if name not in slots:
                slot = _other_slot(root, stores, name, value, strict)
                if slot is None:
                    unexpected.append(name)
                else:
                    slots[name] = slot
    return slots, unexpected


def _other_slot(root: nn.Module, stores: _Stores, name: str, value: Any, strict: bool) -> tuple[_Store, str] | None:
    """The slot of a name that the walk did not meet; None under `strict` where it is none of a parameter or a buffer."""
    if not name or name.endswith("."):
        raise KeyError(f"the name of a parameter or buffer can't be empty, got {name!r}")
    module, key = _owner(root, name)
    for entries in (module._parameters, module._buffers):
        if key in entries and (id(entries) in stores or not strict):  # by another path of a submodule that has several
            store = _store(stores, entries, module, name[: -len(key)])
            store.given.setdefault(key, value)
            return store, key
    if strict:
        return None  # strict.unexpected
    if "." in key:
        raise AttributeError(f"{name!r}: {type(module).__name__} has no attribute {key.split('.')[0]!r} that is a module")
    if "parametrizations" in module._modules and parametrize.is_parametrized(module, key):
        return _disable(stores, module.parametrizations[key], value), "forward"  # type: ignore[index]
    found = module.__dict__.get(key, getattr(type(module), key, _ABSENT))
    if found is _ABSENT and not hasattr(module, key):  # drop-in.extra-name
        entries = module.__dict__
        if isinstance(value, nn.Parameter):
            entries = module._parameters
        elif hasattr(nn, "Buffer") and isinstance(value, nn.Buffer):
            entries = module._buffers
    elif found is None or isinstance(found, Tensor):  # restore.plain-attribute
        entries = module.__dict__
    else:  # dicts.not-a-tensor; swap.delegated-name: what is computed can't be set aside
        raise TypeError(f"{name!r}: {type(module).__name__}.{key} is no parameter, buffer or plain tensor attribute")
    store = _store(stores, entries, module, None)
    if key in entries:
        store.own[key] = entries[key]
    store.given.setdefault(key, value)
    return store, key


def _owner(module: nn.Module, name: str) -> tuple[nn.Module, str]:
    """The last module on the path of a name, also through wrappers that only delegate to another one, and the rest of it."""
    parts = name.split(".")
    for place, part in enumerate(parts[:-1]):
        child = getattr(module, part, None)
        if not isinstance(child, nn.Module):
            return module, ".".join(parts[place:])
        module = child
    return module, parts[-1]


def _disable(stores: _Stores, parametrizations: nn.Module, value: Any) -> _Store:
    """Have a ParametrizationList hand out `value`, and take what forward assigns, in place of running.

    Neither the class of the module nor its property is touched (parametrize.regular-name, parametrize.not-run).
    """
    store = _store(stores, parametrizations.__dict__, parametrizations, None)
    tensors = [value]
    for key, stand_in in (("forward", lambda: tensors[-1]), ("right_inverse", tensors.append)):
        if key in store.entries:
            store.own[key] = store.entries[key]  # of a call in a call
        store.given.setdefault(key, stand_in)
    return store


def _tie(stores: _Stores, slots: _Slots, given: Values) -> None:
    """Give the value of a named slot to the slots tied to it that are not named, or refuse different ones (chapter tie)."""
    identify = _itself if _is_tracing() else id
    values: dict[Any, Any] = {}  # the first value of every slot and, by its own tensor, of every group
    for name, slot in slots.items():
        store, key = slot
        value, own = given[name], store.own.get(key)
        in_slot = values.setdefault(slot, value)
        if in_slot is not value and not (_are_equal(in_slot, value) and _have_equal_tangents(in_slot, value)):
            raise _conflict(name, slots)
        if own is not None and store.prefix is not None:
            in_group = values.setdefault(identify(own), value)
            if in_group is not value and not _are_equal(in_group, value):
                raise _conflict(name, slots)
    for store in stores.values():
        if store.prefix is not None:
            for key, own in store.own.items():
                value = values.get(identify(own), _ABSENT)
                if value is not _ABSENT:
                    store.given.setdefault(key, value)


def _check_strict(stores: _Stores, unexpected: list[str]) -> None:
    """Refuse names that are unexpected, and slots that are neither given nor tied to a given one (chapter strict)."""
    missing = []
    for store in stores.values():
        if store.prefix is not None:
            for key, own in store.own.items():
                if own is not None and key not in store.given:  # strict.none
                    missing.append(store.prefix + key)
    lines = []
    for label, names in (("Unexpected", unexpected), ("Missing", missing)):
        if names:
            lines.append(f"{label} key(s): {', '.join(map(repr, sorted(names)))}.")
    if lines:
        raise RuntimeError("\n\t".join(["Error(s) under strict=True:", *lines]))


def _set_cache_aside(swapped: list[_Store]) -> dict[Any, Any] | None:
    """Have parametrizations neither use a cached value nor leave one (parametrize.cached), and return their cache."""
    if not swapped or not parametrize._cache_enabled:
        return None
    cache, parametrize._cache = parametrize._cache, {}
    return cache


def _relist_weights(stores: _Stores, recurrent: _Recurrent) -> None:
    """List own weights where given ones, or what was computed from them, stood (restore.recurrent).

    What is neither a swapped slot nor parametrized is listed as forward left it.
    """
    for module, weights, references in recurrent:
        swapped = [stores[id(entries)].given for entries in (module._parameters, module.__dict__) if id(entries) in stores]
        for place, name in enumerate(module._flat_weights_names[: len(weights)]):
            if any([name in given for given in swapped]) or parametrize.is_parametrized(module, name):
                module._flat_weights[place] = weights[place]
                module._flat_weight_refs[place] = references[place]


def _write_back(dicts: Iterable[Values], slots: _Slots) -> None:
    """Write what forward bound to given names to the dicts that hold them (inplace.rebinding, inplace.rebinding-tuple)."""
    for one in dicts:
        for name in list(one):
            if name in slots:
                store, key = slots[name]
                now = store.rebound.get(key, _ABSENT)
                if now is None or isinstance(now, Tensor):  # inplace.only-tensors
                    try:
                        one[name] = now  # type: ignore[index]
                    except TypeError:
                        pass  # inplace.read-only-dict


def _is_tracing() -> bool:
    is_dynamo_compiling = getattr(getattr(torch, "compiler", None), "is_dynamo_compiling", None)
    return is_dynamo_compiling is not None and is_dynamo_compiling()


def _itself(tensor: Tensor) -> Tensor:
    """A key for a tensor in a trace, where an id would be a constant that each new value compiles anew (compile.recompile)."""
    return tensor


def _conflict(name: str, slots: _Slots) -> ValueError:
    store, key = slots[name]
    own = store.own.get(key)
    names = []
    for other, (its_store, its_key) in slots.items():
        its_own = its_store.own.get(its_key)
        if (its_store is store and its_key == key) or (own is not None and its_own is own):
            names.append(other)
    return ValueError(
        f"functional_call got multiple values for keys {sorted(names)}, which are tied: give one, or equal ones"
    )


def _are_equal(a: Tensor | None, b: Tensor | None) -> bool:
    """Whether two values are equal: over the same memory without a look (dicts.state-dict), else by torch.equal."""
    if a is None or b is None:
        return a is b
    try:
        return (not _is_tracing() and _share_memory(a, b)) or torch.equal(a, b)
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
    """Whether two equal values have the same tangents: slots can have one value each, but one slot can't have two."""
    tangents = [None if value is None else forward_ad.unpack_dual(value).tangent for value in (a, b)]
    if tangents[0] is None or tangents[1] is None:
        return tangents[0] is tangents[1]
    return _are_equal(*tangents)
