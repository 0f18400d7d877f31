"""The kinds of things that a planned call is made of."""

from __future__ import annotations

import enum


class Kind(enum.Enum):
    """How a tensor is registered."""

    PARAMETER = enum.auto()
    BUFFER = enum.auto()
    NON_PERSISTENT_BUFFER = enum.auto()


class Form(enum.Enum):
    """What sort of module a module is."""

    MODULE = enum.auto()
    """A class of its own, with slots, children and a forward that the plan describes."""
    SEQUENTIAL = enum.auto()
    MODULE_LIST = enum.auto()
    MODULE_DICT = enum.auto()
    PARAMETER_LIST = enum.auto()
    PARAMETER_DICT = enum.auto()


class Parametrization(enum.StrEnum):
    """Parametrizations, by the name of their class."""

    SQUARE = "Square"
    """It has no right_inverse."""
    DOUBLE = "Double"
    """Its right_inverse is exact."""
    SHIFT = "Shift"
    """Its right_inverse does not invert it."""
    PRODUCT = "Product"
    """It has two originals."""


class Act(enum.Enum):
    """What a forward can do to a slot."""

    ADD_IN_PLACE = enum.auto()
    REBIND = enum.auto()
    BIND_NONE = enum.auto()
    BIND_STRING = enum.auto()
    BIND_MODULE = enum.auto()
    DELETE = enum.auto()
    MOVE = enum.auto()
    """Delete a parameter and register a buffer under its key, or the other way round."""
    SWAP = enum.auto()
    """Exchange what it holds with what another slot of the module holds."""
    ALIAS = enum.auto()
    """Bind what another slot of the module holds."""

    @property
    def precedes_reads(self) -> bool:
        """Whether forward does it before it reads its slots, and not after."""
        return self in (Act.ADD_IN_PLACE, Act.REBIND)

    @property
    def is_about_two(self) -> bool:
        return self in (Act.SWAP, Act.ALIAS)


class HookKind(enum.Enum):
    """Which of torch's hooks a hook is."""

    FORWARD = enum.auto()
    FORWARD_PRE = enum.auto()
    FORWARD_THAT_RAISES = enum.auto()


class ValueKind(enum.Enum):
    """What sort of tensor is given."""

    TENSOR = enum.auto()
    REQUIRES_GRAD = enum.auto()
    PARAMETER = enum.auto()
    INFERENCE = enum.auto()
    """A tensor that was made in inference mode."""
    OWN = enum.auto()
    """The tensor that the module itself holds at that place."""


class Passing(enum.StrEnum):
    """How x, the one argument of every forward, is passed: the text of the arguments after the dicts."""

    ALONE = "{x}"
    IN_TUPLE = "({x},)"
    BY_KEYWORD = '(), {{"x": {x}}}'
    ALL_BY_KEYWORD = 'args=(), kwargs={{"x": {x}}}'


class Idiom(enum.StrEnum):
    """Source code that makes a whole dict out of the module itself."""

    NAMED_PARAMETERS = "dict(model.named_parameters())"
    NAMED_BUFFERS = "dict(model.named_buffers())"
    STATE_DICT = "model.state_dict()"
