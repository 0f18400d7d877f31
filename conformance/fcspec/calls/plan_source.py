"""A plan as source code. The same text is run and printed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from fcspec.calls.class_source import (
    PARAMETRIZATIONS,
    Constructed,
    attribute,
    child_of,
    class_definition,
    is_registered_by_constructor,
    registration,
)
from fcspec.calls.kinds import Form, HookKind, Idiom, ValueKind
from fcspec.calls.plan import CallPlan, Place, PlannedHook, X
from fcspec.calls.surroundings import CLASSES, DictClass, PriorCall

INPUT = f"torch.tensor({X})"
"""The expression of the input of every plan's call."""


def expressions(plan: CallPlan) -> tuple[str, ...]:
    """For each module, the expression that leads to it from `model`: the first one, depth first."""
    found: dict[int, str] = {}

    def visit(number: int, path: str) -> None:
        found[number] = path
        for key, child in plan.modules[number].children:
            if child not in found:
                visit(child, child_of(plan.modules[number], path, key))

    visit(0, "model")
    return tuple(found[number] for number in range(len(plan.modules)))


def owner(plan: CallPlan, place: Place) -> str:
    """The expression of the module that a place is registered in."""
    path = expressions(plan)[place.module]
    return path if plan.slot(place).by is None else f"{path}.parametrizations.{place.key}"


def held(plan: CallPlan, place: Place) -> str:
    """The expression of what a place holds."""
    return attribute(owner(plan, place), place.part or place.key)


# ------------------------------------------------------------------------------------------------------ the module


def _apart(statements: str) -> str:
    """Statements below others, with empty lines where they begin with a definition."""
    return f"\n\n{statements}" if statements.startswith(("class ", "def ")) else statements


def definitions(plan: CallPlan) -> str:
    """The classes, and `model`."""
    around = plan.around
    constructed: Constructed = {0: (-1, "")}

    def visit(number: int) -> None:
        for key, child in plan.modules[number].children:
            if child not in constructed:
                constructed[child] = number, key
                visit(child)

    visit(0)
    by = dict.fromkeys(slot.by for module in plan.modules for slot in module.slots if slot.by is not None)
    blocks = [CLASSES[one] for one in (around.dict_class, around.mixin) if one in CLASSES]
    blocks += [PARAMETRIZATIONS[one] for one in by]
    own_classes = [number for number, one in reversed([*enumerate(plan.modules)]) if one.form is Form.MODULE]
    blocks += [class_definition(plan, number, constructed) for number in own_classes]
    lines = ["error = RuntimeError('raised by forward')"] if any(one.can_raise for one in plan.modules) else []
    lines += [f"model = {plan.modules[0].name}()", *_after_construction(plan, constructed)]
    if around.addition is not None and around.addition.model:
        lines.append(_apart(around.addition.model))
    return "\n\n\n".join([*blocks, "\n".join(lines)]) + "\n"


def _after_construction(plan: CallPlan, constructed: Constructed) -> Iterator[str]:
    """What the constructors of the classes cannot do: it spans several modules, or belongs to one object only."""
    paths = expressions(plan)
    for number, module in enumerate(plan.modules):
        for key, child in module.children:
            in_constructor = is_registered_by_constructor(plan, number, child, constructed)
            if constructed[child] != (number, key) and not in_constructor:
                yield _add_child(module.form, paths[number], key, paths[child])
    for number, module in enumerate(plan.modules):
        for slot in module.slots:
            first, first_key = plan.first_slot_with(slot.tensor)
            if slot.tensor is not None and first != number:
                yield registration(paths[number], slot, attribute(paths[first], first_key))
    for number, module in enumerate(plan.modules):
        for slot in module.slots:
            if slot.by is not None:
                yield f'parametrize.register_parametrization({paths[number]}, "{slot.key}", {slot.by}())'
        if module.hook is not None:
            yield from _hook(paths[number], module.hook)


def _add_child(form: Form, path: str, key: str, child: str) -> str:
    if form is Form.MODULE:
        return f"{path}.{key} = {child}"
    return f'{path}["{key}"] = {child}' if form is Form.MODULE_DICT else f"{path}.append({child})"


def _hook(path: str, hook: PlannedHook) -> Iterator[str]:
    reads = attribute("module", hook.key)
    match hook.kind:
        case HookKind.FORWARD_PRE:
            yield f"{path}.register_forward_pre_hook(lambda module, args: (3 * args[0] + {reads},))"
        case HookKind.FORWARD:
            yield f"{path}.register_forward_hook(lambda module, args, output: 3 * output + {reads})"
        case HookKind.FORWARD_THAT_RAISES:
            yield "def fail(module, args, output):\n    raise error"
            yield f"{path}.register_forward_hook(fail)"


# -------------------------------------------------------------------------------------------------------- the call


def value(plan: CallPlan, number: int) -> str:
    """The expression of a given tensor."""
    value = plan.values[number]
    match value.kind:
        case ValueKind.OWN:
            assert value.place is not None
            return held(plan, value.place)
        case ValueKind.PARAMETER:
            return f"nn.Parameter(torch.tensor({float(value.number)}))"
        case ValueKind.REQUIRES_GRAD:
            return f"torch.tensor({float(value.number)}, requires_grad=True)"
        case ValueKind.INFERENCE:
            return f"torch.inference_mode()(lambda: torch.tensor({float(value.number)}))()"
        case ValueKind.TENSOR:
            return f"torch.tensor({float(value.number)})"


def value_assignments(plan: CallPlan) -> Iterator[str]:
    for number in range(len(plan.values)):
        yield f"value{number} = {value(plan, number)}"


def dicts(plan: CallPlan) -> str:
    """The second argument; given tensors are `value0` and so on."""
    addition = plan.around.addition
    texts = []
    for number, one in enumerate(plan.dicts):
        if isinstance(one, Idiom):
            texts.append(str(one))
        else:
            pairs = [f'"{name}": {f"value{what}" if isinstance(what, int) else what}' for name, what in one]
            if addition is not None and number == len(plan.dicts) - 1:
                pairs += [f'"{name}": {expression}' for name, expression in addition.entries]
            text = f"{{{', '.join(pairs)}}}"
            texts.append(text if plan.around.dict_class is DictClass.DICT else f"{plan.around.dict_class}({text})")
    if not plan.as_tuple:
        return texts[0]
    if plan.around.one_dict_twice:
        return f"2 * ({texts[0]},)"
    text = f"({', '.join(texts)}{',' if len(texts) == 1 else ''})"
    return text if addition is None or not addition.dicts else addition.dicts.replace("{dicts}", text)


def prior_call(plan: CallPlan) -> Iterator[str]:
    """The call before the call, with tensors of its own. Whether it raises is not looked at."""
    around = plan.around
    if around.addition is not None and around.addition.before:
        yield _apart(around.addition.before)
    if around.prior is PriorCall.NONE:
        return
    given = dicts(plan)
    if around.prior is PriorCall.REFUSED:
        extra = '{"nowhere.x": torch.tensor(1.0)}'
        given = f"({f'*{given}' if plan.as_tuple else given}, {extra})"
    for number in reversed(range(len(plan.values))):
        given = given.replace(f"value{number}", value(plan, number))
    yield f"try:\n    {call(plan, given)}\nexcept Exception:\n    pass"
    if around.replaced is not None:
        path = expressions(plan)[around.replaced]
        yield f"{path} = copy.deepcopy({path})"


def call_statement(plan: CallPlan, dicts: str, assigned: bool, contexts: Iterable[str] = ()) -> str:
    """The statement that makes the call, in the contexts that the plan and the caller ask for.

    Args:
        dicts: the expression of the second argument.
        assigned: `result` is what the call returns.
        contexts: further items of its with statement.
    """
    addition = plan.around.addition
    if addition is not None and addition.result:
        lines = addition.result.replace("{call}", call(plan, dicts)).splitlines()
    else:
        lines = [f"result = {call(plan, dicts)}" if assigned else call(plan, dicts)]
    items = [*contexts, *(addition.contexts if addition is not None else ())]
    if plan.around.mode:
        items.append(plan.around.mode)
    if plan.around.in_cached:
        items.append("parametrize.cached()")
        lines = [f"model({INPUT})", *lines, f"again = model({INPUT})"]
    if not items:
        return "\n".join(lines)
    return "\n".join([f"with {', '.join(items)}:", *(f"    {line}" for line in lines)])


def call(plan: CallPlan, dicts: str) -> str:
    """The call, where `dicts` is the expression of its second argument."""
    flags = "".join(f", {name}={value}" for name, value in plan.flags)
    addition = plan.around.addition
    own = addition is not None and addition.passing
    passing = addition.passing.replace("{x}", INPUT) if addition and own else plan.passing.format(x=INPUT)
    return f"functional_call(model, {dicts}, {passing}{flags})"
