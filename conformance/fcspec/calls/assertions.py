"""What must hold after a plan's call, as assertions in source code, each with its clause."""

from __future__ import annotations

from collections.abc import Iterator

from fcspec.calls import looks, plan_source
from fcspec.calls.assertion import Assertion
from fcspec.calls.attribution import Attribution
from fcspec.calls.expected import Content, Expected, Held
from fcspec.calls.kinds import Idiom, Kind
from fcspec.calls.plan import CallPlan, Place


def assertions(plan: CallPlan, expected: Expected) -> Iterator[Assertion]:
    """Everything that must hold after the call."""
    attribution = Attribution(plan)
    if expected.refused_by is not None:
        setup = "calls = []\nmodel.register_forward_pre_hook(lambda *call: calls.append(call))"
        yield Assertion(expected.refused_by, "assert calls == []", setup)
    elif not expected.raises:
        yield Assertion(attribution.clause_of_result(), f"assert result.item() == {expected.result}")
    if expected.plain_result is not None:
        yield Assertion("parametrize.cached", f"assert again.item() == {expected.plain_result}")
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
    yield Assertion("state.rng", "assert torch.equal(torch.get_rng_state(), state)", "state = torch.get_rng_state()")
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
            yield Assertion("parametrize.not-run", f"assert runs{number} == []", setup)
        active = f'assert parametrize.is_parametrized({path}, "{place.key}")'
        yield Assertion("parametrize.still-active", active)


def _about_dicts(plan: CallPlan, expected: Expected, attribution: Attribution) -> Iterator[Assertion]:
    for number, entries in enumerate(plan.dicts):
        if isinstance(entries, Idiom):
            continue
        its = f"dicts[{number}]" if plan.as_tuple else "dicts"
        keys = list(dict.fromkeys(name for name, _ in entries))
        if plan.around.addition is not None and number == len(plan.dicts) - 1:
            keys += [name for name, _ in plan.around.addition.entries]
        yield Assertion("dicts.unchanged", f"assert list({its}) == {keys}".replace("'", '"'))
        for name, what in entries:
            held = Held(Content.GIVEN) if expected.refused_by else expected.entries.get(name)
            if held is None or not isinstance(what, int):
                continue  # inplace.tied-rebinding
            given = held.content is Content.GIVEN
            if expected.raises and not given:
                continue  # inplace.on-exception
            clause = attribution.clause_of_entry(name, changed=not given)
            says = _entry_holds(f'{its}["{name}"]', f"value{what}", held)
            yield Assertion(clause, f"assert {says}")
    for number, contents in expected.given_numbers.items():
        yield Assertion(attribution.clause_of_given_contents(number), f"assert value{number}.item() == {contents}")


def _entry_holds(entry: str, given: str, held: Held) -> str:
    match held.content:
        case Content.GIVEN:
            return f"{entry} is {given}"
        case Content.NEW:
            return f"{entry}.item() == {held.number}"
        case Content.NONE:
            return f"{entry} is None or {entry} is {given}"  # inplace.only-tensors leaves it open
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
            yield Assertion(clause, f"assert {held} is {own}", setup)
            store = plan.slot(place).store
            yield Assertion(clause, f'assert {owner}.{store}.get("{place.part}") is {own}', setup)
        case Content.NONE:
            yield Assertion(clause, f"assert {held} is None")
        case Content.NEW:
            yield Assertion(clause, f"assert {held}.item() == {now.number}")
    if plan.slot(place).by is None and restored:
        yield from _about_stores(plan, place, clause)
    clause = attribution.clause_of_own_contents(place, restored, refused)
    if place in expected.own_numbers:
        yield Assertion(clause, f"assert {own}.item() == {expected.own_numbers[place]}", setup)
    else:
        yield Assertion(clause, f"assert {own}.item() == {number}", f"{setup}\n{number} = {own}.item()")


def _about_stores(plan: CallPlan, place: Place, clause: str) -> Iterator[Assertion]:
    """The key is in no other store of the module, and a buffer is as persistent as before."""
    slot, owner = plan.slot(place), plan_source.owner(plan, place)
    stores = [store for store in ("_parameters", "_buffers", "_modules", "__dict__") if store != slot.store]
    others = ", ".join(f"{owner}.{store}" for store in stores)
    yield Assertion(clause, f'assert not any("{slot.key}" in store for store in ({others}))')
    if slot.kind is not Kind.PARAMETER:
        which = "in" if slot.kind is Kind.NON_PERSISTENT_BUFFER else "not in"
        yield Assertion(clause, f'assert "{slot.key}" {which} {owner}._non_persistent_buffers_set')


def _about_order(plan: CallPlan, expected: Expected) -> Iterator[Assertion]:
    """Parameters and buffers that forward deletes or replaces are registered in the same order as before."""
    for number, module in enumerate(plan.modules):
        late = {planned.key for planned in module.acts if not planned.act.precedes_reads}
        places = {place for place in plan.groups if place.module == number and place.key in late}
        if late and (expected.refused_by or places <= expected.restored):
            path = plan_source.expressions(plan)[number]
            for store in ("_parameters", "_buffers"):
                setup = f"order{number}{store} = list({path}.{store})"
                yield Assertion("restore.order", f"assert list({path}.{store}) == order{number}{store}", setup)


def _about_unknown_names(plan: CallPlan, expected: Expected) -> Iterator[Assertion]:
    """A given name that the module does not have is no attribute of it afterwards."""
    for name, _ in plan.entries:
        path, _, key = name.rpartition(".")
        known = name in plan.places or not all(name.split(".")) or expected.refused_by == "dicts.not-a-tensor"
        known = known or any(other.startswith(f"{name}.") for other in plan.places)
        if not known and (not path or any(other.startswith(f"{path}.") for other in plan.places)):
            owner = f'model.get_submodule("{path}")' if path else "model"
            yield Assertion("restore.no-leftovers", f'assert not hasattr({owner}, "{key}")')


def _about_gradients(plan: CallPlan, expected: Expected, attribution: Attribution) -> Iterator[Assertion]:
    for number, gradient in expected.given_gradients.items():
        clause = attribution.clause_of_gradient(number)
        yield Assertion(clause, _has_gradient(f"value{number}", gradient), after_backward=True)
    for place, gradient in expected.own_gradients.items():
        own = f"own{[*plan.groups].index(place)}"
        setup = f"{own} = {plan_source.held(plan, place)}"
        yield Assertion("grad.own", _has_gradient(own, gradient), setup, after_backward=True)


def _has_gradient(tensor: str, gradient: float | None) -> str:
    if gradient is None:
        return f"assert {tensor}.grad is None"
    return f"assert {tensor}.grad is not None and {tensor}.grad.item() == {gradient}"
