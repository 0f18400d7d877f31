"""What drawn calls are about: each topic names the features that its calls have, so that they are neutral to all others."""

from __future__ import annotations

import enum
from dataclasses import dataclass

from fcspec.calls.features import AcceptedFeatures, RefusedFeatures, Row
from fcspec.calls.kinds import Act, Idiom, Kind, Passing, ValueKind


class Feature(enum.Flag):
    """What calls about a topic may have, or always have."""

    CONTAINERS = enum.auto()
    """Some submodules are Sequential, ModuleList, ModuleDict, ParameterList or ParameterDict."""
    SHARED_SUBMODULE = enum.auto()
    """A submodule is registered under two names."""
    CYCLE = enum.auto()
    """A module contains itself."""
    NONE_REGISTERED = enum.auto()
    """A parameter or buffer is registered as None."""
    HOOK = enum.auto()
    """A module has a forward hook or a forward pre-hook."""
    RAISES = enum.auto()
    """A forward raises."""
    ACTS_ON_OTHERS = enum.auto()
    """Forward acts on a slot that is not given."""
    SPLIT = enum.auto()
    """The values are split over a tuple of two dicts."""
    SEVERAL_NAMES = enum.auto()
    """Several names of a tied group are given."""
    EQUAL_VALUES = enum.auto()
    """Where several names of a tied group are given, their values are different tensors with equal contents."""
    UNKNOWN_NAME = enum.auto()
    """A name is given that the module does not have."""
    TIES_OFF = enum.auto()
    """tie_weights=False is passed."""
    TIES_ON = enum.auto()
    """tie_weights=True is passed; otherwise it is left to its default."""
    STRICT = enum.auto()
    """strict=True may be passed, and then often with every name."""


_NO_FEATURE = Feature(0)


class ParametrizedName(enum.Enum):
    """By which of its names a parametrized tensor is given."""

    REGULAR = enum.auto()
    ORIGINAL = enum.auto()


class Fault(enum.Enum):
    """What makes a call an error, beside missing names under strict."""

    CONFLICTING_VALUES = enum.auto()
    NAME_IN_TWO_DICTS = enum.auto()
    VALUE_IS_NO_TENSOR = enum.auto()
    NO_SUCH_SUBMODULE = enum.auto()
    NAME_OF_NO_TENSOR = enum.auto()
    """The name leads to an attribute of the module that is no parameter or buffer."""


@dataclass(frozen=True)
class Topic:
    """What calls are about.

    Attributes:
        tied_names: the number of names in a tied group that every call has; 0: it has none.
        parametrized: every call has a parametrized tensor, which is given by this name. None: it has none.
        acts: some forward does one of these to a slot.
        value_kinds: of given tensors.
        slot_kinds: of slots whose kind is drawn.
        idioms: the dicts of a call are one of these, and nothing else is given.
        faults: every call has one of these.
        table: calls are drawn as rows of this table of features, and none of the above counts.
    """

    name: str
    features: Feature = _NO_FEATURE
    tied_names: int = 0
    parametrized: ParametrizedName | None = None
    acts: tuple[Act, ...] = ()
    value_kinds: tuple[ValueKind, ...] = (ValueKind.TENSOR,)
    slot_kinds: tuple[Kind, ...] = (Kind.PARAMETER, Kind.BUFFER, Kind.NON_PERSISTENT_BUFFER)
    idioms: tuple[tuple[Idiom, ...], ...] = ()
    passing: tuple[Passing, ...] = (Passing.ALONE,)
    faults: tuple[Fault, ...] = ()
    table: type[Row] | None = None


ANY_VALUE = (ValueKind.TENSOR, ValueKind.REQUIRES_GRAD, ValueKind.PARAMETER)

_PARAMETERS = (Kind.PARAMETER,)

TOPICS = (
    # Values, dicts, arguments.
    Topic("values", Feature.CONTAINERS, value_kinds=ANY_VALUE),
    Topic("own values", Feature.CONTAINERS, value_kinds=(ValueKind.OWN, *ANY_VALUE)),
    Topic("tuples", Feature.SPLIT, value_kinds=ANY_VALUE),
    Topic(
        "arguments",
        Feature.CONTAINERS | Feature.SPLIT,
        passing=(Passing.IN_TUPLE, Passing.BY_KEYWORD, Passing.ALL_BY_KEYWORD),
    ),
    Topic("hooks", Feature.HOOK),
    # Tied names.
    Topic("two tied names", tied_names=2, value_kinds=ANY_VALUE),
    Topic("several of two tied names", Feature.SEVERAL_NAMES, tied_names=2, value_kinds=ANY_VALUE),
    Topic("three tied names", Feature.SEVERAL_NAMES, tied_names=3, value_kinds=ANY_VALUE),
    Topic("equal values", Feature.SEVERAL_NAMES | Feature.EQUAL_VALUES, tied_names=2),
    Topic("ties ignored", Feature.SEVERAL_NAMES | Feature.TIES_OFF, tied_names=2),
    Topic("different values", Feature.SEVERAL_NAMES, tied_names=3, faults=(Fault.CONFLICTING_VALUES,)),
    # Shared submodules.
    Topic("shared submodule", Feature.SHARED_SUBMODULE, slot_kinds=_PARAMETERS),
    Topic("shared buffers", Feature.SHARED_SUBMODULE, slot_kinds=(Kind.BUFFER, Kind.NON_PERSISTENT_BUFFER)),
    Topic("shared submodule, several names", Feature.SHARED_SUBMODULE | Feature.SEVERAL_NAMES),
    Topic("shared submodule, ties ignored", Feature.SHARED_SUBMODULE | Feature.TIES_OFF),
    Topic("shared submodule, rebound", Feature.SHARED_SUBMODULE | Feature.SEVERAL_NAMES, acts=(Act.REBIND,)),
    # Parametrizations.
    Topic("regular names", parametrized=ParametrizedName.REGULAR, slot_kinds=_PARAMETERS, value_kinds=ANY_VALUE),
    Topic("regular names of buffers", parametrized=ParametrizedName.REGULAR, slot_kinds=(Kind.BUFFER,)),
    Topic("originals", parametrized=ParametrizedName.ORIGINAL, value_kinds=ANY_VALUE),
    # What forward does.
    Topic("rebinding", acts=(Act.REBIND,), value_kinds=ANY_VALUE),
    Topic("rebinding, tuples", Feature.SPLIT, acts=(Act.REBIND,)),
    Topic("rebinding to None", acts=(Act.BIND_NONE,)),
    Topic("in place", acts=(Act.ADD_IN_PLACE,), value_kinds=ANY_VALUE),
    Topic("not given", Feature.ACTS_ON_OTHERS, acts=(Act.ADD_IN_PLACE, Act.REBIND, Act.BIND_NONE)),
    Topic("deleted", acts=(Act.DELETE,)),
    Topic("no tensor any more", acts=(Act.BIND_STRING, Act.BIND_MODULE)),
    Topic("moved", acts=(Act.MOVE,)),
    Topic("forward raises", Feature.RAISES, acts=(Act.ADD_IN_PLACE, Act.REBIND)),
    # strict, names, refusals.
    Topic("strict", Feature.CONTAINERS | Feature.SPLIT | Feature.STRICT),
    Topic("strict, nothing registered", Feature.STRICT | Feature.NONE_REGISTERED),
    Topic("strict, tied", Feature.STRICT, tied_names=2),
    Topic("unknown names", Feature.STRICT | Feature.UNKNOWN_NAME),
    Topic(
        "refused",
        faults=(Fault.NAME_IN_TWO_DICTS, Fault.VALUE_IS_NO_TENSOR, Fault.NO_SUCH_SUBMODULE, Fault.NAME_OF_NO_TENSOR),
    ),
    # Whole modules.
    Topic(
        "idioms",
        Feature.CONTAINERS,
        idioms=((Idiom.NAMED_PARAMETERS,), (Idiom.NAMED_PARAMETERS, Idiom.NAMED_BUFFERS)),
    ),
    Topic("state_dict()", tied_names=2, idioms=((Idiom.STATE_DICT,),), slot_kinds=_PARAMETERS),
    Topic("circular", Feature.CYCLE),
    # Several of these together.
    Topic(
        "tied names, rebound or written",
        Feature.CONTAINERS | Feature.SEVERAL_NAMES | Feature.SPLIT,
        tied_names=2,
        acts=(Act.REBIND, Act.ADD_IN_PLACE),
    ),
    Topic(
        "tied names, deleted or moved, forward raises",
        Feature.RAISES,
        tied_names=2,
        acts=(Act.DELETE, Act.MOVE, Act.BIND_NONE),
    ),
    Topic("tied names in a shared submodule", Feature.SHARED_SUBMODULE | Feature.SEVERAL_NAMES, tied_names=2),
    Topic(
        "originals, hooks, containers",
        Feature.CONTAINERS | Feature.HOOK | Feature.SPLIT,
        parametrized=ParametrizedName.ORIGINAL,
        value_kinds=ANY_VALUE,
    ),
    Topic(
        "regular names, strict tuples of the others",
        Feature.SPLIT | Feature.UNKNOWN_NAME | Feature.HOOK,
        parametrized=ParametrizedName.REGULAR,
    ),
    Topic("any features", table=AcceptedFeatures),
    Topic("any features, refused", table=RefusedFeatures),
)
"""`fcspec explore` draws calls about each of these in turn."""
