"""A functional_call that keeps every law of SPEC.md: one file, no dependency but torch.

It works on slots, not on names. Every name is resolved to the one slot it leads to, every error is decided before anything is
touched, each slot is swapped once, and each is put back once, in reverse order, whatever happened in between.
Names in comments (`tie.conflict`) are clauses of SPEC.md.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize

__all__ = ["functional_call"]

Values = Mapping[str, Tensor | None]


def functional_call(
    module: nn.Module,
    parameter_and_buffer_dicts: Values | tuple[Values, ...],
    args: Any = None,
    kwargs: dict[str, Any] | None = None,
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
    swap = _Swap(module)
    swap.take(parameter_and_buffer_dicts, tie_weights, strict)
    if tie_weights:
        swap.tie()
    if strict:
        swap.check_strict()
    if args is None:
        args = ()
    elif not isinstance(args, tuple):
        args = (args,)
    try:
        swap.put_in()
        return module(*args, **(kwargs or {}))
    finally:
        swap.put_back()


def _check_module(module: Any) -> None:
    # call.not-a-module, drop-in.jit, drop-in.data-parallel
    if not isinstance(module, nn.Module):
        raise TypeError(f"functional_call expects a torch.nn.Module as its first argument, got {type(module).__name__}")
    if isinstance(module, torch.jit.ScriptModule):
        raise RuntimeError("functional_call can't be used with Jitted modules: their state is not in Python")
    if isinstance(module, nn.DataParallel):
        raise RuntimeError(
            "functional_call can't be used with nn.DataParallel module: replicas would not see the values"
        )


class _Absent:
    """What a slot holds where nothing is registered."""


_ABSENT: Any = _Absent()


class _Owner:
    """A module that holds given names, and what about it may have to be put right after forward."""

    __slots__ = ("buffers", "flat", "module", "non_persistent", "order", "own", "parameters")

    def __init__(self, module: nn.Module) -> None:
        self.module = module
        self.own = own = vars(module)
        self.parameters: dict[str, Any] = own.get("_parameters", {})
        self.buffers: dict[str, Any] = own.get("_buffers", {})
        self.order = [*self.parameters, *self.buffers]
        self.non_persistent = set(own["_non_persistent_buffers_set"]) if self.buffers else ()
        # restore.recurrent: forward of an RNN lists its weights anew where they are not those listed before.
        self.flat = {key: own[key] for key in _FLAT if key in own} if "_flat_weights" in own else None

    def put_right(self) -> None:
        if [*self.parameters, *self.buffers] != self.order:
            # restore.order: a name that forward deleted is registered behind its neighbours
            for store in (self.parameters, self.buffers):
                items = dict(store)
                store.clear()
                store.update({key: items[key] for key in self.order if key in items})
                store.update(items)
        if self.flat is not None:
            self.own.update(self.flat)


_FLAT = ("_flat_weights", "_flat_weight_refs")


class _Slot:
    """One swap: `store[key]` holds `old` before and after the call, and `value` during it.

    `tensor` is what the caller gave. It is the value itself, but for the regular name of a parametrized tensor.
    """

    __slots__ = ("key", "old", "owner", "store", "tensor", "value")

    def __init__(self, owner: _Owner, store: dict[str, Any], key: str, tensor: Tensor | None) -> None:
        self.owner, self.store, self.key = owner, store, key
        self.old = store.get(key, _ABSENT)
        self.tensor: Any = tensor
        self.value: Any = tensor

    def put_back(self) -> Any:
        """Put the old object back, and return what stood here when forward had ended."""
        store, key, owner = self.store, self.key, self.owner
        now = store.get(key, _ABSENT)
        if now is not self.value or self.old is _ABSENT:
            now = self._clear()
        if self.old is not _ABSENT:
            store[key] = self.old
        if store is owner.buffers:
            non_persistent = owner.own["_non_persistent_buffers_set"]
            (non_persistent.add if key in owner.non_persistent else non_persistent.discard)(key)
        return now

    def _clear(self) -> Any:
        """Take the name out of every store: forward may have deleted it and registered it elsewhere (restore.rebound)."""
        now = _ABSENT
        owner = self.owner
        for store in (owner.parameters, owner.buffers, owner.own.get("_modules", {}), owner.own):
            if self.key in store:
                now = store[self.key] if now is _ABSENT else now
                if store is not self.store or self.old is _ABSENT:
                    del store[self.key]
        owner.own["_non_persistent_buffers_set"].discard(self.key)
        return now


class _HandOut(_Slot):
    """The regular name of a parametrized tensor: `forward` or `right_inverse` of its ParametrizationList, in its `__dict__`.

    `forward` hands out the given tensor and `right_inverse` takes a rebinding, so no parametrization runs, and neither class
    nor property is touched (parametrize.regular-name, parametrize.not-run).
    """

    __slots__ = ("box",)

    def __init__(self, owner: _Owner, key: str, box: list[Any]) -> None:
        super().__init__(owner, owner.own, key, box[0])
        self.box = box
        self.value = (lambda: box[0]) if key == "forward" else (lambda new: box.__setitem__(0, new))

    def put_back(self) -> Any:
        self.store.pop(self.key, None)
        if self.old is not _ABSENT:
            self.store[self.key] = self.old
        return self.box[0]


class _Swap:
    """All the slots of one call."""

    def __init__(self, module: nn.Module) -> None:
        self.module = module
        self.slots: dict[tuple[int, str], _Slot] = {}  # by (id of the store, key)
        self.names: dict[str, tuple[Any, _Slot | None, Any]] = {}  # name -> its dict, its slot, its value
        self.unexpected: list[str] = []
        self.owners: dict[str, _Owner | None] = {}
        self.by_id: dict[int, _Owner] = {}
        self.cache: dict[Any, Any] | None = None

    # ------------------------------------------------------------------------------------------- names to slots

    def take(self, dicts: Any, tie_weights: bool, strict: bool) -> None:
        """Resolve every name (chapter dicts)."""
        for one in dicts if isinstance(dicts, (tuple, list)) else (dicts,):
            if not isinstance(one, Mapping):
                found = type(one).__name__
                raise ValueError(f"Expected parameter_and_buffer_dicts to be a dict or a tuple of dicts, got {found}")
            for name, value in one.items():
                if not isinstance(name, str):
                    raise TypeError(f"Expected names of parameters and buffers to be strings, got {name!r}")
                if value is not None and not isinstance(value, Tensor):
                    raise TypeError(f"{name!r}: {type(value).__name__} is not an instance of torch.Tensor")
                if name in self.names:
                    raise ValueError(f"[{name!r}] appeared in multiple dictionaries; which one counts is ambiguous")
                self.names[name] = (one, self._slot(name, value, tie_weights, strict), value)

    def _slot(self, name: str, value: Tensor | None, tie_weights: bool, strict: bool) -> _Slot | None:
        path, _, key = name.rpartition(".")
        if not key:
            raise KeyError(f"the name of a parameter or buffer can't be empty, got {name!r}")
        if path in self.owners:
            owner = self.owners[path]
        else:
            owner = self.owners[path] = self._find_owner(name, path, strict)
        if owner is None:
            self.unexpected.append(name)
            return None
        store = owner.parameters if key in owner.parameters else owner.buffers
        if key in store:
            slot = self.slots.get((id(store), key))
            if slot is None:
                slot = self.slots[id(store), key] = _Slot(owner, store, key, value)
            elif not tie_weights:
                slot.tensor = slot.value = value
            elif not _equal(slot.tensor, value):  # tie.shared-submodule: two names of one slot
                raise self._conflict([other for other, (_, its, _) in self.names.items() if its is slot] + [name])
            return slot
        self.unexpected.append(name)
        return self._other_slot(owner, key, name, value)

    def _find_owner(self, name: str, path: str, strict: bool) -> _Owner | None:
        """The module at a dotted path, along `_modules` or, through wrappers, along attributes."""
        module: Any = self.module
        for part in path.split(".") if path else ():
            child = vars(module).get("_modules", {}).get(part)
            if child is None:
                child = getattr(module, part, _ABSENT) if part else _ABSENT
            if child is _ABSENT and strict:
                return None  # strict.unexpected
            if child is _ABSENT:
                raise AttributeError(f"{name!r}: {type(module).__name__} has no attribute {part!r}")
            if not isinstance(child, nn.Module):
                raise TypeError(f"{name!r}: attribute {part!r} of {type(module).__name__} is not a torch.nn.Module")
            module = child
        return self._owner(module)

    def _owner(self, module: nn.Module) -> _Owner:
        owner = self.by_id.get(id(module))
        if owner is None:
            owner = self.by_id[id(module)] = _Owner(module)
        return owner

    def _other_slot(self, owner: _Owner, key: str, name: str, value: Tensor | None) -> _Slot:
        """The slot of a name that is no parameter or buffer: parametrized, a plain tensor, or new."""
        children = owner.own.get("_modules", {})
        lists = children.get("parametrizations")
        if isinstance(lists, nn.ModuleDict) and key in lists:
            owner, box = self._owner(lists[key]), [value]
            self.slots[id(owner.own), "right_inverse"] = _HandOut(owner, "right_inverse", box)
            return self.slots.setdefault((id(owner.own), "forward"), _HandOut(owner, "forward", box))
        if key in owner.own or key in children:
            found = owner.own[key] if key in owner.own else children[key]
        else:
            found = getattr(type(owner.module), key, _ABSENT)
        # swap.delegated-name: what only `__getattr__` knows can't be set aside here, and is refused like no tensor
        if found is _ABSENT and not hasattr(owner.module, key):
            store = owner.parameters if isinstance(value, nn.Parameter) else owner.own  # drop-in.extra-name
        elif found is None or isinstance(found, Tensor):
            store = owner.own  # restore.plain-attribute
        else:
            raise TypeError(
                f"{name!r}: attribute {key!r} of {type(owner.module).__name__} is not an instance of torch.Tensor"
            )
        return self.slots.setdefault((id(store), key), _Slot(owner, store, key, value))

    # --------------------------------------------------------------------------------------- ties and strictness

    def _registered(self) -> list[tuple[nn.Module, dict[str, Any]]]:
        """Every store that holds something, with its module; each module once, also of a circular one (call.circular)."""
        stores: list[tuple[nn.Module, dict[str, Any]]] = []
        found, todo = {id(self.module)}, [self.module]
        while todo:
            module = todo.pop()
            own = vars(module)
            if own.get("_parameters"):
                stores.append((module, own["_parameters"]))
            if own.get("_buffers"):
                stores.append((module, own["_buffers"]))
            for child in own["_modules"].values() if "_modules" in own else ():
                if child is not None and id(child) not in found:
                    found.add(id(child))
                    todo.append(child)
        return stores

    def tie(self) -> None:
        """Give the value of a named slot to the slots tied to it that are not named, or refuse different ones (chapter tie)."""
        seen: set[int] = set()
        groups: dict[int, list[tuple[nn.Module, dict[str, Any], str]]] = {}
        registered = self._registered()
        for _, store in registered:
            for tensor in store.values():
                if id(tensor) in seen and tensor is not None:
                    groups[id(tensor)] = []
                seen.add(id(tensor))
        for module, store in registered if groups else ():
            for key, tensor in store.items():
                if id(tensor) in groups:
                    groups[id(tensor)].append((module, store, key))
        for group in groups.values():
            self._tie_group(group)

    def _tie_group(self, group: list[tuple[nn.Module, dict[str, Any], str]]) -> None:
        named = [self.slots[id(store), key] for _, store, key in group if (id(store), key) in self.slots]
        for slot in named[1:]:
            if not _equal(named[0].tensor, slot.tensor):
                raise self._conflict([name for name, (_, its, _) in self.names.items() if its in named])
        for module, store, key in group if named else ():
            if (id(store), key) not in self.slots:
                self.slots[id(store), key] = _Slot(self._owner(module), store, key, named[0].tensor)

    def _conflict(self, names: list[str]) -> ValueError:
        names.sort()
        return ValueError(
            f"functional_call got multiple values for keys {names}, which are tied: give one, or equal ones"
        )

    def check_strict(self) -> None:
        """Every slot is given or tied to a given one, and nothing else is given (chapter strict)."""
        complete = all(
            tensor is None or (id(store), key) in self.slots
            for _, store in self._registered()
            for key, tensor in store.items()
        )
        if complete and not self.unexpected:
            return
        missing = [name for name, place in _names(self.module) if place not in self.slots]
        lines = ["Error(s) under strict=True:"]
        for label, names in (("Unexpected", self.unexpected), ("Missing", missing)):
            if names:
                lines.append(f"{label} key(s): {', '.join(map(repr, sorted(names)))}.")
        raise RuntimeError("\n\t".join(lines))

    # ---------------------------------------------------------------------------------------------- in and back

    def put_in(self) -> None:
        if parametrize._cache_enabled:  # parametrize.cached: neither use a cached value nor leave one
            self.cache = dict(parametrize._cache)
            parametrize._cache.clear()
        for slot in self.slots.values():
            slot.store[slot.key] = slot.value

    def put_back(self) -> None:
        """Restore everything first, and only then write rebindings to the caller's dicts, which may refuse."""
        rebound = {}
        for slot in reversed(self.slots.values()):
            now = slot.put_back()
            if now is not slot.tensor and (now is None or isinstance(now, Tensor)):
                rebound[slot] = now
        for owner in self.by_id.values():
            owner.put_right()
        if self.cache is not None:
            parametrize._cache.clear()
            parametrize._cache.update(self.cache)
        if rebound:
            for name, (source, its, _) in self.names.items():
                if its in rebound:
                    source[name] = rebound[its]  # inplace.rebinding


def _equal(a: Tensor | None, b: Tensor | None) -> bool:
    if a is b:
        return True
    if a is None or b is None or a.shape != b.shape or a.dtype != b.dtype or a.device != b.device:
        return False
    try:
        return torch.equal(a, b)
    except (RuntimeError, TypeError):  # tie.undecidable: meta, vmapped, sparse
        return False


def _names(
    module: nn.Module, prefix: str = "", above: tuple[nn.Module, ...] = ()
) -> Iterator[tuple[str, tuple[int, str]]]:
    """(name, slot) along every path that enters no module twice."""
    own = vars(module)
    for store in (own.get("_parameters", {}), own.get("_buffers", {})):
        for key, tensor in store.items():
            if tensor is not None:
                yield prefix + key, (id(store), key)
    above = (*above, module)
    for name, child in own.get("_modules", {}).items():
        if child is not None and not any(child is one for one in above):
            yield from _names(child, f"{prefix}{name}.", above)
