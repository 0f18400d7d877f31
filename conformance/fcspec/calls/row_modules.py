"""The module of a row of features: where the target is registered, what stands beside it, what forward does."""

from __future__ import annotations

from dataclasses import dataclass, replace

from fcspec.calls.features import AcceptedFeatures, Actor, Location, Raising, Row, Tie
from fcspec.calls.kinds import Form, HookKind, Kind, Parametrization
from fcspec.calls.module_drawing import Words
from fcspec.calls.plan import PlannedAct, PlannedHook, PlannedModule, PlannedSlot

_FORMS = {
    Location.SEQUENTIAL: Form.SEQUENTIAL,
    Location.MODULE_LIST: Form.MODULE_LIST,
    Location.MODULE_DICT: Form.MODULE_DICT,
    Location.PARAMETER_LIST: Form.PARAMETER_LIST,
    Location.PARAMETER_DICT: Form.PARAMETER_DICT,
}
_TARGET_TENSOR = 5


@dataclass(frozen=True)
class Keys:
    """The keys of slots and submodules, and the names of classes."""

    words: Words

    def slot(self, number: int) -> str:
        return self.words.keys[number]

    def child(self, number: int) -> str:
        return self.words.children[number]

    @property
    def target(self) -> str:
        return self.slot(0)

    @property
    def second_parametrized(self) -> str:
        return self.slot(1)

    @property
    def unknown(self) -> str:
        return self.slot(2)

    @property
    def nowhere(self) -> str:
        return self.slot(3)


class RowModules:
    """Builds the modules of a row.

    Attributes:
        modules: the first one is the module to call.
        owner: the number of the module that the target is registered in.
        target: its key there.
    """

    def __init__(self, row: Row, words: Words) -> None:
        self.row, self.keys = row, Keys(words)
        self.modules = [PlannedModule(words.classes[0])]
        self._parameter, self._buffer, mate_here, mate_elsewhere = (self.keys.slot(number) for number in range(4, 8))
        self._put(0, PlannedSlot(self.keys.slot(8), Kind.PARAMETER, 1))
        self.owner, self.target = self._add_owner()
        self._side = self._add(0, 4, words.classes[2])
        self._put(self._side, PlannedSlot(self.keys.slot(9), Kind.BUFFER, 2))
        self._mate: tuple[int, str] | None = None
        self._fill_owner()
        self._tie(mate_here, mate_elsewhere)
        if row.shared:
            self._register(0, self.keys.child(3), self.owner)
        if isinstance(row, AcceptedFeatures):
            self._add_behaviour(row)

    # ---------------------------------------------------------------------------------------------------- what stands where

    def _register(self, parent: int, key: str, child: int) -> None:
        module = self.modules[parent]
        self.modules[parent] = replace(module, children=(*module.children, (key, child)))

    def _add(self, parent: int, child: int, name: str, form: Form = Form.MODULE, key: str | None = None) -> int:
        self.modules.append(PlannedModule(name, form))
        number = len(self.modules) - 1
        self._register(parent, key or self.keys.child(child), number)
        return number

    def _put(self, number: int, slot: PlannedSlot) -> None:
        self.modules[number] = replace(self.modules[number], slots=(*self.modules[number].slots, slot))

    def _add_owner(self) -> tuple[int, str]:
        location, keys, classes = self.row.location, self.keys, self.keys.words.classes
        if location is Location.ROOT:
            return 0, keys.target
        if location is Location.CHILD:
            return self._add(0, 0, classes[1]), keys.target
        if location is Location.GRANDCHILD:
            return self._add(self._add(0, 1, classes[3]), 0, classes[1]), keys.target
        container = self._add(0, 2, "", _FORMS[location])
        if location is Location.PARAMETER_LIST:
            return container, "0"
        if location is Location.PARAMETER_DICT:
            return container, f"{keys.target}-1"
        key = f"{keys.child(0)}-1" if location is Location.MODULE_DICT else "0"
        return self._add(container, 0, classes[1], key=key), keys.target

    def _fill_owner(self) -> None:
        row, owner = self.row, self.owner
        target = PlannedSlot(self.target, row.kind, _TARGET_TENSOR, row.by)
        if row.location.is_of_parameters:
            second = "1" if row.location is Location.PARAMETER_LIST else f"{self._parameter}-2"
            self._put(owner, target)
            self._put(owner, PlannedSlot(second, Kind.PARAMETER, 3))
            return
        self._put(owner, PlannedSlot(self._parameter, Kind.PARAMETER, 3))
        self._put(owner, target)
        self._put(owner, PlannedSlot(self._buffer, Kind.BUFFER, 4))
        if isinstance(row, AcceptedFeatures) and row.second_by:
            self._put(owner, PlannedSlot(self.keys.second_parametrized, Kind.PARAMETER, 6, Parametrization.SQUARE))
        if isinstance(row, AcceptedFeatures) and row.none_registered:
            self._put(owner, PlannedSlot(self.keys.slot(10), row.kind, None))

    def _tie(self, here: str, elsewhere: str) -> None:
        tie, kind = self.row.tie, self.row.kind
        if tie in (Tie.SAME_MODULE, Tie.BOTH):
            self._put(self.owner, PlannedSlot(here, kind, _TARGET_TENSOR))
            self._mate = self.owner, here
        if tie in (Tie.OTHER_MODULE, Tie.BOTH, Tie.OTHER_KIND):
            if tie is Tie.OTHER_KIND:
                kind = Kind.BUFFER if kind is Kind.PARAMETER else Kind.PARAMETER
            # The module that is constructed first makes the tensor: one above the owner, or the one beside it.
            where = self._side if tie is Tie.BOTH or self.owner == 0 else 0
            self._put(where, PlannedSlot(elsewhere, kind, _TARGET_TENSOR))
            self._mate = self._mate or (where, elsewhere)

    # --------------------------------------------------------------------------------------------------- what forward does

    def _add_behaviour(self, row: AcceptedFeatures) -> None:
        acting, key = (0, self.keys.slot(8)) if row.location.is_of_parameters else (self.owner, self.target)
        neighbour = self._parameter if row.kind is Kind.PARAMETER else self._buffer
        if row.act is not None:
            number, acted_on = {
                Actor.TARGET: (self.owner, self.target),
                Actor.NEIGHBOUR: (self.owner, neighbour),
                Actor.MATE: self._mate or (self.owner, self.target),
            }[row.actor]
            other = neighbour if row.act.is_about_two else ""
            self.modules[number] = replace(self.modules[number], acts=(PlannedAct(row.act, acted_on, other),))
        hook = HookKind.FORWARD_THAT_RAISES if row.raises is Raising.HOOK else row.hook
        self.modules[acting] = replace(
            self.modules[acting],
            hook=None if hook is None else PlannedHook(hook, key),
            raises=row.raises is Raising.FORWARD,
        )
        if row.circular:
            self._register(acting, self.keys.child(5), 0)
        if row.calls_inside:
            self.modules[0] = replace(self.modules[0], calls_inside=(self.owner, self.target))
