"""A functional_call that keeps every law of SPEC.md: one file, no dependency but torch.

It works on places, not on names. Every name is resolved to the one place it leads to, every error is decided before
anything is touched, each place is swapped once, and each is put back once, in reverse order, whatever happened.
Clause names in comments (`tie.conflict`) are those of SPEC.md.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize

__all__ = ["functional_call"]

Values = Mapping[str, Tensor | None]


class _Absent:
    """What a place holds where nothing is registered."""

    def __repr__(self) -> str:
        return "<absent>"


_ABSENT: Any = _Absent()
_STORES = ("_parameters", "_buffers", "_modules")


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
            of such dicts with distinct keys. When forward rebinds a given name, its dict holds the new tensor afterwards.
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
    given = _merge(parameter_and_buffer_dicts)
    places, unexpected = _resolve(module, given, strict)
    if tie_weights or strict:
        groups = _tied_groups(module)
        if strict:
            _check_strict(module, places, groups, unexpected, tie_weights)
        if tie_weights:
            _tie(places, groups)
    if args is None:
        args = ()
    elif not isinstance(args, tuple):
        args = (args,)
    swap = _Swap(list(places.values()))
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
        raise RuntimeError(
            "functional_call can't be used with nn.DataParallel module: its replicas would not see the values"
        )


# ------------------------------------------------------------------------------------------------- names and values


class _Given:
    """One given name: its value, and the dict to which a rebinding goes (inplace.rebinding-tuple)."""

    __slots__ = ("name", "source", "value")

    def __init__(self, name: str, value: Tensor | None, source: Any) -> None:
        self.name, self.value, self.source = name, value, source


def _merge(dicts: Any) -> list[_Given]:
    """All given names (chapter dicts)."""
    several = dicts if isinstance(dicts, (tuple, list)) else (dicts,)
    given: list[_Given] = []
    names: set[Any] = set()
    repeated = []
    for one in several:
        if not isinstance(one, Mapping):
            what = type(one).__name__
            raise ValueError(f"Expected parameter_and_buffer_dicts to be a dict or a tuple of dicts, got {what}")
        for name, value in one.items():
            if not isinstance(name, str):
                raise TypeError(f"Expected names of parameters and buffers to be strings, got {name!r}")
            if value is not None and not isinstance(value, Tensor):
                raise TypeError(f"{name!r}: {type(value).__name__} is not an instance of torch.Tensor")
            if name in names:
                repeated.append(name)
            names.add(name)
            given.append(_Given(name, value, one))
    if repeated:
        raise ValueError(f"{repeated} appeared in multiple dictionaries; which one counts is ambiguous")
    return given


# ------------------------------------------------------------------------------------------------------------ places


class _Place:
    """Where a tensor stands: a key of one of its owner's stores.

    `store` is "_parameters" or "_buffers"; "" means the owner's own `__dict__` (a plain tensor attribute).
    """

    __slots__ = ("given", "key", "old", "owner", "persistent", "store", "value")

    def __init__(self, owner: nn.Module, store: str, key: str) -> None:
        self.owner, self.store, self.key = owner, store, key
        self.old = self._dict(store).get(key, _ABSENT)
        self.persistent = key not in vars(owner).get("_non_persistent_buffers_set", ())
        self.value: Tensor | None = None
        self.given: list[_Given] = []

    @property
    def id(self) -> tuple[int, str, str]:
        return (id(self.owner), self.store, self.key)

    def _dict(self, store: str) -> dict[str, Any]:
        own = vars(self.owner)
        return own[store] if store else own

    def put_in(self) -> None:
        self._dict(self.store)[self.key] = self.value

    def put_back(self) -> Any:
        """Put the own object back, and return what stood here when forward had ended."""
        found = _ABSENT
        for store in (*_STORES, ""):  # forward may have moved the name to another store (restore.rebound)
            here = self._dict(store)
            if self.key in here:
                if found is _ABSENT:
                    found = here[self.key]
                if store != self.store or self.old is _ABSENT:
                    del here[self.key]
        if self.old is not _ABSENT:
            self._dict(self.store)[self.key] = self.old
        non_persistent = vars(self.owner).get("_non_persistent_buffers_set")
        if non_persistent is not None:
            if self.persistent:
                non_persistent.discard(self.key)
            else:
                non_persistent.add(self.key)
        return found


class _Parametrized(_Place):
    """The regular name of a parametrized tensor: what its ParametrizationList hands out.

    The list's own `__dict__` gets a `forward` that returns the given tensor and a `right_inverse` that takes a rebinding, so
    neither class nor property is touched and no parametrization runs (parametrize.regular-name, .not-run).
    """

    __slots__ = ("cell",)

    def __init__(self, owner: nn.Module) -> None:
        super().__init__(owner, "", "forward")
        self.cell: list[Any] = []

    def put_in(self) -> None:
        cell = self.cell = [self.value]
        vars(self.owner)["forward"] = lambda: cell[0]
        vars(self.owner)["right_inverse"] = lambda value: cell.__setitem__(0, value)

    def put_back(self) -> Any:
        vars(self.owner).pop("right_inverse", None)
        super().put_back()
        return self.cell[0] if self.cell else self.value


def _resolve(module: nn.Module, given: list[_Given], strict: bool) -> tuple[dict[Any, _Place], list[str]]:
    """The place of every given name, and the names that are none of the module's."""
    owners: dict[str, Any] = {"": module}
    places: dict[Any, _Place] = {}
    unexpected: list[str] = []
    for one in given:
        prefix, _, key = one.name.rpartition(".")
        if not key:
            raise KeyError(f"the name of a parameter or buffer can't be empty, got {one.name!r}")
        owner = owners.get(prefix)
        if owner is None:
            owner = owners[prefix] = _owner(module, one.name, prefix, strict)
        if owner is _ABSENT:
            unexpected.append(one.name)
            continue
        place = _place(owner, key, one)
        if place.old is _ABSENT or not place.store:
            unexpected.append(one.name)
        place = places.setdefault(place.id, place)
        place.given.append(one)
        place.value = one.value
    return places, unexpected


def _owner(module: nn.Module, name: str, prefix: str, strict: bool) -> Any:
    """The module at the dotted path `prefix`, along `_modules` or, for wrappers, along attributes."""
    for part in prefix.split("."):
        children = vars(module)["_modules"]
        child = children[part] if part in children else getattr(module, part, _ABSENT) if part else _ABSENT
        if child is _ABSENT:
            if strict:  # counts as unexpected: strict.unexpected
                return _ABSENT
            raise AttributeError(f"{name!r}: {type(module).__name__} has no attribute {part!r}")
        if not isinstance(child, nn.Module):
            raise TypeError(f"{name!r}: {part!r} of {type(module).__name__} is not a torch.nn.Module")
        module = child
    return module


def _place(owner: nn.Module, key: str, one: _Given) -> _Place:
    own = vars(owner)
    for store in ("_parameters", "_buffers"):
        if key in own.get(store, ()):
            return _Place(owner, store, key)
    lists = own.get("_modules", {}).get("parametrizations")
    if isinstance(lists, nn.ModuleDict) and key in lists:
        return _Parametrized(lists[key])
    # What follows is no parameter or buffer; drop-in.plain-attribute and drop-in.extra-name, dicts.not-a-tensor.
    found = (
        own[key]
        if key in own
        else own["_modules"][key]
        if key in own["_modules"]
        else getattr(type(owner), key, _ABSENT)
    )
    if found is _ABSENT and not hasattr(owner, key):
        parameter = isinstance(one.value, nn.Parameter)
        return _Place(owner, "_parameters" if parameter else "", key)
    if found is not None and not isinstance(found, Tensor):
        raise TypeError(f"{one.name!r}: attribute {key!r} of {type(owner).__name__} is not an instance of torch.Tensor")
    return _Place(owner, "", key)


# -------------------------------------------------------------------------------------------------- ties and strictness

_Slot = tuple[nn.Module, str, str]


def _modules(module: nn.Module) -> list[nn.Module]:
    """Every module of the tree once, also of a circular one (call.circular), in order of registration."""
    seen: set[int] = set()
    todo: list[nn.Module] = [module]
    found: list[nn.Module] = []
    while todo:
        one = todo.pop()
        if id(one) in seen:
            continue
        seen.add(id(one))
        found.append(one)
        todo.extend(child for child in reversed(list(vars(one).get("_modules", {}).values())) if child is not None)
    return found


def _tied_groups(module: nn.Module) -> dict[int, list[_Slot]]:
    """The registered slots of the module, by the tensor object they hold."""
    groups: dict[int, list[_Slot]] = {}
    for one in _modules(module):
        own = vars(one)
        for store in ("_parameters", "_buffers"):
            for key, tensor in own.get(store, {}).items():
                if tensor is not None:
                    groups.setdefault(id(tensor), []).append((one, store, key))
    return groups


def _tie(places: dict[Any, _Place], groups: dict[int, list[_Slot]]) -> None:
    """Extend `places` by the slots that are tied to given ones, or refuse different values (chapter tie)."""
    for place in list(places.values()):
        _check_equal(place.given)  # tie.shared-submodule: two names of one place
        group = groups.get(id(place.old), ()) if place.store else ()
        if len(group) < 2:
            continue
        members = [places.get((id(owner), store, key)) for owner, store, key in group]
        _check_equal([one for member in members if member is not None for one in member.given])
        for slot, member in zip(group, members, strict=True):
            if member is None:
                tied = _Place(*slot)
                tied.value = place.value
                places[tied.id] = tied


def _check_equal(given: list[_Given]) -> None:
    for one in given[1:]:
        if not _equal(given[0].value, one.value):
            names = sorted(one.name for one in given)
            raise ValueError(
                f"functional_call got multiple values for keys {names}, which are tied; give one, or equal ones"
            )


def _equal(a: Tensor | None, b: Tensor | None) -> bool:
    if a is b:
        return True
    if a is None or b is None or a.shape != b.shape or a.dtype != b.dtype or a.device != b.device:
        return False
    try:
        return torch.equal(a, b)
    except (RuntimeError, TypeError, NotImplementedError):  # tie.undecidable: meta, vmapped, sparse
        return False


def _names(
    module: nn.Module, prefix: str = "", path: tuple[int, ...] = ()
) -> Iterator[tuple[str, tuple[int, str, str], Any]]:
    """(name, place id, tensor) along every path that enters no module twice."""
    own = vars(module)
    for store in ("_parameters", "_buffers"):
        for key, tensor in own.get(store, {}).items():
            if tensor is not None:
                yield prefix + key, (id(module), store, key), tensor
    for name, child in own.get("_modules", {}).items():
        if child is not None and id(child) not in path and child is not module:
            yield from _names(child, f"{prefix}{name}.", (*path, id(module)))


def _check_strict(
    module: nn.Module,
    places: dict[Any, _Place],
    groups: dict[int, list[_Slot]],
    unexpected: list[str],
    tie_weights: bool,
) -> None:
    covered = set(places)
    if tie_weights:  # strict.tied: one name of a group is enough
        for group in groups.values():
            ids = [(id(owner), store, key) for owner, store, key in group]
            if any(one in covered for one in ids):
                covered.update(ids)
    complete = all((id(owner), store, key) in covered for group in groups.values() for owner, store, key in group)
    if complete and not unexpected:
        return
    missing = sorted(name for name, place, _ in _names(module) if place not in covered)
    lines = ["Error(s) in loading the given parameters and buffers under strict=True:"]
    for label, names in (("Unexpected", sorted(unexpected)), ("Missing", missing)):
        if names:
            lines.append(f"{label} key(s): {', '.join(map(repr, names))}.")
    raise RuntimeError("\n\t".join(lines))


# ---------------------------------------------------------------------------------------------------------- the swap


class _Swap:
    """All places of one call: swapped together, put back together."""

    def __init__(self, places: list[_Place]) -> None:
        self.places = places
        # restore.order: forward may delete a name and register it anew, behind its neighbours.
        self.orders: list[tuple[Any, str, tuple[str, ...]]] = []
        # restore.recurrent: an RNN keeps a list of its weights, renewed in forward.
        self.flat: list[tuple[nn.Module, str, Any]] = []
        self.cache: dict[Any, Any] | None = None
        seen: set[tuple[int, str]] = set()
        for place in places:
            owner, own = place.owner, vars(place.owner)
            if place.store and (id(owner), place.store) not in seen:
                seen.add((id(owner), place.store))
                self.orders.append((owner, place.store, tuple(own[place.store])))
                if isinstance(owner, nn.RNNBase):
                    self.flat += [
                        (owner, key, own[key]) for key in ("_flat_weights", "_flat_weight_refs") if key in own
                    ]

    def put_in(self) -> None:
        if parametrize._cache_enabled:  # parametrize.cached: neither use nor leave a cached value
            self.cache = dict(parametrize._cache)
            parametrize._cache.clear()
        for place in self.places:
            place.put_in()

    def put_back(self) -> None:
        """Restore every place first, and only then write rebindings to the caller's dicts, which may refuse."""
        rebound = []
        for place in reversed(self.places):
            found = place.put_back()
            if found is not place.value and (found is None or isinstance(found, Tensor)):
                rebound += [(one, found) for one in place.given]
        for owner, store, order in self.orders:
            here = vars(owner)[store]
            if tuple(here)[: len(order)] != order:
                items = dict(here)
                here.clear()
                here.update({key: items[key] for key in order if key in items})
                here.update(items)
        for owner, key, own in self.flat:
            vars(owner)[key] = own
        if self.cache is not None:
            parametrize._cache.clear()
            parametrize._cache.update(self.cache)
        for one, tensor in rebound:
            one.source[one.name] = tensor  # inplace.rebinding
