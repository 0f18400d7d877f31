"""What features of a call cannot meet: it cannot be built, SPEC.md leaves it free, or what it amounts to is not computed."""

from __future__ import annotations

from collections.abc import Callable

from fcspec.calls.features import (
    AcceptedFeatures,
    Actor,
    Alike,
    Fault,
    Faulty,
    Given,
    GivenValue,
    Location,
    NewName,
    Others,
    Raising,
    Row,
    Rule,
    Tie,
)
from fcspec.calls.kinds import Act, HookKind, Kind, Parametrization, Passing
from fcspec.calls.surroundings import DictClass, PriorCall

_BOTH: list[Rule] = []
_ACCEPTED: list[Rule] = []
_REFUSED: list[Rule] = []

_Predicate = Callable[..., bool]
_LATE_AND_ALONE = (Act.BIND_NONE, Act.BIND_STRING, Act.BIND_MODULE, Act.DELETE, Act.MOVE)


def rules(table: type[Row]) -> list[Rule]:
    return [*_BOTH, *(_ACCEPTED if issubclass(table, AcceptedFeatures) else _REFUSED), *table.further_rules]


def allowed(row: Row) -> bool:
    return all(rule.is_kept_by(row) for rule in rules(type(row)))


def _in(table: list[Rule]) -> Callable[[_Predicate], _Predicate]:
    def add(function: _Predicate) -> _Predicate:
        table.append(Rule.of(function))
        return function

    return add


# ------------------------------------------------------------------------------------------------------------- modules


@_in(_BOTH)
def _lists_hold_plain_parameters(location: Location, kind: Kind, by: Parametrization | None, tie: Tie) -> bool:
    tied = tie in (Tie.NONE, Tie.OTHER_MODULE)
    return not location.is_of_parameters or (kind is Kind.PARAMETER and by is None and tied)


@_in(_BOTH)
def _the_root_is_registered_nowhere(location: Location, shared: bool) -> bool:
    return location is not Location.ROOT or not shared


@_in(_ACCEPTED)
def _lists_have_no_forward(location: Location, second_by: bool, act: Act | None, none_registered: bool) -> bool:
    return not location.is_of_parameters or not (second_by or act or none_registered)


@_in(_BOTH)
def _originals_are_tied_where_they_are_kept(by: Parametrization | None, tie: Tie) -> bool:
    kept = by in (Parametrization.SQUARE, Parametrization.SHIFT)
    return tie is Tie.NONE or by is None or (kept and tie is not Tie.OTHER_KIND)


# -------------------------------------------------------------------------------------------------------------- values


@_in(_ACCEPTED)
def _regular_names_are_of_parametrized_tensors(by: Parametrization | None, given: Given) -> bool:
    return by is not None or not given.is_regular


@_in(_ACCEPTED)
def _several_names_of_one_group(given: Given, tie: Tie, shared: bool, by: Parametrization | None) -> bool:
    if given is Given.REGULAR_BY_ALL_PATHS:
        return shared
    several = tie is not Tie.NONE or shared or by is Parametrization.PRODUCT
    return given not in (Given.LAST, Given.ALL) or several


@_in(_ACCEPTED)
def _strict_accepts_no_regular_name(given: Given, strict: bool | None) -> bool:
    return not strict or given in (Given.FIRST, Given.LAST, Given.ALL)  # strict.regular-name


@_in(_ACCEPTED)
def _strict_asks_for_all(strict: bool | None, others: Others, new_name: NewName) -> bool:
    return not strict or (others is Others.ALL and new_name is NewName.NONE)


@_in(_ACCEPTED)
def _strict_asks_for_every_slot(
    strict: bool | None, tie_weights: bool | None, tie: Tie, shared: bool, given: Given
) -> bool:
    several = tie is not Tie.NONE or shared
    return not strict or tie_weights is not False or not several or given is Given.ALL


@_in(_ACCEPTED)
def _strict_asks_for_every_original(strict: bool | None, by: Parametrization | None, given: Given) -> bool:
    return not strict or by is not Parametrization.PRODUCT or given is Given.ALL


@_in(_ACCEPTED)
def _several_tensors_for_one_group(
    alike: Alike, given: Given, tie: Tie, shared: bool, tie_weights: bool | None
) -> bool:
    match alike:
        case Alike.SAME:
            return True
        case Alike.EQUAL:
            several = given is Given.ALL and (tie is not Tie.NONE or shared)
            return several and not (tie_weights is False and shared)  # tie.shared-slot-off
        case Alike.DIFFERENT:
            return given is Given.ALL and tie is not Tie.NONE and not shared and tie_weights is False


@_in(_ACCEPTED)
def _several_tensors_are_new_ones(alike: Alike, value: GivenValue, by: Parametrization | None) -> bool:
    if alike is Alike.DIFFERENT:
        return by is None and value not in (GivenValue.OWN, GivenValue.EQUAL_TO_OWN)
    return alike is Alike.SAME or value is not GivenValue.OWN


@_in(_ACCEPTED)
def _either_of_equal_tensors_is_in_force(alike: Alike, act: Act | None, calls_inside: bool) -> bool:
    writes = act is not None and (act is Act.ADD_IN_PLACE or act.is_about_two)
    return alike is not Alike.EQUAL or not (writes or calls_inside)


@_in(_ACCEPTED)
def _regular_names_have_no_own_tensor(value: GivenValue, given: Given) -> bool:
    return value not in (GivenValue.OWN, GivenValue.EQUAL_TO_OWN) or not given.is_regular


@_in(_ACCEPTED)
def _inference_tensors_are_not_computed_with(
    value: GivenValue, by: Parametrization | None, second_by: bool, act: Act | None
) -> bool:
    in_place = act is Act.ADD_IN_PLACE
    return value is not GivenValue.INFERENCE or (by is None and not second_by and not in_place)


# ------------------------------------------------------------------------------------------------- what forward does


@_in(_ACCEPTED)
def _who_acts(act: Act | None, actor: Actor, tie: Tie) -> bool:
    if act is None:
        return actor is Actor.TARGET
    return actor is not Actor.MATE or tie is not Tie.NONE


@_in(_ACCEPTED)
def _parametrized_tensors_are_not_acted_on(by: Parametrization | None, act: Act | None, actor: Actor) -> bool:
    return by is None or act is None or actor is Actor.NEIGHBOUR


@_in(_ACCEPTED)
def _shared_modules_run_twice(act: Act | None, shared: bool) -> bool:
    return not shared or act not in _LATE_AND_ALONE


@_in(_ACCEPTED)
def _stores_take_what_is_exchanged(act: Act | None, kind: Kind, value: GivenValue, tie: Tie, actor: Actor) -> bool:
    if act is None or not act.is_about_two:
        return True
    parameter = kind is Kind.PARAMETER
    fits = value is GivenValue.PARAMETER or not parameter
    fits = fits and (parameter or value not in (GivenValue.PARAMETER, GivenValue.OWN))
    return fits and actor is Actor.TARGET and tie is not Tie.OTHER_KIND


@_in(_ACCEPTED)
def _hooks_that_follow_read_a_tensor(hook: HookKind | None, act: Act | None) -> bool:
    return hook is not HookKind.FORWARD or act not in _LATE_AND_ALONE


@_in(_ACCEPTED)
def _hooks_that_precede_take_positional_arguments(hook: HookKind | None, location: Location, passing: Passing) -> bool:
    root = location is Location.ROOT or location.is_of_parameters
    keyword = passing in (Passing.BY_KEYWORD, Passing.ALL_BY_KEYWORD)
    return hook is not HookKind.FORWARD_PRE or not (root and keyword)


@_in(_ACCEPTED)
def _a_module_has_one_hook(hook: HookKind | None, raises: Raising) -> bool:
    return raises is not Raising.HOOK or hook is None


# ---------------------------------------------------------------------------------------------------- several calls


@_in(_ACCEPTED)
def _cached_calls_leave_the_module(in_cached: bool, act: Act | None, raises: Raising) -> bool:
    return not in_cached or (act is None and raises is Raising.NOTHING)


@_in(_ACCEPTED)
def _prior_calls_leave_the_module(prior: PriorCall, act: Act | None) -> bool:
    return prior is PriorCall.NONE or act is None


@_in(_ACCEPTED)
def _one_child_is_replaced(prior: PriorCall, location: Location, shared: bool, tie: Tie, circular: bool) -> bool:
    child = location is not Location.ROOT and not location.is_of_parameters
    apart = not shared and tie in (Tie.NONE, Tie.SAME_MODULE) and not circular
    return prior is not PriorCall.REPLACED_CHILD or (child and apart)


@_in(_ACCEPTED)
def _calls_inside_are_of_children(
    calls_inside: bool, location: Location, act: Act | None, by: Parametrization | None
) -> bool:
    child = location is not Location.ROOT and not location.is_of_parameters
    # A regular name given inside would be another law's.
    return not calls_inside or (child and by is None and act in (None, Act.ADD_IN_PLACE, Act.REBIND))


# --------------------------------------------------------------------------------------------------------- refused calls


@_in(_REFUSED)
def _values_and_flags_of_refused_calls(
    value: GivenValue, tie_weights: bool | None, strict: bool | None, dict_class: DictClass, prior: PriorCall
) -> bool:
    usual = value not in (GivenValue.EQUAL_TO_OWN, GivenValue.INFERENCE)
    flags = tie_weights is not True and strict is not False
    return usual and flags and dict_class is not DictClass.ORDERED_DICT and prior in (PriorCall.NONE, PriorCall.SAME)


@_in(_REFUSED)
def _kept_originals_of_refused_calls(by: Parametrization | None, tie: Tie) -> bool:
    return by in (None, Parametrization.SQUARE, Parametrization.SHIFT) and tie is not Tie.OTHER_KIND


@_in(_REFUSED)
def _which_name_can_have_which_fault(fault: Fault, faulty: Faulty) -> bool:
    no_tensor = (Fault.FLOAT, Fault.CALLABLE, Fault.DICT)
    match faulty:
        case Faulty.SLOT:
            return True
        case Faulty.NEW:
            return fault in no_tensor
        case Faulty.REGULAR:
            return fault in (*no_tensor, Fault.IN_TWO_DICTS)  # no law speaks of several values for a regular name


@_in(_REFUSED)
def _where_a_name_can_be_faulty(
    faulty: Faulty, by: Parametrization | None, strict: bool | None, value: GivenValue
) -> bool:
    if faulty is Faulty.REGULAR:
        return by is not None and not strict and value is not GivenValue.OWN
    return faulty is not Faulty.NEW or not strict


@_in(_REFUSED)
def _conflicts_need_two_names(fault: Fault, tie: Tie, shared: bool, tie_weights: bool | None) -> bool:
    several = shared or tie is not Tie.NONE
    return fault not in (Fault.CONFLICT, Fault.CONFLICT_BY_ULP) or (tie_weights is not False and several)


@_in(_REFUSED)
def _what_strict_refuses(fault: Fault, strict: bool | None, others: Others) -> bool:
    if fault is Fault.MISSING_OTHER:
        return bool(strict) and others is not Others.ALL
    if fault in (Fault.MISSING, Fault.UNEXPECTED) and not strict:
        return False
    return not strict or others is Others.ALL


@_in(_REFUSED)
def _names_given_in_part(
    fault: Fault, in_part: bool, tie: Tie, shared: bool, tie_weights: bool | None, faulty: Faulty
) -> bool:
    if not in_part:
        return True
    if fault is Fault.MISSING:
        return tie_weights is False and tie is not Tie.NONE and not shared
    conflict = fault in (Fault.CONFLICT, Fault.CONFLICT_BY_ULP)
    return conflict and tie is Tie.BOTH and faulty is Faulty.SLOT


@_in(_REFUSED)
def _the_root_has_no_name(fault: Fault, location: Location) -> bool:
    return fault is not Fault.SUBMODULE or location is not Location.ROOT
