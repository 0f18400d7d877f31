"""What must hold after a plan's call, as assertions in source code, each with its clause."""

from __future__ import annotations

from collections.abc import Iterator

from fcspec.calls import looks, plan_source
from fcspec.calls.assertion import Assertion, Shown
from fcspec.calls.attribution import Attribution
from fcspec.calls.expected import Content, Expected, Held
from fcspec.calls.kinds import Idiom, Kind
from fcspec.calls.plan import CallPlan, Place


def assertions(plan: CallPlan, expected: Expected) -> Iterator[Assertion]:
    """Everything that must hold after the call."""
    attribution = Attribution(plan)
    if expected.refused_by is not None:
        setup = "calls = []\nmodel.register_forward_pre_hook(lambda *call: calls.append(call))"
        shown = Shown("the number of calls of forward", "len(calls)", "0, for the call is an error")
        yield Assertion(expected.refused_by, "assert calls == []", shown, setup)
    elif not expected.raises:
        shown = Shown("result", "result.item()", f"{expected.result}")
        yield Assertion(attribution.clause_of_result(), f"assert result.item() == {expected.result}", shown)
    if expected.plain_result is not None:
        shown = Shown("the result of a plain call afterwards", "again.item()", f"{expected.plain_result}")
        yield Assertion("parametrize.cached", f"assert again.item() == {expected.plain_result}", shown)
    yield from looks.in_forward(plan, expected)
    added = plan.around.addition.assertions if plan.around.addition is not None else ()
    yield from (assertion for assertion in added if assertion.setup)
    yield from _about_parametrizations(plan, attribution)
    yield from _about_dicts(plan, expected, attribution)
    for place in plan.groups:
        yield from _about_place(plan, expected, attribution, place)
    yield from _about_order(plan, expected)
    yield from _about_unknown_names(plan, expected)
    yield from looks.after_call(plan, expected)
    yield from _about_gradients(plan, expected, attribution)
    # No forward of a plan draws random numbers. Modes of torch have no assertion here: target/integrity.py resets
    # those that a call leaves behind, before an assertion could see them.
    rng = "torch.get_rng_state()"
    shown = Shown("the state of the random number generator", f"hash(bytes({rng}))", "as before the call")
    yield Assertion("state.rng", f"assert torch.equal({rng}, state)", shown, f"state = {rng}")
    yield from (assertion for assertion in added if not assertion.setup)  # they can make other calls
    yield from looks.at_last(plan, expected)


def _about_parametrizations(plan: CallPlan, attribution: Attribution) -> Iterator[Assertion]:
    for number, name in enumerate(attribution.regular_names):
        place = plan.places[name]
        path = plan_source.expressions(plan)[place.module]
        setup = (
            f"runs{number} = []\n"
            f"{path}.parametrizations.{place.key}[0].register_forward_hook(lambda *call: runs{number}.append(call))"
        )
        if not plan.around.in_cached:  # the plain calls run it
            shown = Shown(f"how often the parametrization of {name} ran", f"len(runs{number})", "0")
            yield Assertion("parametrize.not-run", f"assert runs{number} == []", shown, setup)
        active = f'parametrize.is_parametrized({path}, "{place.key}")'
        shown = Shown(f"whether {name} is parametrized after the call", active, "True")
        yield Assertion("parametrize.still-active", f"assert {active}", shown)


def _about_dicts(plan: CallPlan, expected: Expected, attribution: Attribution) -> Iterator[Assertion]:
    for number, entries in enumerate(plan.dicts):
        if isinstance(entries, Idiom):
            continue
        its = f"dicts[{number}]" if plan.as_tuple else "dicts"
        keys = list(dict.fromkeys(name for name, _ in entries))
        if plan.around.addition is not None and number == len(plan.dicts) - 1:
            keys += [name for name, _ in plan.around.addition.entries]
        shown = Shown(f"list({its})", f"list({its})", f"{keys}")
        yield Assertion("dicts.unchanged", f"assert list({its}) == {keys}".replace("'", '"'), shown)
        for name, what in entries:
            held = Held(Content.GIVEN) if expected.refused_by else expected.entries.get(name)
            if held is None or not isinstance(what, int):
                continue  # inplace.tied-rebinding
            given = held.content is Content.GIVEN
            if expected.raises and not given:
                continue  # inplace.on-exception
            clause = attribution.clause_of_entry(name, changed=not given)
            entry = f'{its}["{name}"]'
            says, wanted = _entry_holds(entry, f"value{what}", held)
            yield Assertion(clause, f"assert {says}", Shown(entry, entry, wanted))
    for number, contents in expected.given_numbers.items():
        code = f"value{number}.item()"
        shown = Shown(f"the given tensor value{number}, after the call,", code, f"{contents}")
        yield Assertion(attribution.clause_of_given_contents(number), f"assert {code} == {contents}", shown)


def _entry_holds(entry: str, given: str, held: Held) -> tuple[str, str]:
    """What an entry of a dict holds after the call: as an expression, and in words."""
    match held.content:
        case Content.GIVEN:
            return f"{entry} is {given}", f"the very tensor that was given, {given}"
        case Content.NEW:
            return f"{entry}.item() == {held.number}", f"what forward bound, a tensor of {held.number}"
        case Content.NONE:  # inplace.only-tensors leaves it open
            return f"{entry} is None or {entry} is {given}", f"None or the very tensor that was given, {given}"
    raise ValueError(held)


def _about_place(plan: CallPlan, expected: Expected, attribution: Attribution, place: Place) -> Iterator[Assertion]:
    now, index = expected.places[place], [*plan.groups].index(place)
    own, number = f"own{index}", f"number{index}"
    held, owner, refused = (
        plan_source.held(plan, place),
        plan_source.owner(plan, place),
        expected.refused_by is not None,
    )
    disabled = now.content is Content.OWN and place not in expected.own_numbers
    restored = place in expected.restored or refused or disabled
    clause = attribution.clause_of_restoration(place, refused) if restored else "inplace.not-given"
    setup = f"{own} = {held}"
    match now.content:
        case Content.OWN:
            store = f'{owner}.{plan.slot(place).store}.get("{place.part}")'
            for which in (held, store):
                shown = Shown(f"after the call {which}", which, "the very tensor that was there before,", own)
                yield Assertion(clause, f"assert {which} is {own}", shown, setup)
        case Content.NONE:
            shown = Shown(f"after the call {held}", held, "None, which forward bound")
            yield Assertion(clause, f"assert {held} is None", shown)
        case Content.NEW:
            shown = Shown(f"after the call {held}", held, f"what forward bound, a tensor of {now.number}")
            yield Assertion(clause, f"assert {held}.item() == {now.number}", shown)
    if plan.slot(place).by is None and restored:
        yield from _about_stores(plan, place, clause)
    clause = attribution.clause_of_own_contents(place, restored, refused)
    subject = f"after the call the module's own tensor {held}"
    if place in expected.own_numbers:
        shown = Shown(subject, f"{own}.item()", f"{expected.own_numbers[place]}")
        yield Assertion(clause, f"assert {own}.item() == {expected.own_numbers[place]}", shown, setup)
    else:
        shown = Shown(subject, f"{own}.item()", "what it was before,", number)
        yield Assertion(clause, f"assert {own}.item() == {number}", shown, f"{setup}\n{number} = {own}.item()")


def _about_stores(plan: CallPlan, place: Place, clause: str) -> Iterator[Assertion]:
    """The key is in no other store of the module, and a buffer is as persistent as before."""
    slot, owner = plan.slot(place), plan_source.owner(plan, place)
    stores = [store for store in ("_parameters", "_buffers", "_modules", "__dict__") if store != slot.store]
    others = ", ".join(f"{owner}.{store}" for store in stores)
    found = f'[store for store in {stores} if "{slot.key}" in getattr({owner}, store)]'
    shown = Shown(f"the list of the other stores of {owner} that have {slot.key} after the call", found, "[]")
    yield Assertion(clause, f'assert not any("{slot.key}" in store for store in ({others}))', shown)
    if slot.kind is not Kind.PARAMETER:
        which = "in" if slot.kind is Kind.NON_PERSISTENT_BUFFER else "not in"
        hidden = f"{owner}._non_persistent_buffers_set"
        shown = Shown(
            f"the set of buffers that are not persistent, {hidden},", hidden, f"one with {slot.key} {which} it"
        )
        yield Assertion(clause, f'assert "{slot.key}" {which} {hidden}', shown)


def _about_order(plan: CallPlan, expected: Expected) -> Iterator[Assertion]:
    """Parameters and buffers that forward deletes or replaces are registered in the same order as before."""
    for number, module in enumerate(plan.modules):
        late = {planned.key for planned in module.acts if not planned.act.precedes_reads}
        places = {place for place in plan.groups if place.module == number and place.key in late}
        if late and (expected.refused_by or places <= expected.restored):
            path = plan_source.expressions(plan)[number]
            for store in ("_parameters", "_buffers"):
                keys, before = f"list({path}.{store})", f"order{number}{store}"
                shown = Shown(f"after the call {keys}", keys, "the keys as they were before,", before)
                yield Assertion("restore.order", f"assert {keys} == {before}", shown, f"{before} = {keys}")


def _about_unknown_names(plan: CallPlan, expected: Expected) -> Iterator[Assertion]:
    """A given name that the module does not have is no attribute of it afterwards."""
    for name, _ in plan.entries:
        path, _, key = name.rpartition(".")
        known = name in plan.places or not all(name.split(".")) or expected.refused_by == "dicts.not-a-tensor"
        known = known or any(other.startswith(f"{name}.") for other in plan.places)
        if not known and (not path or any(other.startswith(f"{path}.") for other in plan.places)):
            owner = f'model.get_submodule("{path}")' if path else "model"
            shown = Shown(f"after the call {owner}.{key}", f'getattr({owner}, "{key}")', "no attribute of that name")
            yield Assertion("restore.no-leftovers", f'assert not hasattr({owner}, "{key}")', shown)


def _about_gradients(plan: CallPlan, expected: Expected, attribution: Attribution) -> Iterator[Assertion]:
    for number, gradient in expected.given_gradients.items():
        clause = attribution.clause_of_gradient(number)
        code, shown = _has_gradient(f"value{number}", gradient)
        yield Assertion(clause, code, shown, after_backward=True)
    for place, gradient in expected.own_gradients.items():
        own = f"own{[*plan.groups].index(place)}"
        setup = f"{own} = {plan_source.held(plan, place)}"
        code, shown = _has_gradient(own, gradient)
        yield Assertion("grad.own", code, shown, setup, after_backward=True)


def _has_gradient(tensor: str, gradient: float | None) -> tuple[str, Shown]:
    whose = "the given tensor" if tensor.startswith("value") else "the module's own tensor"
    shown = Shown(f"the gradient of {whose} {tensor}", f"{tensor}.grad", f"{gradient}")
    if gradient is None:
        return f"assert {tensor}.grad is None", shown
    return f"assert {tensor}.grad is not None and {tensor}.grad.item() == {gradient}", shown
