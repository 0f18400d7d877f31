"""The strategy by which hypothesis draws the module of a plan, and what its forwards do."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Any

from hypothesis import strategies as st

from fcspec.calls.kinds import Form, HookKind, Kind, Parametrization
from fcspec.calls.plan import PlannedAct, PlannedHook, PlannedModule, PlannedSlot
from fcspec.calls.topics import Feature, ParametrizedName, Topic

Draw = Callable[[st.SearchStrategy[Any]], Any]
SlotAddress = tuple[int, str]
"""The number of a module and the key of one of its slots."""

_PARAMETRIZATIONS = {
    ParametrizedName.REGULAR: (Parametrization.SHIFT, Parametrization.DOUBLE, Parametrization.SQUARE),
    ParametrizedName.ORIGINAL: (Parametrization.SQUARE, Parametrization.DOUBLE, Parametrization.PRODUCT),
}


@dataclass(frozen=True)
class Words:
    """Names for classes, submodules and slots."""

    classes: tuple[str, ...] = ("Model", "Child", "Second", "Third", "Fourth")
    children: tuple[str, ...] = ("left", "right", "up", "down", "inner", "outer")
    keys: tuple[str, ...] = tuple("abcdefghklmnpqrstuvw")


class Choices:
    """hypothesis' draw function, and the names that are not used yet."""

    def __init__(self, draw: Draw, words: Words) -> None:
        self.draw = draw
        self.classes, self.keys, self.children = words.classes, iter(words.keys), iter(words.children)

    def one_of(self, options: Iterable[Any]) -> Any:
        return self.draw(st.sampled_from(list(options)))

    def maybe(self) -> bool:
        return bool(self.draw(st.booleans()))

    def integer(self, least: int, most: int) -> int:
        return int(self.draw(st.integers(least, most)))


class ModuleDrawing:
    """Draws the module and what its forwards do.

    Attributes:
        target: the slot that the topic is about, where it is about one.
    """

    def __init__(self, choices: Choices, topic: Topic) -> None:
        self.choices, self.topic = choices, topic
        self.modules = [PlannedModule(choices.classes[0])]
        self.target: SlotAddress | None = None
        self._tensors = itertools.count(1)

    def draw(self) -> None:
        topic, choices = self.topic, self.choices
        least = 1 if Feature.SHARED_SUBMODULE in topic.features else 0
        for _ in range(choices.integer(least, 3 if Feature.CONTAINERS in topic.features else 2)):
            self._add_module()
        for number, module in enumerate(self.modules):
            self._fill(number, module.form)
        if Feature.NONE_REGISTERED in topic.features:
            kind = choices.one_of((Kind.PARAMETER, Kind.BUFFER))
            self._put(0, PlannedSlot(next(choices.keys), kind, None))
        if Feature.SHARED_SUBMODULE in topic.features:
            self._share_submodule()
        if topic.tied_names:
            self._tie(topic.tied_names)
        if topic.parametrized is not None:
            self._parametrize(topic.parametrized)
        if not any(slot.tensor is not None for module in self.modules for slot in module.slots):
            self._add_slot(self._some_module())
        if Feature.CYCLE in topic.features:
            number = self._some_module()
            self._add_child(number, choices.integer(0, number))
        if topic.acts:
            self._add_act()
        if Feature.RAISES in topic.features:
            number = self._some_module()
            self.modules[number] = replace(self.modules[number], raises=True)
        if Feature.HOOK in topic.features:
            self._add_hook()

    def _fill(self, number: int, form: Form) -> None:
        if form is Form.MODULE:
            for _ in range(self.choices.integer(0, 2)):
                self._add_slot(number)
        elif form in (Form.PARAMETER_LIST, Form.PARAMETER_DICT):
            for position in range(self.choices.integer(1, 2)):
                key = str(position) if form is Form.PARAMETER_LIST else next(self.choices.keys)
                self._put(number, PlannedSlot(key, Kind.PARAMETER, next(self._tensors)))

    def _add_module(self) -> None:
        number = len(self.modules)
        no_parents = (Form.PARAMETER_LIST, Form.PARAMETER_DICT)
        parent = self.choices.one_of(i for i, one in enumerate(self.modules) if one.form not in no_parents)
        container = Feature.CONTAINERS in self.topic.features and self.modules[parent].form is Form.MODULE
        form = self.choices.one_of(Form) if container else Form.MODULE
        self.modules.append(PlannedModule(self.choices.classes[number], form))
        self._add_child(parent, number)

    def _add_child(self, parent: int, child: int) -> None:
        module = self.modules[parent]
        numbered = module.form in (Form.SEQUENTIAL, Form.MODULE_LIST)
        key = str(len(module.children)) if numbered else next(self.choices.children)
        self.modules[parent] = replace(module, children=(*module.children, (key, child)))

    def _some_module(self) -> int:
        return int(self.choices.one_of(i for i, one in enumerate(self.modules) if one.form is Form.MODULE))

    def _add_slot(self, number: int, tensor: int | None = None, by: Parametrization | None = None) -> SlotAddress:
        key, kind = next(self.choices.keys), self.choices.one_of(self.topic.slot_kinds)
        self._put(number, PlannedSlot(key, kind, next(self._tensors) if tensor is None else tensor, by))
        return number, key

    def _put(self, number: int, slot: PlannedSlot) -> None:
        self.modules[number] = replace(self.modules[number], slots=(*self.modules[number].slots, slot))

    def _share_submodule(self) -> None:
        child = self.choices.integer(1, len(self.modules) - 1)
        if not self.modules[child].slots:
            self._add_slot(child)
        self.target = child, self.choices.one_of(self.modules[child].slots).key
        self._add_child(self.choices.integer(0, child - 1), child)

    def _tie(self, size: int) -> None:
        tensor = next(self._tensors)
        for _ in range(size):
            self.target = self._add_slot(self._some_module(), tensor)

    def _parametrize(self, name: ParametrizedName) -> None:
        by = self.choices.one_of(_PARAMETRIZATIONS[name])
        self.target = self._add_slot(self._some_module(), by=by)

    def _add_act(self) -> None:
        if self.target is None or Feature.ACTS_ON_OTHERS in self.topic.features:
            number = self._some_module()
            slots = [slot for slot in self.modules[number].slots if slot.tensor is not None]
            key = self.choices.one_of(slots).key if slots else self._add_slot(number)[1]
            self.target = number, key
        number, key = self.target
        act = PlannedAct(self.choices.one_of(self.topic.acts), key)
        self.modules[number] = replace(self.modules[number], acts=(act,))

    def _add_hook(self) -> None:
        number = self._some_module()
        slots = self.modules[number].slots
        key = self.choices.one_of(slots).key if slots else self._add_slot(number)[1]
        hook = PlannedHook(self.choices.one_of((HookKind.FORWARD, HookKind.FORWARD_PRE)), key)
        self.modules[number] = replace(self.modules[number], hook=hook)
