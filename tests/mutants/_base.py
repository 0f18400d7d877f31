"""The implementation that mutants are made of, kept apart from the reference so that this one is free to change.

It works on slots, not on names. Every name is resolved to the one slot it leads to, every error is decided before anything is
touched, each slot is swapped once, and each is put back once, whatever happened in between.
Names in comments (`tie.conflict`) are clauses of SPEC.md.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd import forward_ad
from torch.nn.utils import parametrize

__all__ = ["functional_call"]

Values = Mapping[str, Tensor | None]
# The stores of a module, by their place in `_Owner.stores`.
_PARAMETERS, _BUFFERS, _MODULES, _DICT = range(4)


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
    swap = _Swap(module, strict)
    swap.walk()
    swap.take(parameter_and_buffer_dicts)
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
        return module(*args, **({} if kwargs is None else kwargs))
    finally:
        swap.put_back()


def _check_module(module: Any) -> None:
    # call.not-a-module, drop-in.jit, drop-in.data-parallel
    if not isinstance(module, nn.Module):
        raise TypeError(f"functional_call expects a torch.nn.Module as its first argument, got {type(module).__name__}")
    if isinstance(module, torch.jit.ScriptModule):
        raise RuntimeError("functional_call can't be used with Jitted modules: their state is not in Python")
    if isinstance(module, nn.DataParallel):
        raise RuntimeError("functional_call can't be used with nn.DataParallel module: replicas see no given values")


class _Absent:
    """Stands, itself, for what a store holds under a key that it does not have."""


class _Slot:
    """One place, a key in one of a module's stores: it holds `old` before and after the call, and `given` during it.

    What forward puts under the same key into another store of the module is taken out again (restore.rebound).
    """

    __slots__ = ("elsewhere", "given", "group", "home", "in_force", "key", "now", "old")

    def __init__(self, owner: _Owner, home: int, key: str, given: Any) -> None:
        self.home, self.key, self.given = home, key, given
        self.in_force = given
        store = owner.stores[home]
        self.now: Any = store[key] if key in store else _Absent  # noqa: SIM401  (a scripted module's has no get)
        self.old: Any = self.now
        beside = owner.beside if home < _MODULES else ()
        self.elsewhere = [other for other in (*owner.stores, *beside) if key not in other]
        # The slots of one group have one value: those that own one tensor; any other slot is a group of its own.
        alone = self.old is None or self.old is _Absent or home == _DICT
        self.group: Any = (id(owner.module), key) if alone else _identity(self.old)

    def look(self, owner: _Owner) -> None:
        """See what stands here when forward has ended, before anything is put back: two modules can have one store."""
        key, store = self.key, owner.stores[self.home]
        self.now = store[key] if key in store else _Absent  # noqa: SIM401
        for other in self.elsewhere:
            if key in other:
                self.now = other[key]

    def put_back(self, owner: _Owner) -> None:
        """Put back what stood here."""
        key, store = self.key, owner.stores[self.home]
        for other in self.elsewhere:
            if key in other:
                other.pop(key)
        if self.old is not _Absent:
            store[key] = self.old


def _is_computed_by_torch(module: nn.Module, key: str) -> bool:
    listed = getattr(module._modules.get("parametrizations"), key, None)  # a user's submodule can be called so, too
    return isinstance(listed, parametrize.ParametrizationList)


class _ParametrizedSlot(_Slot):
    """The regular name of a parametrized tensor: `forward` and `right_inverse` in `__dict__` of its ParametrizationList.

    One hands out the given tensor and the other takes a rebinding, so no parametrization runs, and neither class nor
    property is touched (parametrize.regular-name, parametrize.not-run).
    """

    def __init__(self, owner: _Owner, given: Any) -> None:
        self.tensors = tensors = [given]
        super().__init__(owner, _DICT, "forward", lambda: tensors[-1])
        owner.slots["right_inverse"] = _Slot(owner, _DICT, "right_inverse", tensors.append)

    def look(self, owner: _Owner) -> None:
        super().look(owner)
        if len(self.tensors) > 1:
            self.now = self.tensors[-1]


class _Owner:
    """A module, and those of its slots that are swapped, by key."""

    def __init__(self, module: nn.Module, beside: list[Any], swapped: set[str]) -> None:
        # `__dict__` of modules that have the same stores, and what is swapped there (restore.shared-store).
        self.beside, self.swapped = beside, swapped
        self.stores: tuple[Any, ...] = (module._parameters, module._buffers, module._modules, module.__dict__)
        self.order = [*module._parameters.keys(), *module._buffers.keys()]
        self.non_persistent = module._non_persistent_buffers_set.copy()
        self.module = module
        self.slots: dict[str, _Slot] = {}
        if isinstance(module, nn.RNNBase):
            # restore.recurrent: forward lists its weights anew where they are not those listed before.
            for key in ("_flat_weights", "_flat_weight_refs"):
                self.slots[key] = _Slot(self, _DICT, key, list(module.__dict__[key]))

    def adopt(self) -> None:
        """Have the stores of before again, with what those hold that forward put in their places."""
        for name, store in zip(("_parameters", "_buffers"), self.stores, strict=False):
            now = self.module.__dict__[name]
            if now is not store:
                for key in [key for key in store if key not in now]:
                    store.pop(key)
                store.update(now)
                self.module.__dict__[name] = store

    def put_back(self) -> None:
        for slot in self.slots.values():
            slot.put_back(self)
            if isinstance(slot.old, list):  # of weights: those that were not given are as forward left them
                for place, name in enumerate(self.module.__dict__["_flat_weights_names"]):
                    if (name in self.stores[_PARAMETERS] or name in self.stores[_DICT]) and name not in self.swapped:
                        slot.old[place] = slot.now[place]
        non_persistent = self.module._non_persistent_buffers_set
        if non_persistent != self.non_persistent:
            for key in self.slots:
                (non_persistent.add if key in self.non_persistent else non_persistent.discard)(key)
        if [*self.stores[_PARAMETERS].keys(), *self.stores[_BUFFERS].keys()] != self.order:
            for store in self.stores[:_MODULES]:
                for key in dict.fromkeys([*self.order, *store]):
                    if key in store:  # restore.order: what forward deleted would stand behind its neighbours
                        store[key] = store.pop(key)


class _Swap:
    """All the slots of one call."""

    def __init__(self, module: nn.Module, strict: bool) -> None:
        self.module = module
        self.strict = strict
        self.owners: dict[int, _Owner] = {}  # by id of the module
        self.sharing: dict[int, tuple[list[Any], set[str]]] = {}  # what an _Owner has of others, by id of a store
        self.registered: dict[str, tuple[nn.Module, int, str, Any]] = {}  # a name -> its module, store, key, tensor
        self.names: dict[str, tuple[Any, _Slot, Any]] = {}  # a given name -> its dict, its slot, its value
        self.unexpected: list[str] = []
        self.hidden: list[tuple[nn.Module, str]] = []  # new buffers that are not persistent
        self.cache: dict[Any, Any] | None = None
        self.is_in = False

    # ------------------------------------------------------------------------------------------- names to slots

    def walk(self) -> None:
        """List what is registered, by the first of its names; each module once, also of a circular one (call.circular)."""
        todo, found = [("", self.module)], {id(self.module)}
        while todo:
            prefix, module = todo.pop()
            self.sharing.setdefault(id(module._parameters), ([], set()))[0].append(module.__dict__)
            for key, parameter in module._parameters.items():
                self.registered[prefix + key] = (module, _PARAMETERS, key, parameter)
            for key, buffer in module._buffers.items():
                self.registered[prefix + key] = (module, _BUFFERS, key, buffer)
            for name, child in module._modules.items():
                if child is not None and id(child) not in found:
                    found.add(id(child))
                    todo.append((f"{prefix}{name}.", child))
            if isinstance(module, nn.RNNBase):
                self._owner(module)  # restore.recurrent, also where its weights are parametrized

    def take(self, dicts: Any) -> None:
        """Resolve every given name (chapter dicts)."""
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
                place = self.registered.get(name)
                slot = self._slot(*place[:3], value) if place else self._other_slot(name, value)
                if slot is not None:
                    self.names[name] = (one, slot, value)

    def _owner(self, module: nn.Module) -> _Owner:
        owner = self.owners.get(id(module))
        if owner is None:
            sharing = self.sharing.setdefault(id(module._parameters), ([], set()))
            owner = self.owners[id(module)] = _Owner(module, *sharing)
        return owner

    def _slot(self, module: nn.Module, home: int, key: str, value: Any) -> _Slot:
        owner = self._owner(module)
        slot = owner.slots.get(key)
        if slot is None:
            slot = owner.slots[key] = _Slot(owner, home, key, value)
            owner.swapped.add(key)
        return slot

    def _other_slot(self, name: str, value: Tensor | None) -> _Slot | None:
        """The slot of a name that was not met on the way: another path, a parametrized or plain tensor, or a new name."""
        *path, key = name.split(".")
        if not key:
            raise KeyError(f"the name of a parameter or buffer can't be empty, got {name!r}")
        module = self._module_at(path, name)
        if module is not None and key in module._parameters:
            return self._slot(module, _PARAMETERS, key, value)
        if module is not None and key in module._buffers:
            return self._slot(module, _BUFFERS, key, value)
        self.unexpected.append(name)
        if module is None:
            return None
        if _is_computed_by_torch(module, key):
            owner = self._owner(getattr(module._modules["parametrizations"], key))
            owner.slots["forward"] = _ParametrizedSlot(owner, value)
            return owner.slots["forward"]
        found = module.__dict__.get(key, getattr(type(module), key, _Absent))
        if found is None or isinstance(found, Tensor):
            return self._slot(module, _DICT, key, value)  # restore.plain-attribute
        # swap.delegated-name: what only `__getattr__` knows can't be set aside here, and is refused like no tensor.
        if hasattr(module, key):
            if self.strict and (found is _Absent or isinstance(found, property)):
                return None  # strict.says-which
            raise TypeError(f"{name!r}: {type(module).__name__}.{key} is not an instance of torch.Tensor")
        if hasattr(nn, "Buffer") and isinstance(value, nn.Buffer):
            if not value.persistent:
                self.hidden.append((module, key))
            return self._slot(module, _BUFFERS, key, value)  # drop-in.extra-buffer
        return self._slot(
            module, _PARAMETERS if isinstance(value, nn.Parameter) else _DICT, key, value
        )  # drop-in.extra-name

    def _module_at(self, path: list[str], name: str) -> nn.Module | None:
        """The module at a path, also through wrappers that only delegate to another one, but not under `strict`."""
        module = self.module
        for part in path:
            child = getattr(module, part, None)
            if self.strict and part not in module._modules:
                return None  # strict.unexpected
            if not isinstance(child, nn.Module):
                if self.strict:
                    return None  # strict.unexpected
                raise AttributeError(f"{name!r}: {type(module).__name__} has no attribute {part!r} that is a module")
            module = child
        return module

    # --------------------------------------------------------------------------------------- ties and strictness

    def tie(self) -> None:
        """Give the value of a named slot to the slots tied to it that are not named, or refuse different ones (chapter tie)."""
        values: dict[Any, Any] = {}  # by group
        for _, slot, value in self.names.values():
            first = values.setdefault(slot.group, value)
            if not _equal(first, value):
                names = sorted(name for name, (_, its, _) in self.names.items() if its.group == slot.group)
                raise ValueError(
                    f"functional_call got multiple values for keys {names}, which are tied: give one, or equal ones"
                )
        self.check_tangents()
        for name, (module, home, key, tensor) in self.registered.items():
            if _identity(tensor) in values and name not in self.names:
                self._slot(module, home, key, values[_identity(tensor)])
        for name in self.names:  # last, for two modules can have one store
            if name in self.registered:
                place = id(self.registered[name][0])
                self.owners[place] = self.owners.pop(place)

    def check_tangents(self) -> None:
        """Refuse two values for one slot that differ in their tangents alone (transforms.tangents)."""
        for name, (_, slot, value) in self.names.items():
            if not _tangents_equal(slot.given, value):
                raise ValueError(f"functional_call got values with different tangents for the slot of {name!r}")

    def check_strict(self) -> None:
        """Every slot is given or tied to a given one, and nothing else is given (chapter strict)."""
        missing = []
        for name, (module, _, key, tensor) in self.registered.items():
            if tensor is not None and key not in self._owner(module).slots:
                missing.append(name)
        lines = []
        for label, names in (("Unexpected", self.unexpected), ("Missing", missing)):
            if names:
                lines.append(f"{label} key(s): {', '.join(map(repr, sorted(names)))}.")
        if lines:
            raise RuntimeError("\n\t".join(["Error(s) under strict=True:", *lines]))

    # ---------------------------------------------------------------------------------------------- in and back

    def put_in(self) -> None:
        if parametrize._cache_enabled:  # parametrize.cached: neither use a cached value nor leave one
            self.cache, parametrize._cache = parametrize._cache, {}
        for owner in self.owners.values():
            for slot in owner.slots.values():
                owner.stores[slot.home][slot.key] = slot.given
        self.see_what_is_in()
        for module, key in self.hidden:
            module._non_persistent_buffers_set.add(key)
        self.is_in = True

    def see_what_is_in(self) -> None:
        """Two modules can have one store: the value of the last one is in force in both."""
        for owner in self.owners.values():
            for slot in owner.slots.values():
                slot.in_force = owner.stores[slot.home][slot.key]

    def look(self) -> None:
        for owner in self.owners.values():
            for slot in owner.slots.values():
                slot.look(owner)

    def put_back(self) -> None:
        """Restore everything first, and only then write rebindings to the caller's dicts, which may refuse."""
        for owner in self.owners.values() if not torch.compiler.is_compiling() else ():
            owner.adopt()
        self.look()
        for owner in self.owners.values():
            owner.put_back()
        if self.cache is not None:
            parametrize._cache = self.cache
        for name, (source, slot, _) in self.names.items() if self.is_in else ():
            if slot.now is not slot.in_force and (slot.now is None or isinstance(slot.now, Tensor)):
                try:
                    source[name] = slot.now  # inplace.rebinding
                except Exception:
                    pass  # inplace.read-only-dict


def _equal(a: Tensor | None, b: Tensor | None) -> bool:
    if a is b or _same_memory(a, b):
        return True
    try:
        return torch.equal(a, b)  # type: ignore[arg-type]
    except Exception:  # None and a tensor; tie.undecidable: meta, vmapped, sparse
        return False


def _identity(tensor: Any) -> Any:
    """What tells a tensor from all others: in a trace an id would be a constant, which each new value compiles anew."""
    return tensor if torch.compiler.is_compiling() else id(tensor)


def _tangents_equal(a: Tensor | None, b: Tensor | None) -> bool:
    """Whether two equal values for one slot have equal tangents (transforms.tangents)."""
    if a is b or not isinstance(a, Tensor) or not isinstance(b, Tensor) or forward_ad._current_level < 0:
        return True
    unpack: Any = forward_ad.unpack_dual
    return _equal(unpack(a).tangent, unpack(b).tangent)


def _same_memory(a: Tensor | None, b: Tensor | None) -> bool:
    """Whether two tensors show the same memory in the same way, so that NaN is equal too (dicts.state-dict)."""
    if torch.compiler.is_compiling() or a is None or b is None:
        return False
    try:
        if (a.layout, a.dtype, a.device, a.is_nested) != (b.layout, b.dtype, b.device, b.is_nested):
            return False
        if (a.is_conj(), a.is_neg()) != (b.is_conj(), b.is_neg()):
            return False
        if a.is_nested:
            return _same_memory(a.values(), b.values())
        if a.layout is torch.sparse_coo:
            parts = ((a._values(), b._values()), (a._indices(), b._indices()))
            return a.shape == b.shape and all(_same_memory(*both) for both in parts)
        if a.layout is not torch.strided:
            indices = ("crow_indices", "col_indices"), ("ccol_indices", "row_indices")
            names = indices[a.layout in (torch.sparse_csc, torch.sparse_bsc)]
            parts = tuple((getattr(a, name)(), getattr(b, name)()) for name in (*names, "values"))
            return a.shape == b.shape and all(_same_memory(*both) for both in parts)
        same = (a.shape, a.stride(), a.storage_offset()) == (b.shape, b.stride(), b.storage_offset())
        return same and a.untyped_storage()._cdata == b.untyped_storage()._cdata
    except Exception:  # no such tensor
        return False
