"""The classes of a plan's modules as source code."""

from __future__ import annotations

from collections.abc import Iterator

from fcspec.calls.kinds import Act, Form, Kind, Parametrization
from fcspec.calls.plan import CallPlan, PlannedAct, PlannedModule, PlannedSlot

INNER_VALUE = 55.0
"""What a call inside the call gives."""

Constructed = dict[int, tuple[int, str]]
"""For each module, the number of the module whose constructor constructs it, and the key under which that one registers it."""


def class_definition(plan: CallPlan, number: int, constructed: Constructed) -> str:
    module = plan.modules[number]
    init = [*_init(plan, number, constructed)]
    mixin = f"{plan.around.mixin}, " if plan.around.mixin else ""
    lines = [f"class {module.name}({mixin}nn.Module):"]
    if init:
        lines += ["    def __init__(self):", "        super().__init__()", *(f"        {line}" for line in init), ""]
    forward = _without_last_assignment([*_forward(plan, number, constructed)])
    lines += ["    def forward(self, x):", *(f"        {line}" for line in forward)]
    return "\n".join(lines)


# ------------------------------------------------------------------------------------------------- the constructor


def _init(plan: CallPlan, number: int, constructed: Constructed) -> Iterator[str]:
    yield from _slots(plan, number)
    for key, child in plan.modules[number].children:
        if constructed[child] == (number, key):
            yield f"self.{key} = {_constructor(plan, child, constructed)}"
        elif is_registered_by_constructor(plan, number, child, constructed):
            yield f"self.{key} = {'self' if child == number else f'self.{constructed[child][1]}'}"


def is_registered_by_constructor(plan: CallPlan, number: int, child: int, constructed: Constructed) -> bool:
    """Whether a module's constructor can register this child under a second name: it has made it, or is the child itself."""
    return plan.modules[number].form is Form.MODULE and (child == number or constructed[child][0] == number)


def _slots(plan: CallPlan, number: int) -> Iterator[str]:
    for slot in plan.modules[number].slots:
        if slot.tensor is None:
            yield registration("self", slot, "None")
            continue
        first, first_key = plan.first_slot_with(slot.tensor)
        if (first, first_key) == (number, slot.key):
            yield registration("self", slot, _tensor(plan, slot))
        elif first == number:
            yield registration("self", slot, attribute("self", first_key))


def _tensor(plan: CallPlan, slot: PlannedSlot) -> str:
    """The module's tensor for a slot: a Parameter where any slot registers it as one."""
    assert slot.tensor is not None
    text = f"torch.tensor({float(slot.tensor)})"
    kinds = (one.kind for module in plan.modules for one in module.slots if one.tensor == slot.tensor)
    return f"nn.Parameter({text})" if Kind.PARAMETER in kinds else text


def registration(path: str, slot: PlannedSlot, tensor: str) -> str:
    if slot.kind is not Kind.PARAMETER:
        persistent = ", persistent=False" if slot.kind is Kind.NON_PERSISTENT_BUFFER else ""
        return f'{path}.register_buffer("{slot.key}", {tensor}{persistent})'
    if tensor == "None" or not slot.key.isidentifier():
        return f'{path}.register_parameter("{slot.key}", {tensor})'
    return f"{path}.{slot.key} = {tensor}"


def attribute(path: str, key: str) -> str:
    """The expression of what a module holds under a key; a key that is no identifier may be a position of a ParameterList."""
    if key.isidentifier():
        return f"{path}.{key}"
    return f"{path}[{key}]" if key.isdecimal() else f'getattr({path}, "{key}")'


def child_of(module: PlannedModule, path: str, key: str) -> str:
    """The expression of the child that a module, whose expression is `path`, has under a key."""
    if module.form is Form.MODULE:
        return f"{path}.{key}"
    return f'{path}["{key}"]' if module.form is Form.MODULE_DICT else f"{path}[{key}]"


def _constructor(plan: CallPlan, number: int, constructed: Constructed) -> str:
    """The expression that constructs a module."""
    module = plan.modules[number]
    children = [
        (key, _constructor(plan, child, constructed))
        for key, child in module.children
        if module.form is not Form.MODULE and constructed[child] == (number, key)
    ]
    tensors = [(slot.key, _tensor(plan, slot)) for slot in module.slots] if module.form is not Form.MODULE else []
    match module.form:
        case Form.MODULE:
            return f"{module.name}()"
        case Form.PARAMETER_LIST:
            return f"nn.ParameterList([{_texts(tensors)}])"
        case Form.PARAMETER_DICT:
            return f"nn.ParameterDict({_dict(tensors)})"
        case Form.SEQUENTIAL:
            return f"nn.Sequential({_texts(children)})"
        case Form.MODULE_LIST:
            return f"nn.ModuleList([{_texts(children)}])"
        case Form.MODULE_DICT:
            return f"nn.ModuleDict({_dict(children)})"


def _texts(pairs: list[tuple[str, str]]) -> str:
    return ", ".join(text for _, text in pairs)


def _dict(pairs: list[tuple[str, str]]) -> str:
    return f"{{{', '.join(f'{key!r}: {text}' for key, text in pairs)}}}".replace("'", '"')


# ------------------------------------------------------------------------------------------------------- forward


def _forward(plan: CallPlan, number: int, constructed: Constructed) -> Iterator[str]:
    module = plan.modules[number]
    for planned in module.acts:
        if planned.act.precedes_reads:
            yield from _act(planned, module.slot(planned.key))
    for slot in module.slots:
        if slot.tensor is not None:
            yield f"x = 2 * x + self.{slot.key}"
    for key, child in module.children:
        if module.calls_inside is not None and child == _on_the_way(number, module.calls_inside[0], constructed):
            yield _inner_call(plan, number, module.calls_inside, constructed)
        if child > number:  # a module that contains itself does not call itself
            yield from _use_of_child(plan, key, child)
    for planned in module.acts:
        if not planned.act.precedes_reads:
            yield from _act(planned, module.slot(planned.key))
    yield "raise error" if module.raises else "return x"


def _use_of_child(plan: CallPlan, key: str, number: int) -> Iterator[str]:
    child = plan.modules[number]
    if child.form in (Form.MODULE, Form.SEQUENTIAL):
        yield f"x = self.{key}(x)"
        return
    item, result = ("tensor", "2 * x + tensor") if child.slots else ("child", "child(x)")
    keyed = child.form in (Form.MODULE_DICT, Form.PARAMETER_DICT)
    yield f"for {item} in self.{key}{'.values()' if keyed else ''}:"
    yield f"    x = {result}"


def _on_the_way(number: int, target: int, constructed: Constructed) -> int:
    """The child of a module that leads to another module below it, or is it."""
    while constructed[target][0] != number:
        target = constructed[target][0]
    return target


def _inner_call(plan: CallPlan, number: int, inner: tuple[int, str], constructed: Constructed) -> str:
    path, (target, key) = "", inner
    while target != number:
        parent, child = constructed[target]
        path = child_of(plan.modules[parent], "", child) + path
        target = parent
    return f'x = functional_call(self{path}, {{"{key}": torch.tensor({INNER_VALUE})}}, x)'


def _without_last_assignment(lines: list[str]) -> list[str]:
    """`return y` instead of `x = y` and `return x`."""
    if len(lines) > 1 and lines[-1] == "return x" and lines[-2].startswith("x = "):
        return [*lines[:-2], f"return {lines[-2].removeprefix('x = ')}"]
    return lines


def _act(planned: PlannedAct, slot: PlannedSlot) -> Iterator[str]:
    name, other = f"self.{slot.key}", f"self.{planned.other}"
    match planned.act:
        case Act.ADD_IN_PLACE:
            yield "with torch.no_grad():"
            yield f"    {name}.add_(1)"
        case Act.REBIND:
            new = f"{name} + 1"
            yield f"{name} = nn.Parameter({new})" if slot.kind is Kind.PARAMETER else f"{name} = {new}"
        case Act.BIND_NONE:
            yield f"{name} = None"
        case Act.BIND_MODULE:
            yield f"del {name}"
            yield f"{name} = nn.Identity()"
        case Act.BIND_STRING:
            yield f"del {name}"
            yield f'{name} = "no tensor"'
        case Act.SWAP:
            yield f"{name}, {other} = {other}, {name}"
        case Act.ALIAS:
            yield f"{name} = {other}"
        case Act.DELETE:
            yield f"del {name}"
        case Act.MOVE:
            yield f"del {name}"
            yield (
                f'self.register_buffer("{slot.key}", torch.tensor(0.0))'
                if slot.kind is Kind.PARAMETER
                else f"{name} = nn.Parameter(torch.tensor(0.0))"
            )


PARAMETRIZATIONS = {
    Parametrization.SQUARE: """\
class Square(nn.Module):
    def forward(self, original):
        return original**2""",
    Parametrization.DOUBLE: """\
class Double(nn.Module):
    def forward(self, original):
        return 2 * original

    def right_inverse(self, value):
        return value / 2""",
    Parametrization.SHIFT: """\
class Shift(nn.Module):
    def forward(self, original):
        return original + 1

    def right_inverse(self, value):
        return value""",
    Parametrization.PRODUCT: """\
class Product(nn.Module):
    def forward(self, first, second):
        return first * second

    def right_inverse(self, value):
        return value, torch.ones_like(value)""",
}
