"""A plan as source code: what is run, and what is printed, so that the two are one."""

from __future__ import annotations

from collections.abc import Iterator

from fcspec.calls.plan import (
    AS_PARAMETER,
    DOUBLE,
    EARLY,
    GRAD,
    HIDDEN,
    KEYED,
    KEYED_PARAMETERS,
    LATE,
    MODULE,
    OWN,
    PARAMETER,
    PARAMETERS,
    PRODUCT,
    SEQUENTIAL,
    SHIFT,
    SQUARE,
    Act,
    Node,
    Place,
    Plan,
    Slot,
)


def expressions(plan: Plan) -> tuple[str, ...]:
    """For each node, the expression that leads to it from `model`; the first one on the way down."""
    found: dict[int, str] = {}

    def visit(number: int, path: str) -> None:
        found[number] = path
        for key, child in plan.nodes[number].children:
            if child not in found:
                visit(child, _child(plan.nodes[number], path, key))

    visit(0, "model")
    return tuple(found[number] for number in range(len(plan.nodes)))


def owner(plan: Plan, place: Place) -> str:
    """The expression of the module that holds a place."""
    path = expressions(plan)[place.node]
    return path if plan.slot(place).by is None else f"{path}.parametrizations.{place.key}"


def held(plan: Plan, place: Place) -> str:
    """The expression of what stands in a place."""
    return _attribute(owner(plan, place), place.part or place.key)


def definitions(plan: Plan) -> str:
    """The classes, and `model`."""
    made: dict[int, tuple[int, str]] = {}  # a node -> the edge by which it is constructed

    def visit(number: int) -> None:
        for key, child in plan.nodes[number].children:
            if child not in made:
                made[child] = number, key
                visit(child)

    made[0] = -1, ""
    visit(0)
    by = dict.fromkeys(slot.by for node in plan.nodes for slot in node.slots if slot.by is not None)
    blocks = [_PARAMETRIZATIONS[one] for one in by]
    self_made = [number for number, node in reversed([*enumerate(plan.nodes)]) if node.form == MODULE]
    blocks += [_Class(plan, number, made).text() for number in self_made]
    lines = ["error = RuntimeError('raised by forward')"] if any(node.raises for node in plan.nodes) else []
    lines += [f"model = {plan.nodes[0].name}()", *_afterwards(plan, made)]
    return "\n\n\n".join([*blocks, "\n".join(lines)]) + "\n"


def _afterwards(plan: Plan, made: dict[int, tuple[int, str]]) -> Iterator[str]:
    """What no class can do for itself."""
    for number, node in enumerate(plan.nodes):
        path = expressions(plan)[number]
        for key, child in node.children:
            if made[child] != (number, key) and not _within(plan, number, child, made):
                yield _add_child(node.form, path, key, expressions(plan)[child])
    for number, node in enumerate(plan.nodes):
        for slot in node.slots:
            first = plan.first(slot.tensor)
            if slot.tensor is not None and first[0] != number:
                yield _register(expressions(plan)[number], slot, _attribute(expressions(plan)[first[0]], first[1]))
    for number, node in enumerate(plan.nodes):
        path = expressions(plan)[number]
        for slot in node.slots:
            if slot.by is not None:
                yield f'parametrize.register_parametrization({path}, "{slot.key}", {slot.by}())'
        if node.hook is not None:
            when, key = node.hook
            reads = _attribute("module", key)
            yield (
                f"{path}.register_forward_pre_hook(lambda module, args: (3 * args[0] + {reads},))"
                if when == "pre"
                else f"{path}.register_forward_hook(lambda module, args, output: 3 * output + {reads})"
            )


def value(plan: Plan, number: int) -> str:
    value = plan.values[number]
    if value.kind == OWN:
        assert value.place is not None
        return held(plan, value.place)
    if value.kind == AS_PARAMETER:
        return f"nn.Parameter(torch.tensor({float(value.number)}))"
    grad = ", requires_grad=True" if value.kind == GRAD else ""
    return f"torch.tensor({float(value.number)}{grad})"


def dicts(plan: Plan) -> str:
    """The second argument; given tensors are `value0` and so on."""
    texts = []
    for one in plan.dicts:
        if isinstance(one, str):
            texts.append(one)
        else:
            pairs = (f'"{name}": {f"value{what}" if isinstance(what, int) else what}' for name, what in one)
            texts.append(f"{{{', '.join(pairs)}}}")
    if not plan.as_tuple:
        return texts[0]
    return f"({', '.join(texts)}{',' if len(texts) == 1 else ''})"


class _Class:
    """The class of one node."""

    def __init__(self, plan: Plan, number: int, made: dict[int, tuple[int, str]]) -> None:
        self.plan, self.number, self.made = plan, number, made
        self.node = plan.nodes[number]

    def text(self) -> str:
        init, forward = [*self._init()], _without_detour([*self._forward()])
        lines = [f"class {self.node.name}(nn.Module):"]
        if init:
            lines += [
                "    def __init__(self):",
                "        super().__init__()",
                *(f"        {line}" for line in init),
                "",
            ]
        lines += ["    def forward(self, x):", *(f"        {line}" for line in forward)]
        return "\n".join(lines)

    def _init(self) -> Iterator[str]:
        yield from _own(self.plan, self.number, "self")
        for key, child in self.node.children:
            if self.made[child] == (self.number, key):
                yield f"self.{key} = {_constructor(self.plan, child, self.made)}"
            elif _within(self.plan, self.number, child, self.made):
                yield f"self.{key} = {'self' if child == self.number else f'self.{self.made[child][1]}'}"

    def _forward(self) -> Iterator[str]:
        for act in self.node.acts:
            if act.what in EARLY:
                yield from _act(act, self.node.slot(act.key))
        for slot in self.node.slots:
            if slot.tensor is not None:
                yield f"x = 2 * x + self.{slot.key}"
        for key, number in self.node.children:
            child = self.plan.nodes[number]
            if number <= self.number:
                continue  # a module that contains itself does not call itself
            if child.form in (MODULE, SEQUENTIAL):
                yield f"x = self.{key}(x)"
            else:
                what, values = ("tensor", "2 * x + tensor") if child.slots else ("child", "child(x)")
                keyed = child.form in (KEYED, KEYED_PARAMETERS)
                yield f"for {what} in self.{key}{'.values()' if keyed else ''}:"
                yield f"    x = {values}"
        for act in self.node.acts:
            if act.what in LATE:
                yield from _act(act, self.node.slot(act.key))
        yield "raise error" if self.node.raises else "return x"


def _without_detour(lines: list[str]) -> list[str]:
    """`return y` for `x = y` and `return x`."""
    if len(lines) > 1 and lines[-1] == "return x" and lines[-2].startswith("x = "):
        return [*lines[:-2], f"return {lines[-2].removeprefix('x = ')}"]
    return lines


def _own(plan: Plan, number: int, path: str) -> Iterator[str]:
    for slot in plan.nodes[number].slots:
        first = plan.first(slot.tensor) if slot.tensor is not None else (number, slot.key)
        if slot.tensor is None:
            yield _register(path, slot, "None")
        elif first == (number, slot.key):
            yield _register(path, slot, _tensor(plan, slot))
        elif first[0] == number:
            yield _register(path, slot, _attribute(path, first[1]))


def _tensor(plan: Plan, slot: Slot) -> str:
    """An own tensor; one that is a parameter anywhere is a Parameter."""
    assert slot.tensor is not None
    text = f"torch.tensor({float(slot.tensor)})"
    kinds = (one.kind for node in plan.nodes for one in node.slots if one.tensor == slot.tensor)
    return f"nn.Parameter({text})" if PARAMETER in kinds else text


def _register(path: str, slot: Slot, tensor: str) -> str:
    if slot.kind != PARAMETER:
        hidden = ", persistent=False" if slot.kind == HIDDEN else ""
        return f'{path}.register_buffer("{slot.key}", {tensor}{hidden})'
    if tensor == "None" or not slot.key.isidentifier():
        return f'{path}.register_parameter("{slot.key}", {tensor})'
    return f"{path}.{slot.key} = {tensor}"


def _constructor(plan: Plan, number: int, made: dict[int, tuple[int, str]]) -> str:
    node = plan.nodes[number]
    if node.form == MODULE:
        return f"{node.name}()"
    if node.slots:
        tensors = [(slot.key, _tensor(plan, slot)) for slot in node.slots]
        if node.form == PARAMETERS:
            return f"nn.ParameterList([{', '.join(text for _, text in tensors)}])"
        return f"nn.ParameterDict({{{', '.join(f'{key!r}: {text}' for key, text in tensors)}}})".replace("'", '"')
    children = [(k, _constructor(plan, child, made)) for k, child in node.children if made[child] == (number, k)]
    if node.form == KEYED:
        return f"nn.ModuleDict({{{', '.join(f'{k!r}: {text}' for k, text in children)}}})".replace("'", '"')
    inner = ", ".join(text for _, text in children)
    return f"nn.Sequential({inner})" if node.form == SEQUENTIAL else f"nn.ModuleList([{inner}])"


def _within(plan: Plan, number: int, child: int, made: dict[int, tuple[int, str]]) -> bool:
    """Can the constructor of a node register this child a second time, or the node itself?"""
    return plan.nodes[number].form == MODULE and (child == number or made[child][0] == number)


def _child(node: Node, path: str, key: str) -> str:
    if node.form == MODULE:
        return f"{path}.{key}"
    return f'{path}["{key}"]' if node.form == KEYED else f"{path}[{key}]"


def _add_child(form: str, path: str, key: str, child: str) -> str:
    if form == MODULE:
        return f"{path}.{key} = {child}"
    return f'{path}["{key}"] = {child}' if form == KEYED else f"{path}.append({child})"


def _attribute(path: str, key: str) -> str:
    return f"{path}.{key}" if key.isidentifier() else f"{path}[{key}]"


def _act(act: Act, slot: Slot) -> Iterator[str]:
    name = f"self.{act.key}"
    match act.what:
        case "adds in place":
            yield "with torch.no_grad():"
            yield f"    {name}.add_(1)"
        case "rebinds":
            new = f"{name} + 1"
            yield f"{name} = nn.Parameter({new})" if slot.kind == PARAMETER else f"{name} = {new}"
        case "binds None":
            yield f"{name} = None"
        case "binds a module":
            yield f"del {name}"
            yield f"{name} = nn.Identity()"
        case "binds a string":
            yield f"del {name}"
            yield f'{name} = "no tensor"'
        case "deletes":
            yield f"del {name}"
        case "moves":
            yield f"del {name}"
            yield (
                f'self.register_buffer("{act.key}", torch.tensor(0.0))'
                if slot.kind == PARAMETER
                else f"{name} = nn.Parameter(torch.tensor(0.0))"
            )


_PARAMETRIZATIONS = {
    SQUARE: """\
class Square(nn.Module):
    def forward(self, original):
        return original**2""",
    DOUBLE: """\
class Double(nn.Module):
    def forward(self, original):
        return 2 * original

    def right_inverse(self, value):
        return value / 2""",
    SHIFT: """\
class Shift(nn.Module):
    def forward(self, original):
        return original + 1

    def right_inverse(self, value):
        return value""",
    PRODUCT: """\
class Product(nn.Module):
    def forward(self, first, second):
        return first * second

    def right_inverse(self, value):
        return value, torch.ones_like(value)""",
}
