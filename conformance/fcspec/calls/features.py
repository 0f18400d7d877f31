"""The features of a call, as tables of factors: what each can be, and what cannot meet.

Calls that are accepted and calls that are errors have a table each, and a refused call has one fault, for a fault hides what
else is wrong. The first value of a factor is its default, the most usual one. rows.py makes a plan of a row, covering.py covers
all pairs.

What SPEC.md leaves free (MAY) is excluded by the rules, as it is in drawing.py.
"""

# ruff: noqa: RUF009  (factor makes a field)
from __future__ import annotations

import dataclasses
import enum
import inspect
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from fcspec.calls.kinds import Act, HookKind, Kind, Parametrization, Passing
from fcspec.calls.surroundings import DictClass, Mixin, Mode, PriorCall

if TYPE_CHECKING:
    from fcspec.calls.addition import Addition


class Location(enum.Enum):
    """Where the target is registered: the slot that the call is about."""

    ROOT = enum.auto()
    CHILD = enum.auto()
    GRANDCHILD = enum.auto()
    SEQUENTIAL = enum.auto()
    MODULE_LIST = enum.auto()
    MODULE_DICT = enum.auto()
    PARAMETER_LIST = enum.auto()
    PARAMETER_DICT = enum.auto()

    @property
    def is_of_parameters(self) -> bool:
        return self in (Location.PARAMETER_LIST, Location.PARAMETER_DICT)


class Tie(enum.Enum):
    """Which other slots hold the target's tensor."""

    NONE = enum.auto()
    SAME_MODULE = enum.auto()
    OTHER_MODULE = enum.auto()
    BOTH = enum.auto()
    OTHER_KIND = enum.auto()
    """One of another module, which is a buffer where the target is a parameter, or the other way round."""


class Given(enum.Enum):
    """Which names of the target and its group are given."""

    FIRST = enum.auto()
    LAST = enum.auto()
    ALL = enum.auto()
    NONE = enum.auto()
    REGULAR = enum.auto()
    """The regular name of the parametrized target, by one path."""
    REGULAR_BY_ALL_PATHS = enum.auto()

    @property
    def is_regular(self) -> bool:
        return self in (Given.REGULAR, Given.REGULAR_BY_ALL_PATHS)


class Others(enum.Enum):
    """Which other slots are given."""

    NONE = enum.auto()
    OF_OWNER = enum.auto()
    ALL = enum.auto()


class GivenValue(enum.Enum):
    TENSOR = enum.auto()
    REQUIRES_GRAD = enum.auto()
    PARAMETER = enum.auto()
    OWN = enum.auto()
    EQUAL_TO_OWN = enum.auto()
    INFERENCE = enum.auto()


class Alike(enum.Enum):
    """How the values of several names of the target's group compare."""

    SAME = enum.auto()
    EQUAL = enum.auto()
    DIFFERENT = enum.auto()


class Split(enum.Enum):
    """The entries in dicts."""

    ONE_DICT = enum.auto()
    TUPLE_OF_ONE = enum.auto()
    OTHERS_FIRST = enum.auto()
    ONE_EACH = enum.auto()
    EMPTY_FIRST = enum.auto()


class Actor(enum.Enum):
    """The slot that forward acts on."""

    TARGET = enum.auto()
    NEIGHBOUR = enum.auto()
    MATE = enum.auto()


class Raising(enum.Enum):
    NOTHING = enum.auto()
    FORWARD = enum.auto()
    HOOK = enum.auto()


class NewName(enum.Enum):
    """Of which module an unknown name is given."""

    NONE = enum.auto()
    ROOT = enum.auto()
    OWNER = enum.auto()


class Fault(enum.Enum):
    """What makes a call an error."""

    IN_TWO_DICTS = enum.auto()
    ONE_DICT_TWICE = enum.auto()
    NEW_NAME_TWICE = enum.auto()
    FLOAT = enum.auto()
    CALLABLE = enum.auto()
    DICT = enum.auto()
    NO_OWNER = enum.auto()
    LEADING_DOT = enum.auto()
    DOUBLE_DOT = enum.auto()
    TRAILING_DOT = enum.auto()
    WRAPPER_PREFIX = enum.auto()
    NOT_A_TENSOR = enum.auto()
    SUBMODULE = enum.auto()
    CONFLICT = enum.auto()
    CONFLICT_BY_ULP = enum.auto()
    MISSING = enum.auto()
    MISSING_OTHER = enum.auto()
    UNEXPECTED = enum.auto()


class Faulty(enum.Enum):
    """The name that is at fault."""

    SLOT = enum.auto()
    NEW = enum.auto()
    REGULAR = enum.auto()


VALUES = "values"
"""The key of a factor's values in its field's metadata."""


def factor(*values: Any) -> Any:
    return dataclasses.field(default=values[0], metadata={VALUES: values})


_PARAMETRIZATIONS = (None, *Parametrization)


@dataclass(frozen=True, kw_only=True)
class Features:
    """One value of each factor that both tables have.

    Attributes:
        further_rules: those of a table that has more factors than these two.
    """

    further_rules: ClassVar[tuple[Rule, ...]] = ()

    @property
    def added(self) -> Addition | None:
        """What the call has besides."""
        return None

    kind: Kind = factor(*Kind)
    location: Location = factor(*Location)
    shared: bool = factor(False, True)
    tie: Tie = factor(*Tie)
    by: Parametrization | None = factor(*_PARAMETRIZATIONS)
    others: Others = factor(*Others)
    value: GivenValue = factor(*GivenValue)
    tie_weights: bool | None = factor(None, True, False)
    strict: bool | None = factor(None, False, True)
    dict_class: DictClass = factor(*DictClass)
    mixin: Mixin = factor(*Mixin)
    prior: PriorCall = factor(*PriorCall)


@dataclass(frozen=True, kw_only=True)
class AcceptedFeatures(Features):
    """A call that is no error."""

    given: Given = factor(*Given)
    second_by: bool = factor(False, True)
    alike: Alike = factor(*Alike)
    split: Split = factor(*Split)
    act: Act | None = factor(None, *Act)
    actor: Actor = factor(*Actor)
    raises: Raising = factor(*Raising)
    hook: HookKind | None = factor(None, HookKind.FORWARD_PRE, HookKind.FORWARD)
    passing: Passing = factor(*Passing)
    new_name: NewName = factor(*NewName)
    none_registered: bool = factor(False, True)
    circular: bool = factor(False, True)
    in_cached: bool = factor(False, True)
    calls_inside: bool = factor(False, True)
    mode: Mode = factor(*Mode)


@dataclass(frozen=True, kw_only=True)
class RefusedFeatures(Features):
    """A call that is an error.

    Attributes:
        last: the faulty entry comes last, and not first.
        in_part: one name of the target's group is not given.
    """

    fault: Fault = factor(*Fault)
    faulty: Faulty = factor(*Faulty)
    last: bool = factor(False, True)
    in_part: bool = factor(False, True)

    @property
    def given(self) -> Given:
        return Given.REGULAR_BY_ALL_PATHS if self.faulty is Faulty.REGULAR else Given.ALL


Row = AcceptedFeatures | RefusedFeatures


def factors(table: type[Row]) -> dict[str, tuple[Any, ...]]:
    """The values of each factor, by its name."""
    return {field.name: field.metadata[VALUES] for field in dataclasses.fields(table)}


@dataclass(frozen=True)
class Rule:
    """What some factors must be together.

    Attributes:
        names: of the factors.
        allows: takes one value for each of them, and says whether they can meet.
    """

    names: tuple[str, ...]
    allows: Callable[..., bool]

    @classmethod
    def of(cls, function: Callable[..., bool]) -> Rule:
        return cls(tuple(inspect.signature(function).parameters), function)

    def is_kept_by(self, row: Row) -> bool:
        return self.allows(*(getattr(row, name) for name in self.names))


def non_default(row: Row) -> dict[str, Any]:
    """The factors that are not at their default."""
    return {
        field.name: value for field in dataclasses.fields(row) if (value := getattr(row, field.name)) != field.default
    }


def at_default(row: Row, names: Iterable[str]) -> Row:
    """The same row, with these factors at their defaults."""
    values = factors(type(row))
    changes: dict[str, Any] = {name: values[name][0] for name in names}
    return dataclasses.replace(row, **changes)
